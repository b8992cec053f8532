#include "evengrad/graph/graph.h"

#include <atomic>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"

namespace evengrad {
namespace internal {

// What never changes once a node exists; clones share it.
struct NodeRecord {
  const OpDef* op = nullptr;
  std::string name;
  SourceLocation location;
  std::vector<ValueId> inputs;
  Attributes attributes;
  std::vector<TensorType> outputs;
  int gradient_of = -1;
};

struct GraphBody {
  struct Ancestor {
    uint64_t id;
    int num_nodes;  // that it had when it was cloned
  };

  uint64_t id = NextId();
  std::vector<Ancestor> ancestors;
  std::vector<std::shared_ptr<const NodeRecord>> nodes;
  absl::flat_hash_map<absl::string_view, int> names;  // of `nodes`, which stay
  absl::flat_hash_map<std::string, int> last_suffix;
  absl::flat_hash_map<int, ValueId> initializers;      // by state
  absl::flat_hash_map<int, ValueId> training_updates;  // by state
  absl::flat_hash_set<std::string> parameter_scopes;
  absl::Status status;

  // What new nodes get.
  std::string scope;
  std::optional<SourceLocation> location;
  int gradient_of = -1;

  static uint64_t NextId() {
    static std::atomic<uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace internal

namespace {

using internal::GraphBody;
using internal::NodeRecord;

std::string_view ScopeOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? "" : name.substr(0, slash);
}

// FNV-1a, made non-negative.
int64_t StreamOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return static_cast<int64_t>(hash >> 1);
}

std::string ErrorPrefixFor(SourceLocation location, std::string_view name) {
  return location.known() ? StrCat(location.ToString(), ": ", name, ": ")
                          : StrCat(name, ": ");
}

std::string UniqueName(GraphBody& body, std::string_view base) {
  std::string name =
      body.scope.empty() ? std::string(base) : StrCat(body.scope, "/", base);
  if (!body.names.contains(internal::ForAbsl(name))) return name;
  int& suffix = body.last_suffix[name];
  std::string candidate;
  do {
    candidate = StrCat(name, "_", ++suffix);
  } while (body.names.contains(internal::ForAbsl(candidate)));
  return candidate;
}

absl::Status CheckNumberOfInputs(const OpDef& op, size_t given) {
  const size_t named = op.inputs.size();
  if (op.variadic() ? given + 1 >= named : given == named) {
    return absl::OkStatus();
  }
  return InvalidArgument(op.name, " takes ", op.variadic() ? "at least " : "",
                         op.variadic() ? named - 1 : named, " input(s), ",
                         given, " given");
}

// False where NumPy's rules certainly forbid it; sizes that are still open are
// looked at again when a program is compiled.
bool MayBroadcastTo(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int i = 0; i < from.rank(); ++i) {
    const Dimension& size = from[i];
    const Dimension& target = to[to.rank() - from.rank() + i];
    if (size.is_integer() && target.is_integer() && size.size() != 1 &&
        size != target) {
      return false;
    }
  }
  return true;
}

// What an op's type rule may not get wrong, because whatever follows relies on
// it: the number of outputs, and the shape of a loop over the elements.
absl::Status CheckInferredTypes(const OpDef& op,
                                std::span<const TensorType> inputs,
                                std::span<const TensorType> outputs) {
  if (outputs.size() != op.outputs.size() && !op.variadic_outputs()) {
    return InvalidArgument("the type rule of op '", op.name, "' gives ",
                           outputs.size(), " type(s) for ", op.outputs.size(),
                           " output(s)");
  }
  for (const TensorType& type : outputs) {
    EVENGRAD_RETURN_IF_ERROR(type.shape.Validate());
  }
  if (!op.elementwise) return absl::OkStatus();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (MayBroadcastTo(inputs[i].shape, outputs[0].shape)) continue;
    return InvalidArgument("the type rule of op '", op.name, "' gives ",
                           outputs[0].ToString(), ", but input ", i, ", ",
                           inputs[i].ToString(),
                           ", does not broadcast to it, and the op is "
                           "elementwise");
  }
  return absl::OkStatus();
}

}  // namespace

