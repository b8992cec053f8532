// A picture of a program as one HTML file to explore: layers fold, repeated
// ones are one with a count, costs are heat, kernels and the arena are there
// for a compiled program, and statistics of a run lie on the layers.
#ifndef EVENGRAD_FORMATS_GRAPH_HTML_H_
#define EVENGRAD_FORMATS_GRAPH_HTML_H_

#include <string>

#include "evengrad/formats/graph_picture.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// The page holds the picture as JSON (formats/graph_json.h) and draws it with
// formats/html/graph_view.js; see formats/html_page.h.
EVENGRAD_EXPORT std::string PrintGraphHtml(const GraphPicture& picture);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_HTML_H_
