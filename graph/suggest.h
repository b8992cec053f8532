// "Did you mean": the known name nearest to a mistyped one.
#ifndef EVENGRAD_GRAPH_SUGGEST_H_
#define EVENGRAD_GRAPH_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/export.h"

namespace evengrad {

// "; did you mean 'selu'?" for the candidate with the smallest edit distance to
// `name`, or "" where none is near (more than a third of its letters differ).
EVENGRAD_EXPORT std::string DidYouMean(
    std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_SUGGEST_H_