// ---- Value and Node -------------------------------------------------------

Node Value::node() const { return Node(body_, id_.node); }

const TensorType& Value::type() const {
  return body_->nodes[id_.node]->outputs[id_.output];
}

std::string Value::name() const {
  const std::string& node_name = body_->nodes[id_.node]->name;
  return id_.output == 0 ? node_name : StrCat(node_name, ":", id_.output);
}

const NodeRecord& Node::record() const { return *body_->nodes[id_]; }
Value Node::output(int i) const {
  return Value(body_, valid() ? ValueId{id_, i} : ValueId{});
}
const OpDef& Node::op() const { return *record().op; }
const std::string& Node::name() const { return record().name; }
std::string_view Node::scope() const { return ScopeOf(record().name); }
SourceLocation Node::location() const { return record().location; }
int Node::num_inputs() const {
  return static_cast<int>(record().inputs.size());
}
Value Node::input(int i) const { return Value(body_, record().inputs[i]); }
ValueId Node::input_id(int i) const { return record().inputs[i]; }
int Node::num_outputs() const {
  return static_cast<int>(record().outputs.size());
}
const TensorType& Node::output_type(int i) const { return record().outputs[i]; }
const Attributes& Node::attributes() const { return record().attributes; }
int Node::gradient_of() const { return record().gradient_of; }

Value Node::initializer() const {
  auto it = body_->initializers.find(id_);
  return it == body_->initializers.end() ? Value() : Value(body_, it->second);
}

Value Node::training_update() const {
  auto it = body_->training_updates.find(id_);
  return it == body_->training_updates.end() ? Value()
                                             : Value(body_, it->second);
}

Graph Node::graph() const { return Graph(body_); }

std::string Node::ErrorPrefix() const {
  return ErrorPrefixFor(record().location, record().name);
}

// ---- Building -------------------------------------------------------------

Graph::Graph() : body_(std::make_shared<GraphBody>()) {}

Node Graph::Add(const OpDef& op, std::span<const Value> inputs,
                Attributes attributes, NodeOptions options) {
  const SourceLocation location = body_->location.value_or(options.location);
  return Append(
      op, inputs, std::move(attributes),
      UniqueName(*body_, options.name.empty() ? op.name : options.name),
      location, body_->gradient_of);
}

Node Graph::AddNamed(const OpDef& op, std::span<const Value> inputs,
                     Attributes attributes, std::string_view name,
                     SourceLocation location, int gradient_of) {
  if (body_->names.contains(internal::ForAbsl(name))) {
    return Fail(InvalidArgument("another node already has this name"),
                ErrorPrefixFor(location, name));
  }
  return Append(op, inputs, std::move(attributes), std::string(name), location,
                gradient_of < 0 ? body_->gradient_of : gradient_of);
}

