#include "evengrad/runtime/specialize.h"

#include <algorithm>
#include <string>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Decompositions inside decompositions; more than this is an endless chain.
constexpr int kMaxDepth = 32;

// The sizes of symbols, and which placeholder gave them.
class SymbolTable {
 public:
  // Binds the symbols of a placeholder's type to the sizes it is fed with.
  absl::Status Bind(const Node& placeholder, const Shape& fed) {
    const TensorType& expected = placeholder.output_type();
    auto mismatch = [&](const std::string& detail) {
      return InvalidArgument(
          placeholder.ErrorPrefix(), "expected ", expected.ToString(), ", fed ",
          TensorType{expected.dtype, fed}.ToString(), ": ", detail);
    };
    if (fed.rank() != expected.rank()) {
      return mismatch(
          StrCat("rank ", expected.rank(), " against ", fed.rank()));
    }
    for (int i = 0; i < fed.rank(); ++i) {
      const Dimension& dimension = expected.shape[i];
      if (!fed[i].is_integer()) {
        return mismatch(StrCat("dimension ", i, " has no size"));
      }
      if (dimension.is_integer() && dimension != fed[i]) {
        return mismatch(StrCat("dimension ", i, " is ", dimension.ToString(),
                               ", not ", fed[i].ToString()));
      }
      if (!dimension.is_symbol()) continue;
      auto [it, inserted] = sizes_.try_emplace(
          dimension.symbol(), Binding{fed[i].size(), placeholder.name()});
      if (!inserted && it->second.size != fed[i].size()) {
        return mismatch(StrCat("'", dimension.symbol(), "' is ",
                               it->second.size, " in '", it->second.placeholder,
                               "' and ", fed[i].ToString(), " here"));
      }
    }
    return absl::OkStatus();
  }

  // `shape` with sizes in place of the symbols that have one.
  Shape Replace(Shape shape) const {
    for (int i = 0; i < shape.rank(); ++i) {
      if (!shape[i].is_symbol()) continue;
      auto it = sizes_.find(shape[i].symbol());
      if (it != sizes_.end()) shape[i] = it->second.size;
    }
    return shape;
  }

 private:
  struct Binding {
    int64_t size;
    std::string placeholder;
  };
  std::map<std::string, Binding> sizes_;
};

// What a node is in the specialized graph.
struct Origin {
  std::string name;
  SourceLocation location;
  int depth = 0;  // decompositions it comes out of
};

class Specializer {
 public:
  Specializer(const Graph& old, const std::map<int, Shape>& placeholder_shapes,
              SpecializeOptions options)
      : old_(old), shapes_(placeholder_shapes), options_(options) {}

