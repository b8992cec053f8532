// LoadOnnx: an ONNX model as a program.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "evengrad/formats/onnx.h"
#include "evengrad/formats/onnx/import_call.h"
#include "evengrad/formats/onnx/known_values.h"
#include "evengrad/formats/onnx/model.h"
#include "evengrad/formats/onnx/model_file.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"

namespace evengrad {
namespace {

constexpr size_t kMaxNodes = size_t{1} << 20;

// "Foo (node 3, 7 and 2 more)".
std::string Places(const std::vector<size_t>& nodes) {
  constexpr size_t kMost = 3;
  std::string places = nodes.size() == 1 ? "node " : "nodes ";
  for (size_t i = 0; i < std::min(nodes.size(), kMost); ++i) {
    places += StrCat(i > 0 ? ", " : "", nodes[i] + 1);
  }
  if (nodes.size() > kMost)
    places += StrCat(" and ", nodes.size() - kMost, " more");
  return places;
}

// One error that lists all ops without a rule.
absl::Status CheckOps(const OnnxModel& model) {
  std::map<std::string, std::vector<size_t>> missing;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const OnnxNode& node = model.nodes[i];
    const OnnxImport* rule =
        node.domain.empty() ? FindOnnxImport(node.op) : nullptr;
    std::string what =
        node.domain.empty() ? node.op : StrCat(node.domain, ".", node.op);
    if (rule != nullptr) {
      if (model.opset >= rule->since) continue;
      what = StrCat(node.op, " of opset ", model.opset, ", before ",
                    rule->since, ",");
    }
    missing[what].push_back(i);
  }
  if (missing.empty()) return absl::OkStatus();
  std::string list;
  for (const auto& [what, nodes] : missing) {
    list += StrCat(list.empty() ? "" : "; ", what, " (", Places(nodes), ")");
  }
  return OnnxCall::Unsupported(missing.size(),
                               missing.size() == 1 ? " op: " : " ops: ", list);
}

// "hidden1/Gemm_0", for nodes of our own under it.
std::string ScopeFor(const OnnxNode& node) {
  std::string scope = node.name;
  for (size_t i = 0; scope.empty() && i < node.outputs.size(); ++i) {
    scope = node.outputs[i];
  }
  const size_t start = scope.find_first_not_of('/');
  scope = start == std::string::npos ? node.op : scope.substr(start);
  constexpr size_t kLongest = 200;  // several nodes may repeat it
  scope = scope.substr(0, kLongest);
  while (scope.ends_with('/')) scope.pop_back();
  return scope;
}

class Importer : public OnnxValues {
 public:
  Importer(const std::string& path, OnnxModel& model,
           const OnnxImportOptions& options)
      : path_(path), model_(model), options_(options) {}

