// Graphviz, where it is installed.
#ifndef EVENGRAD_TOOLS_RENDER_SVG_H_
#define EVENGRAD_TOOLS_RENDER_SVG_H_

#include <string>

#include "absl/status/statusor.h"

namespace evengrad::tools {

// What `dot -Tsvg` makes of a graph in DOT. Errors: there is no program dot; it
// fails, with the first line that it complains in.
absl::StatusOr<std::string> RenderSvg(const std::string& dot);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_RENDER_SVG_H_
