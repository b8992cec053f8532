// What elementwise ops share: type rules, the ends of their gradients, cost,
// and the nodes of their builder functions. A new elementwise op needs only
// its formula; see ops/selu.cc.
#ifndef EVENGRAD_OPS_ELEMENTWISE_RULES_H_
#define EVENGRAD_OPS_ELEMENTWISE_RULES_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/ops/operand.h"

namespace evengrad {

// ---- Type rules -------------------------------------------------------------
//
// floating  f32, f64, bf16
// signed    floating, i32, i64
// numeric   signed, u8
//
// The inputs must have one element type of the named kind and broadcast by
// NumPy's rules; the output has that type and the broadcast shape. Errors name
// the input and its type: "input must be floating (f32, f64 or bf16), found
// i32[4]".

using InferredTypes = absl::StatusOr<std::vector<TensorType>>;

EVENGRAD_EXPORT InferredTypes InferFloating(const InferContext& context);
EVENGRAD_EXPORT InferredTypes InferSigned(const InferContext& context);
EVENGRAD_EXPORT InferredTypes InferNumeric(const InferContext& context);
EVENGRAD_EXPORT InferredTypes InferBoolean(const InferContext& context);
// Numeric inputs of one type, bool output.
EVENGRAD_EXPORT InferredTypes InferComparison(const InferContext& context);
// Inputs of one type, which may be bool too; bool output.
EVENGRAD_EXPORT InferredTypes InferEquality(const InferContext& context);

// ---- Gradients --------------------------------------------------------------

// No gradient flows to any input: the output is constant almost everywhere.
EVENGRAD_EXPORT std::vector<Value> NoGradient(
    const Node& node, std::span<const Value> output_gradients);

// `gradient`, summed over the axes along which `input` was broadcast to its
// shape. Itself where there are none.
EVENGRAD_EXPORT Value Unbroadcast(const Value& gradient, const Value& input);

// ---- Rewrites ---------------------------------------------------------------

// For OpDef::simplify: `value` in the place of the node's only output, where
// it has its type; nothing where it does not (a broadcast would be lost).
EVENGRAD_EXPORT std::vector<Value> ReplaceBy(const Value& value,
                                             const Node& node);
// `value` is a constant of one element equal to `number`, sign of zero
// included.
EVENGRAD_EXPORT bool IsNumber(const Value& value, double number);

// ---- Cost -------------------------------------------------------------------

// One flop an element for each primitive of OpDef::elementwise (two for
// multiply_add); every input is read and the output written once.
EVENGRAD_EXPORT Cost ElementwiseCost(const Node& node);

// ---- Builder functions ------------------------------------------------------

EVENGRAD_EXPORT Value AddUnary(const OpDef& op, const Value& input,
                               SourceLocation location);
EVENGRAD_EXPORT Value AddBinary(const OpDef& op, const Operand& a,
                                const Operand& b);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_ELEMENTWISE_RULES_H_
