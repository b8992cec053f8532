// What split and split_like share.
#ifndef EVENGRAD_OPS_SPLIT_RULES_H_
#define EVENGRAD_OPS_SPLIT_RULES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/graph.h"
#include "evengrad/ops/reference.h"

namespace evengrad {

// OK when the pieces make up `whole` as far as sizes are known: "the pieces
// have 7 elements along axis 0, the input has 6".
absl::Status CheckPieces(std::span<const Dimension> pieces,
                         const Dimension& whole, int axis);

// The gradient of input 0: the output gradients joined again, with zeros for
// outputs that do not reach the loss.
Value JoinOutputGradients(const Node& node,
                          std::span<const Value> output_gradients);

// Slices of input 0, one an output, where all types are static.
std::vector<Value> DecomposeIntoSlices(const Node& node);

absl::Status ReferenceSplit(const ReferenceCall& call);

// The outputs of `node`; where it is invalid, `count` invalid values of the
// graph of `input`.
std::vector<Value> OutputsOf(const Node& node, const Value& input,
                             size_t count);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SPLIT_RULES_H_