Node Graph::Append(const OpDef& op, std::span<const Value> inputs,
                   Attributes attributes, std::string name,
                   SourceLocation location, int gradient_of) {
  auto fail = [&](const absl::Status& status) {
    return Fail(status, ErrorPrefixFor(location, name));
  };
  if (absl::Status count = CheckNumberOfInputs(op, inputs.size());
      !count.ok()) {
    return fail(count);
  }
  auto record = std::make_shared<NodeRecord>();
  std::vector<TensorType> input_types;
  input_types.reserve(inputs.size());
  record->inputs.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& input = inputs[i];
    if (input.body_ == nullptr) {
      return fail(
          InvalidArgument("input ", i, " is an empty value, made by no op"));
    }
    if (input.body_ != body_) {
      return fail(InvalidArgument(
          "input ", i, " ('", input.valid() ? input.name() : "invalid",
          "') is a value of another graph; build both in one graph"));
    }
    if (!input.valid()) {  // the mistake that made it is already kept
      return fail(InvalidArgument("input ", i, " comes from a failed call"));
    }
    record->inputs.push_back(input.id_);
    input_types.push_back(input.type());
  }
  absl::StatusOr<Attributes> complete =
      CompleteAttributes(op.attributes, std::move(attributes));
  if (!complete.ok()) return fail(complete.status());
  record->attributes = *std::move(complete);
  if (op.random) {
    auto* stream = std::get_if<int64_t>(&record->attributes["stream"]);
    if (stream != nullptr && *stream < 0) *stream = StreamOf(name);
  }
  if (!op.infer_type) {
    return fail(InvalidArgument("op '", op.name, "' has no type rule"));
  }
  if (absl::Status kind = CheckOpKind(op); !kind.ok()) return fail(kind);
  absl::StatusOr<std::vector<TensorType>> types = CallUser(
      [&] { return StrCat("infer_type of op '", op.name, "'"); },
      [&] {
        return op.infer_type(InferContext(op, input_types, record->attributes));
      });
  if (!types.ok()) return fail(types.status());
  if (absl::Status rule = CheckInferredTypes(op, input_types, *types);
      !rule.ok()) {
    return fail(rule);
  }
  record->op = &op;
  record->location = location;
  record->outputs = *std::move(types);
  record->gradient_of = gradient_of;
  record->name = std::move(name);

  const int id = num_nodes();
  body_->names.emplace(internal::ForAbsl(record->name), id);
  body_->nodes.push_back(std::move(record));
  Node node(body_, id);
  if (IsParameter(node)) {
    body_->parameter_scopes.emplace(node.scope());
  }
  return node;
}

Node AddNode(const OpDef& op, std::span<const Value> inputs,
             Attributes attributes, NodeOptions options) {
  std::optional<Graph> graph;
  for (const Value& input : inputs) {
    if (!graph.has_value()) graph = Graph::Of(input);
  }
  if (!graph.has_value()) return Node();
  return graph->Add(op, inputs, std::move(attributes), options);
}

const std::string& Graph::scope() const { return body_->scope; }

std::string Graph::ErrorPrefix(std::string_view name,
                               SourceLocation location) const {
  return ErrorPrefixFor(body_->location.value_or(location),
                        body_->scope.empty() ? std::string(name)
                                             : StrCat(body_->scope, "/", name));
}

const absl::Status& Graph::status() const { return body_->status; }

Node Graph::Fail(const absl::Status& status, std::string_view where) const {
  if (body_->status.ok()) body_->status = Prefixed(status, where);
  return Node(body_, -1);
}

Value Graph::Invalid() const { return Value(body_, ValueId{}); }

// ---- Looking --------------------------------------------------------------

int Graph::num_nodes() const { return static_cast<int>(body_->nodes.size()); }

Node Graph::node(int id) const { return Node(body_, id); }

Value Graph::value(ValueId id) const {
  const bool exists =
      id.node >= 0 && id.node < num_nodes() && id.output >= 0 &&
      id.output < static_cast<int>(body_->nodes[id.node]->outputs.size());
  return Value(body_, exists ? id : ValueId{});
}

Node Graph::FindNode(std::string_view name) const {
  auto it = body_->names.find(internal::ForAbsl(name));
  return Node(body_, it == body_->names.end() ? -1 : it->second);
}

std::optional<Graph> Graph::Of(const Value& value) {
  if (value.body_ == nullptr) return std::nullopt;
  return Graph(value.body_);
}

// ---- Copies ---------------------------------------------------------------

Graph Graph::Clone() const {
  auto body = std::make_shared<GraphBody>(*body_);
  body->id = GraphBody::NextId();
  body->ancestors.push_back({body_->id, num_nodes()});
  body->scope.clear();
  body->location.reset();
  body->gradient_of = -1;
  return Graph(std::move(body));
}

