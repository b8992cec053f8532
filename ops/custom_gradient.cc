// The node of a function with a custom gradient stands behind the function's
// own nodes:
//
//   output i = value i        i < outputs
//
// and hands gradients to the function's inputs, which follow the values, past
// those nodes. It vanishes when a program is compiled.
#include "evengrad/ops/custom_gradient.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

int NumValues(const Node& node) {
  return static_cast<int>(node.attribute<int64_t>("outputs"));
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const int64_t outputs = context.attribute<int64_t>("outputs");
  if (outputs > context.num_inputs()) {
    return InvalidArgument("outputs = ", outputs, ", expected at most the ",
                           context.num_inputs(), " input(s)");
  }
  if (context.attribute<HostObject>("gradient").Get<CustomGradientFunction>() ==
      nullptr) {
    return InvalidArgument("attribute gradient holds no gradient function");
  }
  std::vector<TensorType> types;
  for (int i = 0; i < outputs; ++i) types.push_back(context.input(i));
  return types;
}

Value ZerosLike(const Value& value) {
  if (!IsFloating(value.dtype())) return Value();
  return BroadcastLike(Constant(*Graph::Of(value), 0.0, value.dtype()), value);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const int num_values = NumValues(node);
  std::vector<Value> inputs;
  for (int i = num_values; i < node.num_inputs(); ++i) {
    inputs.push_back(node.input(i));
  }
  std::vector<Value> outputs;
  std::vector<Value> gradients;
  for (int i = 0; i < num_values; ++i) {
    outputs.push_back(node.output(i));
    gradients.push_back(output_gradients[i].valid() ? output_gradients[i]
                                                    : ZerosLike(outputs[i]));
  }
  const auto& function =
      *node.attribute<HostObject>("gradient").Get<CustomGradientFunction>();
  const absl::StatusOr<std::vector<Value>> given =
      CallUser("the gradient function", [&] {
        return function({inputs, outputs, gradients});
      });
  if (!given.ok()) {
    node.graph().Fail(given.status(), node.ErrorPrefix());
    return std::vector<Value>(static_cast<size_t>(node.num_inputs()));
  }
  if (given->size() != inputs.size()) {
    node.graph().Fail(
        InvalidArgument("the gradient function gives ", given->size(),
                        " value(s), expected one for each of the ",
                        inputs.size(), " input(s); Value() where none flows"),
        node.ErrorPrefix());
  }
  std::vector<Value> result(static_cast<size_t>(num_values));
  result.insert(result.end(), given->begin(), given->end());
  return result;
}

// When a program is compiled, its gradients have been derived.
std::vector<Value> Decompose(const Node& node) {
  std::vector<Value> values;
  for (int i = 0; i < NumValues(node); ++i) values.push_back(node.input(i));
  return values;
}

// `value` stands outside of a function that was traced from node `first` on,
// and a gradient could flow to it.
bool IsHiddenInput(const Value& value, int first,
                   const std::vector<Value>& inputs) {
  return value.id().node < first && IsFloating(value.dtype()) &&
         std::ranges::find(inputs, value) == inputs.end() &&
         !IsConstant(value.node()) && &value.node().op() != &StopGradientOp();
}

absl::Status HiddenInputError(const Value& value) {
  const SourceLocation at = value.node().location();
  return InvalidArgument(
      "the function reads '", value.name(), "'",
      at.known() ? StrCat(" (", at.ToString(), ")") : "",
      ", which is not one of its inputs, so no gradient would reach it; add it "
      "to the inputs, or read StopGradient of it");
}

// The nodes from `first` on are those of the function.
absl::Status CheckFunction(const Graph& graph, int first,
                           const std::vector<Value>& inputs,
                           const std::vector<Value>& values) {
  if (values.empty()) return InvalidArgument("the function returns no value");
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].valid() || !graph.Owns(values[i])) {
      return InvalidArgument(
          "value ", i, " that the function returns is ",
          values[i].valid() ? "of another graph" : "empty, made by no op");
    }
    if (IsHiddenInput(values[i], first, inputs)) {
      return HiddenInputError(values[i]);
    }
  }
  for (int id = first; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (IsParameter(node)) {
      return InvalidArgument("the function makes the parameter '", node.name(),
                             "', which no gradient would reach; make it "
                             "outside and add it to the inputs");
    }
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (!node.op().ReadsTypeOnly(i) &&
          IsHiddenInput(node.input(i), first, inputs)) {
        return HiddenInputError(node.input(i));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& CustomGradientOp() {
  static const OpDef* const op = new OpDef{
      .name = "custom_gradient",
      .summary =
          "the first `outputs` inputs; their gradients go through a function "
          "of the user's to the other inputs",
      .inputs = {"values_and_inputs..."},
      .outputs = {"output..."},
      .attributes = {{.name = "outputs", .fallback = int64_t{1}, .minimum = 1},
                     {.name = "gradient",
                      .fallback = HostObject(),
                      .required = true}},
      .infer_type = InferType,
      .gradient = Gradient,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

Node CustomGradient(
    const std::vector<Value>& inputs,
    const std::function<std::vector<Value>(std::span<const Value>)>& function,
    CustomGradientFunction gradient, const CustomGradientOptions& options,
    SourceLocation location) {
  std::optional<Graph> graph;
  for (const Value& input : inputs) {
    if (!graph.has_value()) graph = Graph::Of(input);
  }
  if (!graph.has_value()) return Node();
  NameScope scope(*graph, options.name);
  auto fail = [&](const absl::Status& status) {
    return graph->Fail(status,
                       graph->ErrorPrefix(CustomGradientOp().name, location));
  };
  if (function == nullptr || gradient == nullptr) {
    return fail(InvalidArgument("the ", function == nullptr ? "" : "gradient ",
                                "function is null"));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].valid() && graph->Owns(inputs[i])) continue;
    return fail(InvalidArgument(
        "input ", i,
        inputs[i].valid() ? " is a value of another graph"
                          : " is an empty value, or comes from a failed call"));
  }
  const int first = graph->num_nodes();
  const absl::StatusOr<std::vector<Value>> values =
      CallUser("the function", [&] { return function(inputs); });
  if (!values.ok()) return fail(values.status());
  if (!graph->status().ok()) return graph->Invalid().node();
  absl::Status status = CheckFunction(*graph, first, inputs, *values);
  if (!status.ok()) return fail(status);
  std::vector<Value> all = *values;
  all.insert(all.end(), inputs.begin(), inputs.end());
  return graph->Add(
      CustomGradientOp(), all,
      {{"outputs", static_cast<int64_t>(values->size())},
       {"gradient", HostObject(std::make_shared<const CustomGradientFunction>(
                        std::move(gradient)))}},
      {.location = location});
}

Value CustomGradient(const Value& input,
                     const std::function<Value(const Value&)>& function,
                     std::function<Value(const CustomGradientCall&)> gradient,
                     const CustomGradientOptions& options,
                     SourceLocation location) {
  std::function<std::vector<Value>(std::span<const Value>)> of_list;
  if (function != nullptr) {
    of_list = [&](std::span<const Value> inputs) {
      return std::vector<Value>{function(inputs[0])};
    };
  }
  CustomGradientFunction gradients;
  if (gradient != nullptr) {
    gradients = [gradient =
                     std::move(gradient)](const CustomGradientCall& call) {
      return std::vector<Value>{gradient(call)};
    };
  }
  return CustomGradient(std::vector<Value>{input}, of_list,
                        std::move(gradients), options, location)
      .output();
}

}  // namespace evengrad
