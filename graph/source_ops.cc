#include "evengrad/graph/source_ops.h"

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The type that the attributes "dtype" and "shape" describe.
absl::StatusOr<std::vector<TensorType>> DeclaredType(
    const InferContext& context) {
  return std::vector<TensorType>{
      {context.attribute<DType>("dtype"), context.attribute<Shape>("shape")}};
}

std::vector<AttributeDef> TypeAttributes() {
  return {{.name = "dtype", .fallback = DType::kF32, .required = true},
          {.name = "shape", .fallback = Shape(), .required = true}};
}

absl::StatusOr<std::vector<TensorType>> StaticDeclaredType(
    const InferContext& context) {
  const Shape& shape = context.attribute<Shape>("shape");
  if (!shape.is_static()) {
    return InvalidArgument("a state's dimensions must be integers, not ",
                           shape.ToString());
  }
  return DeclaredType(context);
}

absl::StatusOr<std::vector<TensorType>> ConstantType(
    const InferContext& context) {
  const Tensor& tensor = context.attribute<Tensor>("value");
  if (!tensor.valid()) return InvalidArgument("the constant has no value");
  return std::vector<TensorType>{tensor.type()};
}

Attributes TypeOf(const TensorType& type) {
  return {{"dtype", type.dtype}, {"shape", type.shape}};
}

}  // namespace

const OpDef& PlaceholderOp() {
  static const OpDef* const op =
      new OpDef{.name = "placeholder",
                .summary = "a value that is fed at each run",
                .attributes = TypeAttributes(),
                .infer_type = DeclaredType,
                .is_source = true};
  return *op;
}

const OpDef& StateOp() {
  static const OpDef* const op = [] {
    std::vector<AttributeDef> attributes = TypeAttributes();
    attributes.push_back({.name = "trainable", .fallback = false});
    return new OpDef{.name = "state",
                     .summary = "a named value that the session keeps",
                     .attributes = std::move(attributes),
                     .infer_type = StaticDeclaredType,
                     .is_source = true};
  }();
  return *op;
}

const OpDef& ConstantOp() {
  static const OpDef* const op = new OpDef{
      .name = "constant",
      .summary = "a value held by the graph",
      .attributes = {{.name = "value", .fallback = Tensor(), .required = true}},
      .infer_type = ConstantType,
      .is_source = true};
  return *op;
}

const OpDef& TypeTokenOp() {
  static const OpDef* const op =
      new OpDef{.name = "type_token",
                .summary = "a type without contents, for ops that read no more",
                .attributes = TypeAttributes(),
                .infer_type = DeclaredType,
                .is_source = true};
  return *op;
}

Value Placeholder(const Graph& graph, std::string_view name,
                  const TensorType& type, SourceLocation location) {
  return Graph(graph)
      .Add(PlaceholderOp(), {}, TypeOf(type),
           {.name = name, .location = location})
      .output();
}

Value State(const Graph& graph, std::string_view name, const Value& initial,
            StateOptions options, SourceLocation location) {
  Graph target(graph);
  if (!initial.valid()) {
    return target
        .Fail(InvalidArgument("the initial value is empty or comes from a "
                              "failed call"),
              target.ErrorPrefix(name, location))
        .output();
  }
  Attributes attributes = TypeOf(initial.type());
  attributes.emplace("trainable", options.trainable);
  Node node = target.Add(StateOp(), {}, std::move(attributes),
                         {.name = name, .location = location});
  if (!node.valid()) return node.output();
  if (absl::Status set = target.SetInitializer(node, initial); !set.ok()) {
    return target.Fail(set).output();
  }
  return node.output();
}

Value Parameter(const Graph& graph, std::string_view name, const Value& initial,
                SourceLocation location) {
  return State(graph, name, initial, {.trainable = true}, location);
}

Value Constant(const Graph& graph, const Tensor& tensor,
               SourceLocation location) {
  return Graph(graph)
      .Add(ConstantOp(), {}, {{"value", tensor}}, {.location = location})
      .output();
}

Value Constant(const Graph& graph, double value, DType dtype,
               SourceLocation location) {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros({dtype, {}});
  if (!tensor.ok()) return graph.Fail(tensor.status()).output();
  StoreFromDouble(dtype, tensor->mutable_data(), 0, value);
  return Constant(graph, *tensor, location);
}

Value TypeToken(const Graph& graph, const TensorType& type,
                SourceLocation location) {
  return Graph(graph)
      .Add(TypeTokenOp(), {}, TypeOf(type), {.location = location})
      .output();
}

bool IsPlaceholder(const Node& node) { return &node.op() == &PlaceholderOp(); }
bool IsState(const Node& node) { return &node.op() == &StateOp(); }
bool IsParameter(const Node& node) {
  return IsState(node) && node.attribute<bool>("trainable");
}
bool IsConstant(const Node& node) { return &node.op() == &ConstantOp(); }

std::optional<double> ScalarConstant(const Value& value) {
  if (!value.valid() || !IsConstant(value.node())) return std::nullopt;
  const Tensor& tensor = value.node().attribute<Tensor>("value");
  if (tensor.num_elements() != 1) return std::nullopt;
  return LoadAsDouble(tensor.dtype(), tensor.data(), 0);
}

std::vector<Value> Parameters(const Graph& graph) {
  std::vector<Value> parameters;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (Node node = graph.node(id); IsParameter(node)) {
      parameters.push_back(node.output());
    }
  }
  return parameters;
}

std::vector<Value> States(const Graph& graph) {
  std::vector<Value> states;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (Node node = graph.node(id); IsState(node)) {
      states.push_back(node.output());
    }
  }
  return states;
}

}  // namespace evengrad