absl::StatusOr<Value> Graph::Resolve(const Value& value) const {
  if (!value.valid()) {
    return InvalidArgument(
        "the value is empty or comes from a failed call; check the graph's "
        "status()");
  }
  if (value.body_ == body_) return value;
  for (const GraphBody::Ancestor& ancestor : body_->ancestors) {
    if (ancestor.id == value.body_->id && value.id_.node < ancestor.num_nodes) {
      return Value(body_, value.id_);
    }
  }
  return InvalidArgument("'", value.name(),
                         "' is a value of another graph, or was added after "
                         "the program was made from it");
}

bool Graph::IsRelatedTo(const Graph& other) const {
  auto root = [](const GraphBody& body) {
    return body.ancestors.empty() ? body.id : body.ancestors.front().id;
  };
  return root(*body_) == root(*other.body_);
}

absl::Status Graph::SetInitializer(const Node& state,
                                   const Value& initializer) {
  if (!state.valid() || !initializer.valid() || state.body_ != body_ ||
      initializer.body_ != body_) {
    return InvalidArgument(
        "a state and its initializer must be of the same graph");
  }
  if (!(state.output_type() == initializer.type())) {
    return InvalidArgument(state.ErrorPrefix(), "the state has type ",
                           state.output_type().ToString(), ", its initializer ",
                           initializer.name(), " has type ",
                           initializer.type().ToString());
  }
  body_->initializers[state.id()] = initializer.id();
  return absl::OkStatus();
}

absl::Status Graph::SetTrainingUpdate(const Node& state, const Value& value) {
  if (!state.valid() || !value.valid() || state.body_ != body_ ||
      value.body_ != body_) {
    return InvalidArgument(
        "a state and its training update must be of the same graph");
  }
  if (!IsState(state) || IsParameter(state)) {
    return InvalidArgument(
        state.ErrorPrefix(), "only states have training updates, this is ",
        IsState(state) ? "a parameter, which the optimizer updates"
                       : StrCat("made by op '", state.op().name, "'"));
  }
  if (value.dtype() != state.output_type().dtype ||
      !MayBeEqual(value.shape(), state.output_type().shape)) {
    return InvalidArgument(state.ErrorPrefix(), "the state has type ",
                           state.output_type().ToString(),
                           ", its training update ", value.name(), " has type ",
                           value.type().ToString());
  }
  if (!body_->training_updates.emplace(state.id(), value.id()).second) {
    return InvalidArgument(state.ErrorPrefix(),
                           "the state already has a training update, '",
                           state.training_update().name(), "'");
  }
  return absl::OkStatus();
}

// ---- Scopes ---------------------------------------------------------------

NameScope::NameScope(const Graph& graph, std::string_view name)
    : graph_(graph), previous_(graph.body_->scope) {
  if (name.empty()) return;
  std::string& scope = graph_.body_->scope;
  scope = scope.empty() ? std::string(name) : StrCat(scope, "/", name);
}
NameScope::~NameScope() { graph_.body_->scope = std::move(previous_); }

LocationScope::LocationScope(const Graph& graph, SourceLocation location)
    : graph_(graph), previous_(graph.body_->location) {
  if (!previous_.has_value()) graph_.body_->location = location;
}
LocationScope::~LocationScope() { graph_.body_->location = previous_; }

GradientScope::GradientScope(const Graph& graph, int node)
    : graph_(graph), previous_(graph.body_->gradient_of) {
  graph_.body_->gradient_of = node;
}
GradientScope::~GradientScope() { graph_.body_->gradient_of = previous_; }

std::string LayerOf(const Node& node) {
  Node forward = node;
  while (forward.gradient_of() >= 0) {
    forward = node.graph().node(forward.gradient_of());
  }
  std::string_view scope = forward.scope();
  while (!scope.empty() && !forward.graph().HasParameters(scope)) {
    scope = ScopeOf(scope);
  }
  return std::string(scope.empty() ? forward.scope() : scope);
}

bool Graph::HasParameters(std::string_view scope) const {
  return body_->parameter_scopes.contains(internal::ForAbsl(scope));
}

}  // namespace evengrad
