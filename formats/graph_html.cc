#include "evengrad/formats/graph_html.h"

#include "evengrad/formats/embedded_files.h"
#include "evengrad/formats/graph_json.h"
#include "evengrad/formats/html_page.h"
#include "evengrad/graph/status.h"

namespace evengrad {

std::string PrintGraphHtml(const GraphPicture& picture) {
  return PrintHtmlPage(
      {.title = StrCat(picture.title, ", ", picture.stage, " – Evengrad"),
       .styles = {EmbeddedFile("graph_view.css")},
       .body = "<div id=\"app\"><noscript>This page needs JavaScript; it loads "
               "nothing from elsewhere.</noscript></div>",
       .data = {{"graph", PrintGraphJson(picture)}},
       .scripts = {
           EmbeddedFile("graph_model.js"), EmbeddedFile("graph_layout.js"),
           EmbeddedFile("graph_draw.js"), EmbeddedFile("graph_panels.js"),
           EmbeddedFile("graph_search.js"), EmbeddedFile("graph_pointer.js"),
           EmbeddedFile("graph_view.js")}});
}

}  // namespace evengrad
