// A picture of a program as JSON: docs/graph_json.md says what each member
// means.
#ifndef EVENGRAD_FORMATS_GRAPH_JSON_H_
#define EVENGRAD_FORMATS_GRAPH_JSON_H_

#include <string>

#include "evengrad/formats/graph_picture.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// Grows when a member changes its meaning or goes; new members keep it.
inline constexpr int kGraphJsonVersion = 1;

// One object, a node or kernel a line.
EVENGRAD_EXPORT std::string PrintGraphJson(const GraphPicture& picture);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_JSON_H_
