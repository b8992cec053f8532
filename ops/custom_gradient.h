// A function of values whose gradient the caller gives, for when the derivative
// of what it computes is not the one that is wanted: straight-through
// estimators, clipped or reversed gradients, numerically better formulas.
//
//   // Rounds, and lets gradients pass as if it did not.
//   Value y = CustomGradient(
//       x, [](const Value& x) { return Floor(x + 0.5); },
//       [](const CustomGradientCall& call) { return call.output_gradients[0];
//       });
//
// For an op of your own, give an OpDef a .decompose and a .gradient instead: it
// has a name, prints, and can be parsed.
#ifndef EVENGRAD_OPS_CUSTOM_GRADIENT_H_
#define EVENGRAD_OPS_CUSTOM_GRADIENT_H_

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

// What a gradient function makes its values of.
struct CustomGradientCall {
  std::span<const Value> inputs = {};
  std::span<const Value> outputs = {};
  // One an output: zeros where it does not reach the loss, Value() where it is
  // not floating.
  std::span<const Value> output_gradients = {};
};

// One value an input, of its type; Value() where no gradient flows. It is
// called each time a gradient through the function is derived, in a copy of the
// graph perhaps: it must make its nodes of the call's values alone and keep no
// Value. What it returns is differentiated in turn for second derivatives.
using CustomGradientFunction =
    std::function<std::vector<Value>(const CustomGradientCall& call)>;

struct CustomGradientOptions {
  // Scope of the nodes; empty: the current scope.
  std::string_view name = {};
};

// `function`, called now, with the gradient that `gradient` makes. Output i of
// the result is the function's i-th value. The function's own nodes are never
// differentiated, so they may have ops without gradient.
//
// Errors: no input, no output; a function that makes a parameter or reads a
// floating value which is neither an input, a constant nor a StopGradient: no
// gradient would reach it. When the gradient is derived: a wrong number of
// values, or one of a wrong type.
EVENGRAD_EXPORT Node CustomGradient(
    const std::vector<Value>& inputs,
    const std::function<std::vector<Value>(std::span<const Value> inputs)>&
        function,
    CustomGradientFunction gradient, const CustomGradientOptions& options = {},
    SourceLocation location = Here());

// The same for one input and one output.
EVENGRAD_EXPORT Value
CustomGradient(const Value& input,
               const std::function<Value(const Value& input)>& function,
               std::function<Value(const CustomGradientCall& call)> gradient,
               const CustomGradientOptions& options = {},
               SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_CUSTOM_GRADIENT_H_