  absl::StatusOr<Program> Run() {
    if (model_.nodes.size() > kMaxNodes) {
      return InvalidArgument("the model has ", model_.nodes.size(),
                             " nodes; at most ", kMaxNodes, " are read");
    }
    EVENGRAD_RETURN_IF_ERROR(CheckOps(model_));
    EVENGRAD_RETURN_IF_ERROR(AddInitializers());
    EVENGRAD_RETURN_IF_ERROR(AddInputs());
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      EVENGRAD_RETURN_IF_ERROR(AddNode(model_.nodes[i], i));
    }
    EVENGRAD_RETURN_IF_ERROR(AddOutputs());
    EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program_));
    return std::move(program_);
  }

  absl::StatusOr<Value> Find(const std::string& name) override {
    return Find(name, /*trainable=*/true);
  }
  absl::StatusOr<Value> FindStatistic(const std::string& name) override {
    return Find(name, /*trainable=*/false);
  }

  absl::StatusOr<Tensor> Known(const std::string& name,
                               const std::string& what) override {
    if (const auto it = initializers_.find(name); it != initializers_.end()) {
      return TensorOf(*it->second);
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Value value, Find(name));
    if (IsConstant(value.node()))
      return value.node().attribute<Tensor>("value");
    for (const NamedTensor& fed : options_.inputs) {
      if (fed.name == name && IsPlaceholder(value.node())) return fed.tensor;
    }
    std::optional<Tensor> numbers = known_.Numbers(value);
    if (numbers.has_value()) return *std::move(numbers);
    return NotKnown(what);
  }

  absl::StatusOr<Shape> KnownShape(const std::string& name,
                                   const std::string& what) override {
    EVENGRAD_ASSIGN_OR_RETURN(const Value value, Find(name));
    if (IsFloating(value.dtype()) || value.rank() > 1) {
      return InvalidArgument(what, " must be a list of sizes, found ",
                             value.type().ToString());
    }
    const std::optional<Shape> sizes = known_.Sizes(value);
    if (sizes.has_value()) return *sizes;
    return NotKnown(what);
  }

  void SetKnown(const Value& value, const Shape& sizes,
                const Value& like) override {
    if (!value.valid()) return;
    known_.Set(value, sizes);
    if (like.valid()) shape_sources_.emplace(value.id(), like);
  }

  Value ShapeSource(const std::string& name) override {
    const auto value = values_.find(name);
    if (value == values_.end()) return Value();
    const auto source = shape_sources_.find(value->second.id());
    return source == shape_sources_.end() ? Value() : source->second;
  }

 private:
  Graph& graph() { return program_.graph; }

  static absl::Status NotKnown(const std::string& what) {
    return OnnxCall::Unsupported(
        what,
        " is computed while the model runs; a static graph needs it "
        "when it is built");
  }

  static absl::StatusOr<Tensor> TensorOf(const OnnxInitializer& initializer) {
    if (const auto* tensor = std::get_if<Tensor>(&initializer.value)) {
      return *tensor;
    }
    return OnnxCall::Unsupported(
        std::get<OnnxUnsupported>(initializer.value).what, " (initializer '",
        initializer.name, "')");
  }

  absl::Status AddInitializers() {
    for (const OnnxInitializer& initializer : model_.initializers) {
      if (initializer.name.empty()) {
        return InvalidArgument("an initializer has no name");
      }
      if (!initializers_.emplace(initializer.name, &initializer).second) {
        return InvalidArgument("initializer '", initializer.name,
                               "' is given twice");
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddInputs() {
    for (const OnnxValueInfo& input : model_.inputs) {
      if (initializers_.contains(input.name)) continue;
      EVENGRAD_RETURN_IF_ERROR(
          Prefixed(AddInput(input), StrCat("input '", input.name, "': ")));
    }
    return absl::OkStatus();
  }

  absl::Status AddInput(const OnnxValueInfo& input) {
    if (const auto* other = std::get_if<OnnxUnsupported>(&input.type)) {
      return OnnxCall::Unsupported(other->what);
    }
    const NamedTensor* fed = nullptr;
    for (const NamedTensor& tensor : options_.inputs) {
      if (tensor.name == input.name) fed = &tensor;
    }
    TensorType type = std::get<TensorType>(input.type);
    if (!input.has_shape) {
      if (fed == nullptr) return OnnxCall::Unsupported("it has no shape");
      type.shape = fed->tensor.type().shape;
    }
    const Value value =
        AddNamed(PlaceholderOp(), input.name,
                 {{"dtype", type.dtype}, {"shape", type.shape}});
    if (!value.valid()) return graph().status();
    if (fed != nullptr && fed->tensor.dtype() == type.dtype) {
      known_.Set(value, fed->tensor);
    }
    return Define(input.name, value);
  }

  // A node with the very name it has in the model.
  Value AddNamed(const OpDef& op, const std::string& name,
                 Attributes attributes) {
    return graph()
        .AddNamed(op, {}, std::move(attributes), FreeName(name), Location(0))
        .output();
  }

  // A parameter's name may be taken by a node of ours.
  std::string FreeName(const std::string& name) {
    std::string free = name;
    for (int i = 1; graph().FindNode(free).valid(); ++i) {
      free = StrCat(name, "_", i);
    }
    return free;
  }

  absl::Status Define(const std::string& name, const Value& value) {
    if (name.empty()) return InvalidArgument("it has no name");
    if (initializers_.contains(name) || !values_.emplace(name, value).second) {
      return InvalidArgument("'", name, "' is defined twice");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Value> Find(const std::string& name, bool trainable) {
    if (const auto it = values_.find(name); it != values_.end()) {
      return it->second;
    }
    if (const auto it = initializers_.find(name); it != initializers_.end()) {
      return AddInitializer(*it->second, trainable);
    }
    return InvalidArgument("'", name,
                           "' is no input, no initializer and no output of a "
                           "node above: nodes are missing, or form a cycle");
  }

  absl::StatusOr<Value> AddInitializer(const OnnxInitializer& initializer,
                                       bool trainable) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor, TensorOf(initializer));
    const bool is_state = IsFloating(tensor.dtype());
    const std::string& name = initializer.name;
    Value value =
        AddNamed(ConstantOp(), is_state ? StrCat(name, "/initial") : name,
                 {{"value", tensor}});
    if (!value.valid()) return graph().status();
    if (is_state) {
      const Value initial = value;
      value = AddNamed(StateOp(), name,
                       {{"dtype", tensor.dtype()},
                        {"shape", tensor.type().shape},
                        {"trainable", trainable}});
      if (!value.valid()) return graph().status();
      EVENGRAD_RETURN_IF_ERROR(graph().SetInitializer(value.node(), initial));
    } else {
      known_.Set(value, tensor);
    }
    values_.emplace(name, value);
    return value;
  }

  SourceLocation Location(size_t node) const {
    return node == 0 ? SourceLocation()
                     : SourceLocation::Interned(path_, static_cast<int>(node));
  }

  absl::Status AddNode(const OnnxNode& node, size_t index) {
    const absl::Status added = Build(node, index);
    if (added.ok()) return added;
    const std::string name =
        node.name.empty() ? "" : StrCat(" '", node.name, "'");
    return Prefixed(added,
                    StrCat("node ", index + 1, name, " (", node.op, "): "));
  }

  absl::Status Build(const OnnxNode& node, size_t index) {
    const int first = graph().num_nodes();
    OnnxCall call(node, model_.opset, graph(), *this);
    std::vector<Value> outputs;
    {
      const NameScope scope(graph(), ScopeFor(node));
      const LocationScope location(graph(), Location(index + 1));
      OnnxResult result = FindOnnxImport(node.op)->build(call);
      // A wrong attribute comes first, the others follow from it. A rule that
      // refuses the node has not read all of it.
      EVENGRAD_RETURN_IF_ERROR(call.status());
      if (result.ok()) EVENGRAD_RETURN_IF_ERROR(call.Finish());
      if (!graph().status().ok()) return graph().status();
      EVENGRAD_RETURN_IF_ERROR(result.status());
      outputs = *std::move(result);
    }
    known_.Follow(graph(), first, graph().num_nodes());
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (i >= outputs.size() || !outputs[i].valid()) {
        return OnnxCall::Unsupported("output ", i, " ('", node.outputs[i],
                                     "')");
      }
      EVENGRAD_RETURN_IF_ERROR(
          Prefixed(Define(node.outputs[i], outputs[i]), "output "));
    }
    return absl::OkStatus();
  }

  absl::Status AddOutputs() {
    std::set<std::string> names;
    for (const OnnxValueInfo& output : model_.outputs) {
      const std::string where = StrCat("output '", output.name, "': ");
      if (!names.insert(output.name).second) {
        return InvalidArgument(where, "it is given twice");
      }
      absl::StatusOr<Value> value = Find(output.name);
      if (!value.ok()) return Prefixed(value.status(), where);
      const auto* type = std::get_if<TensorType>(&output.type);
      if (type != nullptr && type->dtype != value->dtype()) {
        return InvalidArgument(where, "it is declared as ", Name(type->dtype),
                               ", found ", value->type().ToString());
      }
      program_.fetches.push_back({output.name, *value});
    }
    if (program_.fetches.empty()) {
      return InvalidArgument("the model has no output");
    }
    return absl::OkStatus();
  }

  const std::string& path_;
  OnnxModel& model_;
  const OnnxImportOptions& options_;
  Program program_ = {.mode = Mode::kInference};
  KnownValues known_;
  std::map<ValueId, Value> shape_sources_;
  absl::flat_hash_map<std::string, Value> values_;
  absl::flat_hash_map<std::string, const OnnxInitializer*> initializers_;
};

}  // namespace

absl::StatusOr<Program> LoadOnnx(const std::string& path,
                                 const OnnxImportOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(OnnxModel model, ReadOnnxModel(path));
  absl::StatusOr<Program> program = Importer(path, model, options).Run();
  if (!program.ok()) return Prefixed(program.status(), StrCat(path, ": "));
  return program;
}

std::vector<std::string_view> OnnxOps() { return OnnxImportNames(); }

}  // namespace evengrad
