// What the reductions (sum, mean, maximum, minimum over axes) share: their
// attributes, type rules, the way a gradient goes back, cost and reference.
#ifndef EVENGRAD_OPS_REDUCTION_RULES_H_
#define EVENGRAD_OPS_REDUCTION_RULES_H_

#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {

// axes (integers; empty: all) and keep_dimensions (bool).
std::vector<AttributeDef> ReductionAttributes();

// The axes that are reduced, from the front and in ascending order. Error: out
// of range or named twice.
absl::StatusOr<std::vector<int>> ReducedAxes(std::span<const int64_t> axes,
                                             int rank);

// The input without the reduced axes, or with 1 in their place.
//   Sum      numeric inputs
//   Mean     floating inputs
//   Extremum numeric inputs; an axis known to be empty is an error
//   SignedReduction signed inputs (no u8)
absl::StatusOr<std::vector<TensorType>> InferSum(const InferContext& context);
absl::StatusOr<std::vector<TensorType>> InferMean(const InferContext& context);
absl::StatusOr<std::vector<TensorType>> InferExtremum(
    const InferContext& context);
absl::StatusOr<std::vector<TensorType>> InferSignedReduction(
    const InferContext& context);

// Error: input 0 is not floating.
absl::Status CheckFloatingInput(const InferContext& context);

// The attributes of a reduction.
ReduceOptions ReduceOptionsOf(const Node& node);

// A value of the reduction's output type, repeated along the reduced axes to
// the type of its input.
Value SpreadOverInput(const Value& value, const Node& reduction);

// The gradient of an extremum: shared equally among the elements that equal it.
std::vector<Value> ExtremumGradient(const Node& node,
                                    std::span<const Value> output_gradients);

// For OpDef::simplify: a reduction over axes of size 1 is a reshape.
std::vector<Value> SimplifyReduction(const Node& node);

// One flop an element of the input.
Cost ReductionCost(const Node& node);

// Every output is `reduce` of the elements that belong to it, in row-major
// order.
ReferenceFunction ReferenceReduction(
    std::function<double(std::span<const double>)> reduce);

Value AddReduction(const OpDef& op, const Value& input, ReduceOptions options,
                   SourceLocation location);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_REDUCTION_RULES_H_
