// What dropout and alpha dropout share: two outputs, the result and, for
// backward, the bool mask of what was kept.
#ifndef EVENGRAD_OPS_DROPOUT_RULES_H_
#define EVENGRAD_OPS_DROPOUT_RULES_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {

// probability (of a drop), stream.
std::vector<AttributeDef> DropoutAttributes();

// A floating input -> its type, and bool of its shape. Error: probability 1.
absl::StatusOr<std::vector<TensorType>> InferDropout(
    const InferContext& context);

// For OpDef::inference: all is kept.
std::vector<Value> KeepAll(const Node& node);

// For OpDef::decompose: the mask, drawn from the node's stream.
Value DrawMask(const Node& node);

// A factor of gradients: `training` in training, 1 in inference mode, where the
// mask keeps all and nothing is scaled.
Value FactorInTraining(const Node& node, double training);

// Element = mask ? kept(x) : dropped.
ReferenceFunction ReferenceDropout(
    std::function<double(double x, double probability)> kept,
    std::function<double(double probability)> dropped);

Value AddDropout(const OpDef& op, const Value& input, double probability,
                 const RandomOptions& options, SourceLocation location);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_DROPOUT_RULES_H_