  absl::Status BindSymbols(const std::vector<bool>* keep) {
    for (const auto& [id, shape] : shapes_) {
      if (id < 0 || id >= old_.num_nodes() || !IsPlaceholder(old_.node(id))) {
        return InvalidArgument("node ", id,
                               " is fed, but is not a placeholder");
      }
      if (keep != nullptr && !(*keep)[id]) continue;
      EVENGRAD_RETURN_IF_ERROR(symbols_.Bind(old_.node(id), shape));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Value>> AddKept(const Node& node,
                                             std::span<const Value> inputs,
                                             Graph& graph) {
    Attributes attributes = node.attributes();
    if (auto fed = shapes_.find(node.id()); fed != shapes_.end()) {
      attributes["shape"] = fed->second;
    }
    for (auto& [name, value] : attributes) {
      if (auto* shape = std::get_if<Shape>(&value)) {
        *shape = symbols_.Replace(*shape);
      }
    }
    return AddNode(node.op(), inputs, std::move(attributes),
                   {node.name(), node.location()}, graph);
  }

 private:
  // Adds a node, or what it decomposes into, and returns the outputs.
  absl::StatusOr<std::vector<Value>> AddNode(const OpDef& op,
                                             std::span<const Value> inputs,
                                             Attributes attributes,
                                             const Origin& origin,
                                             Graph& graph) {
    if (op.decompose &&
        (options_.decompose == nullptr || options_.decompose(op))) {
      EVENGRAD_ASSIGN_OR_RETURN(
          std::vector<Value> parts,
          Decompose(op, inputs, attributes, origin, graph));
      if (!parts.empty()) return parts;
    }
    std::vector<Value> read(inputs.begin(), inputs.end());
    for (size_t i = 0; i < read.size(); ++i) {
      if (!op.ReadsTypeOnly(static_cast<int>(i))) continue;
      read[i] = TokenFor(read[i], graph);
    }
    const Node node = graph.AddNamed(op, read, std::move(attributes),
                                     origin.name, origin.location);
    EVENGRAD_RETURN_IF_ERROR(graph.status());
    std::vector<Value> outputs;
    for (int i = 0; i < node.num_outputs(); ++i) {
      EVENGRAD_RETURN_IF_ERROR(CheckStatic(node, i));
      outputs.push_back(node.output(i));
    }
    return outputs;
  }

  // The parts are built in a graph of their own, on stand-ins for the inputs,
  // and then added one by one. Empty where the op leaves the node alone.
  absl::StatusOr<std::vector<Value>> Decompose(const OpDef& op,
                                               std::span<const Value> inputs,
                                               const Attributes& attributes,
                                               const Origin& origin,
                                               Graph& graph) {
    Graph parts;
    std::vector<Value> stand_ins;
    std::map<ValueId, Value> added;
    for (const Value& input : inputs) {
      stand_ins.push_back(StandIn(input, parts));
      added[stand_ins.back().id()] = input;
    }
    const Node whole =
        parts.AddNamed(op, stand_ins, attributes, origin.name, origin.location);
    EVENGRAD_RETURN_IF_ERROR(parts.status());
    if (origin.depth > kMaxDepth) {
      return InvalidArgument(whole.ErrorPrefix(), "op '", op.name,
                             "' decomposes into itself without end");
    }
    const NameScope scope(parts, origin.name);
    const LocationScope location(parts, origin.location);
    const std::vector<Value> results = op.decompose(whole);
    EVENGRAD_RETURN_IF_ERROR(parts.status());
    if (results.empty()) return results;
    EVENGRAD_RETURN_IF_ERROR(CheckDecomposition(whole, results));
    for (int id = whole.id() + 1; id < parts.num_nodes(); ++id) {
      const Node part = parts.node(id);
      std::vector<Value> part_inputs;
      for (int i = 0; i < part.num_inputs(); ++i) {
        part_inputs.push_back(added[part.input_id(i)]);
      }
      EVENGRAD_ASSIGN_OR_RETURN(
          std::vector<Value> outputs,
          AddNode(part.op(), part_inputs, part.attributes(),
                  {FreeName(graph, part.name(), &old_), origin.location,
                   origin.depth + 1},
                  graph));
      for (size_t i = 0; i < outputs.size(); ++i) {
        added[{id, static_cast<int>(i)}] = outputs[i];
      }
    }
    std::vector<Value> outputs;
    for (const Value& result : results) outputs.push_back(added[result.id()]);
    return outputs;
  }

  // A decomposition and the op's type rule must say the same: readers of the
  // node were built for what the rule inferred.
  static absl::Status CheckDecomposition(const Node& whole,
                                         const std::vector<Value>& results) {
    const OpDef& op = whole.op();
    if (static_cast<int>(results.size()) != whole.num_outputs()) {
      return InvalidArgument(
          whole.ErrorPrefix(), "op '", op.name, "' decomposes into ",
          results.size(), " value(s) for ", whole.num_outputs(), " output(s)");
    }
    for (int i = 0; i < whole.num_outputs(); ++i) {
      if (!results[i].valid() || !whole.graph().Owns(results[i])) {
        return InvalidArgument(whole.ErrorPrefix(), "op '", op.name,
                               "' decomposes into a value of another graph");
      }
      const TensorType& found = results[i].type();
      const TensorType& expected = whole.output_type(i);
      if (found.dtype == expected.dtype &&
          MayBeEqual(found.shape, expected.shape)) {
        continue;
      }
      return InvalidArgument(whole.ErrorPrefix(), "op '", op.name,
                             "' decomposes into ", found.ToString(),
                             " where its type rule infers ",
                             expected.ToString());
    }
    return absl::OkStatus();
  }

  // A value of the same type; constants keep their contents, which a
  // decomposition may look at.
  static Value StandIn(const Value& value, const Graph& graph) {
    return IsConstant(value.node())
               ? Constant(graph, value.node().attribute<Tensor>("value"))
               : TypeToken(graph, value.type());
  }

  Value TokenFor(const Value& value, Graph& graph) {
    if (&value.node().op() == &TypeTokenOp()) return value;
    Value& token = tokens_[value.type().ToString()];
    if (!token.valid()) {
      token =
          graph
              .AddNamed(TypeTokenOp(), {},
                        {{"dtype", value.dtype()}, {"shape", value.shape()}},
                        FreeName(graph, "type_token", &old_), {})
              .output();
    }
    return token;
  }

  static absl::Status CheckStatic(const Node& node, int i) {
    const TensorType& type = node.output_type(i);
    for (int axis = 0; axis < type.rank(); ++axis) {
      const Dimension& dimension = type.shape[axis];
      if (dimension.is_integer()) continue;
      std::string_view advice =
          IsPlaceholder(node) ? "feed it"
          : dimension.is_symbol()
              ? "feed a placeholder that has this dimension"
              : "its size cannot be computed from the fed sizes";
      return InvalidArgument(node.ErrorPrefix(), "output ",
                             node.output(i).name(), " of op '", node.op().name,
                             "' has type ", type.ToString(),
                             ", in which dimension ", axis, " ('",
                             dimension.ToString(), "') has no size; ", advice);
    }
    return absl::OkStatus();
  }

  const Graph& old_;
  const std::map<int, Shape>& shapes_;
  const SpecializeOptions options_;
  SymbolTable symbols_;
  std::map<std::string, Value> tokens_;  // by type
};

}  // namespace

absl::StatusOr<RebuiltGraph> Specialize(
    const Graph& graph, const std::vector<bool>* keep,
    const std::map<int, Shape>& placeholder_shapes, SpecializeOptions options) {
  Specializer specializer(graph, placeholder_shapes, options);
  EVENGRAD_RETURN_IF_ERROR(specializer.BindSymbols(keep));
  return RebuildGraph(
      graph, keep,
      [&](const Node& node, std::span<const Value> inputs, Graph& specialized)
          -> absl::StatusOr<std::optional<std::vector<Value>>> {
        EVENGRAD_ASSIGN_OR_RETURN(
            std::vector<Value> outputs,
            specializer.AddKept(node, inputs, specialized));
        return std::optional<std::vector<Value>>(std::move(outputs));
      });
}

}  // namespace evengrad
