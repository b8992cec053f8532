// Patterns for the names of nodes and parameters: "*/bias", "hidden?/*".
#ifndef EVENGRAD_GRAPH_NAME_PATTERN_H_
#define EVENGRAD_GRAPH_NAME_PATTERN_H_

#include <string_view>

#include "evengrad/graph/export.h"

namespace evengrad {

// True when `name` matches `pattern`, in which '*' stands for any characters
// ('/' too) and '?' for one.
EVENGRAD_EXPORT bool MatchesPattern(std::string_view pattern,
                                    std::string_view name);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_NAME_PATTERN_H_
