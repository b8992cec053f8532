// Reverse-mode differentiation of a graph: appends the nodes of the gradient.
#ifndef EVENGRAD_AUTODIFF_GRADIENTS_H_
#define EVENGRAD_AUTODIFF_GRADIENTS_H_

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

struct GradientOptions {
  // d loss / d loss, for one loss; ones where invalid. Needed for a loss that
  // is no scalar.
  Value output_gradient = {};
  // The same for several losses: empty, or one each.
  std::vector<Value> output_gradients = {};
  // A value that no loss depends on: an error, or a gradient of zero.
  bool zeros_for_unreached = false;
  // Where not null: also gets the gradient of every value between wrt and the
  // loss.
  std::map<ValueId, Value>* all = nullptr;
  // Where set: gives the region (0 or more) of a node whose values are not kept
  // until the gradient reads them, but computed again when it has reached the
  // region; -1 for other nodes. The gradient is the same. Values that a region
  // reads from outside are kept, so one region takes no less memory than none.
  std::function<int(const Node& node)> recompute = {};
};

// d loss / d wrt[i], each with the type of wrt[i]. The new nodes are named
// "gradient/<forward node>/…", know the node whose gradient they are, and have
// its source line. They are made of ops with gradients, so Gradients may be
// applied again.
//
// An op is asked for its OpDef::gradient first; one that is defined by
// composition (OpDef::decompose) is taken apart only when a program is
// compiled.
//
// Errors: the graph's own; a loss that is not a floating scalar (unless its
// output gradient is given); a value of another graph; one error that lists
// *all* ops without gradient on the paths; unreached values.
EVENGRAD_EXPORT absl::StatusOr<std::vector<Value>> Gradients(
    const Value& loss, std::span<const Value> wrt,
    const GradientOptions& options = {});

// The gradients of the sum of several losses, in one pass: the sum over them of
// output_gradient · d loss / d wrt[i].
EVENGRAD_EXPORT absl::StatusOr<std::vector<Value>> Gradients(
    std::span<const Value> losses, std::span<const Value> wrt,
    const GradientOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_AUTODIFF_GRADIENTS_H_
