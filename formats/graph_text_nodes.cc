#include "evengrad/formats/graph_text_nodes.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/graph_text_values.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/graph/verifier.h"

namespace evengrad {
namespace {

constexpr size_t kMaxInputs = size_t{1} << 20;
constexpr size_t kMaxOutputs = 1024;

}  // namespace

// ---- Nodes ----------------------------------------------------------------

absl::Status GraphTextNodes::ReadNode() {
  NodeText node;
  EVENGRAD_RETURN_IF_ERROR(ReadName(node));
  EVENGRAD_RETURN_IF_ERROR(ReadTypes(node));
  EVENGRAD_RETURN_IF_ERROR(ReadOp(node));
  EVENGRAD_RETURN_IF_ERROR(ReadArguments(node));
  StateClauses clauses;
  EVENGRAD_RETURN_IF_ERROR(ReadClauses(node, clauses));
  EVENGRAD_ASSIGN_OR_RETURN(const Node added, AddNode(node));
  if (clauses.initializer.has_value()) {
    initializers_.push_back({added.id(), *std::move(clauses.initializer)});
  }
  if (clauses.update.has_value()) {
    updates_.push_back({added.id(), *std::move(clauses.update)});
  }
  return absl::OkStatus();
}

absl::Status GraphTextNodes::ReadName(NodeText& node) {
  if (graph_.num_nodes() == kMaxGraphTextNodes) {
    return scanner_.ErrorAt(scanner_.Position(), "a graph has at most ",
                            kMaxGraphTextNodes, " nodes");
  }
  node.name_offset = scanner_.Position();
  EVENGRAD_ASSIGN_OR_RETURN(node.name, scanner_.ReadWord("a node's name"));
  if (const Node first = graph_.FindNode(node.name); first.valid()) {
    return scanner_.ErrorAt(
        node.name_offset, "%", node.name, " is defined twice, first at ",
        scanner_.PlaceOf(defined_at_[static_cast<size_t>(first.id())]));
  }
  return absl::OkStatus();
}

absl::Status GraphTextNodes::ReadTypes(NodeText& node) {
  EVENGRAD_RETURN_IF_ERROR(
      scanner_.Expect(':', "and a type after the node's name"));
  do {
    node.type_offsets.push_back(scanner_.Position());
    EVENGRAD_ASSIGN_OR_RETURN(TensorType type, ReadType(scanner_));
    node.types.push_back(std::move(type));
    if (node.types.size() > kMaxOutputs) {
      return scanner_.ErrorAt(node.type_offsets.back(), "a node has at most ",
                              kMaxOutputs, " types");
    }
  } while (scanner_.Take(','));
  return scanner_.Expect('=', "and an op after the node's type");
}

absl::Status GraphTextNodes::ReadOp(NodeText& node) {
  node.op_offset = scanner_.Position();
  EVENGRAD_ASSIGN_OR_RETURN(const std::string name, scanner_.ReadWord("an op"));
  node.op = ops_.Find(name);
  if (node.op == nullptr && name == "parameter") {
    node.op = ops_.Find(StateOp().name);
    node.attributes["trainable"] = true;
  }
  if (node.op != nullptr) return absl::OkStatus();
  return scanner_.ErrorAt(node.op_offset, Message(ops_.Get(name).status()));
}

absl::Status GraphTextNodes::ReadArguments(NodeText& node) {
  EVENGRAD_RETURN_IF_ERROR(scanner_.Expect('(', "after the op"));
  if (scanner_.Take(')')) return absl::OkStatus();
  do {
    EVENGRAD_RETURN_IF_ERROR(ReadArgument(node));
  } while (scanner_.Take(','));
  return scanner_.Expect(')', "or ',' after an argument");
}

absl::Status GraphTextNodes::ReadArgument(NodeText& node) {
  const size_t offset = scanner_.Position();
  if (scanner_.Peek() == '%') {
    if (node.inputs.size() == kMaxInputs) {
      return scanner_.ErrorAt(offset, "a node has at most ", kMaxInputs,
                              " inputs");
    }
    EVENGRAD_ASSIGN_OR_RETURN(Value input, ReadValue());
    node.inputs.push_back(std::move(input));
    return absl::OkStatus();
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string name,
      scanner_.ReadWord("an input (%name) or an attribute (name=…)"));
  const auto definition =
      std::ranges::find(node.op->attributes, name, &AttributeDef::name);
  if (definition == node.op->attributes.end()) {
    std::vector<std::string_view> known;
    for (const AttributeDef& attribute : node.op->attributes) {
      known.push_back(attribute.name);
    }
    return scanner_.ErrorAt(offset, "op '", node.op->name,
                            "' has no attribute '", name, "'",
                            DidYouMean(name, known));
  }
  if (node.attributes.contains(name)) {
    return scanner_.ErrorAt(offset, "attribute ", name, " is given twice");
  }
  EVENGRAD_RETURN_IF_ERROR(
      scanner_.Expect('=', StrCat("after attribute ", name)));
  EVENGRAD_ASSIGN_OR_RETURN(
      AttributeValue value,
      ReadAttribute(scanner_, *definition, node.types[0]));
  node.attributes.emplace(name, std::move(value));
  return absl::OkStatus();
}

absl::Status GraphTextNodes::ReadClauses(NodeText& node,
                                         StateClauses& clauses) {
  while (true) {
    const size_t offset = scanner_.Position();
    if (scanner_.TakeWord("initialized")) {
      if (clauses.initializer.has_value()) {
        return scanner_.ErrorAt(offset, "a state has one initial value");
      }
      EVENGRAD_ASSIGN_OR_RETURN(clauses.initializer, ReadValueText());
    } else if (scanner_.TakeWord("updated")) {
      if (clauses.update.has_value()) {
        return scanner_.ErrorAt(offset, "a state has one training update");
      }
      EVENGRAD_ASSIGN_OR_RETURN(clauses.update, ReadValueText());
    } else if (scanner_.TakeWord("gradient_of")) {
      EVENGRAD_ASSIGN_OR_RETURN(const Value forward, ReadValue());
      node.gradient_of = forward.id().node;
    } else if (scanner_.TakeWord("loc")) {
      EVENGRAD_ASSIGN_OR_RETURN(node.location, ReadLocation());
    } else {
      return absl::OkStatus();
    }
  }
}

absl::StatusOr<SourceLocation> GraphTextNodes::ReadLocation() {
  EVENGRAD_RETURN_IF_ERROR(scanner_.Expect('(', "after 'loc'"));
  EVENGRAD_ASSIGN_OR_RETURN(const std::string file,
                            scanner_.ReadString("a file's name"));
  EVENGRAD_RETURN_IF_ERROR(scanner_.Expect(':', "and a line"));
  const size_t offset = scanner_.Position();
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t line, scanner_.ReadInteger("a line"));
  if (line < 1 || line > std::numeric_limits<int>::max()) {
    return scanner_.ErrorAt(offset, "there is no line ", line);
  }
  EVENGRAD_RETURN_IF_ERROR(scanner_.Expect(')', "after the line"));
  return SourceLocation::Interned(file, static_cast<int>(line));
}

absl::StatusOr<Node> GraphTextNodes::AddNode(NodeText& node) {
  AddImplied(*node.op, node.types[0], node.attributes);
  const Node added =
      graph_.AddNamed(*node.op, node.inputs, std::move(node.attributes),
                      node.name, node.location, node.gradient_of);
  if (!added.valid()) {
    return scanner_.ErrorAt(node.op_offset, Message(graph_.status()));
  }
  if (node.types.size() != static_cast<size_t>(added.num_outputs())) {
    return scanner_.ErrorAt(node.type_offsets[0], "op '", node.op->name,
                            "' has ", added.num_outputs(), " output(s), found ",
                            node.types.size(), " type(s)");
  }
  for (int i = 0; i < added.num_outputs(); ++i) {
    const auto index = static_cast<size_t>(i);
    if (node.types[index] == added.output_type(i)) continue;
    return scanner_.ErrorAt(
        node.type_offsets[index], "%", added.output(i).name(),
        " is declared as ", node.types[index].ToString(), ", op '",
        node.op->name, "' makes it ", added.output_type(i).ToString());
  }
  defined_at_.push_back(node.name_offset);
  return added;
}

// ---- Values ---------------------------------------------------------------

absl::StatusOr<GraphTextNodes::ValueText> GraphTextNodes::ReadValueText() {
  ValueText value;
  value.offset = scanner_.Position();
  EVENGRAD_RETURN_IF_ERROR(scanner_.Expect('%', "before a value's name"));
  EVENGRAD_ASSIGN_OR_RETURN(value.name, scanner_.ReadWord("a value's name"));
  if (!scanner_.Take(':')) return value;
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t output,
                            scanner_.ReadInteger("the number of an output"));
  // Any other number that does not fit is no output either.
  value.output = static_cast<int>(std::clamp<int64_t>(output, -1, INT32_MAX));
  return value;
}

absl::StatusOr<Value> GraphTextNodes::ReadValue() {
  EVENGRAD_ASSIGN_OR_RETURN(const ValueText value, ReadValueText());
  return Resolve(value);
}

absl::StatusOr<Value> GraphTextNodes::Resolve(const ValueText& text) const {
  const Node node = graph_.FindNode(text.name);
  if (!node.valid()) return Undefined(text);
  if (text.output >= 0 && text.output < node.num_outputs()) {
    return node.output(text.output);
  }
  return scanner_.ErrorAt(text.offset, "%", text.name, " has ",
                          node.num_outputs(),
                          " output(s), there is no :", text.output);
}

absl::Status GraphTextNodes::Undefined(const ValueText& text) const {
  // A definition below explains more than the nearest name.
  std::string definition = "%";
  AppendWord(text.name, definition);
  const size_t below = scanner_.text().find(definition + ": ", text.offset + 1);
  if (below != std::string_view::npos) {
    return scanner_.ErrorAt(text.offset, definition, " is defined below, at ",
                            scanner_.PlaceOf(below),
                            "; a node reads only nodes above it");
  }
  return scanner_.ErrorAt(text.offset, definition, " is not defined",
                          DidYouMean(text.name, NamesLike(text.name)));
}

// The names that may be meant: of about the same length, the last ones.
std::vector<std::string_view> GraphTextNodes::NamesLike(
    std::string_view name) const {
  constexpr size_t kMost = 10'000;
  std::vector<std::string_view> names;
  if (name.size() < 2) return names;  // any letter is like any other
  const size_t slack = name.size() / 3 + 1;
  for (int id = graph_.num_nodes() - 1; id >= 0 && names.size() < kMost; --id) {
    const std::string& known = graph_.node(id).name();
    if (known.size() <= name.size() + slack &&
        name.size() <= known.size() + slack) {
      names.push_back(known);
    }
  }
  return names;
}

// ---- Initial values -------------------------------------------------------

absl::Status GraphTextNodes::SetInitializers() {
  for (const StateValue& initializer : initializers_) {
    const Node state = graph_.node(initializer.state);
    const size_t offset = initializer.value.offset;
    if (!IsState(state)) {
      return scanner_.ErrorAt(offset, "only states are initialized, %",
                              state.name(), " is made by op '", state.op().name,
                              "'");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Value value, Resolve(initializer.value));
    const absl::Status set = graph_.SetInitializer(state, value);
    if (!set.ok()) return scanner_.ErrorAt(offset, Message(set));
  }
  EVENGRAD_RETURN_IF_ERROR(SetTrainingUpdates());
  const Node circular = FindCircularInitializer(graph_);
  if (!circular.valid()) return absl::OkStatus();
  for (const StateValue& initializer : initializers_) {
    if (initializer.state != circular.id()) continue;
    return scanner_.ErrorAt(
        initializer.value.offset,
        "the initial value of a state depends on the state itself");
  }
  return absl::OkStatus();
}

absl::Status GraphTextNodes::SetTrainingUpdates() {
  for (const StateValue& update : updates_) {
    const size_t offset = update.value.offset;
    EVENGRAD_ASSIGN_OR_RETURN(const Value value, Resolve(update.value));
    const absl::Status set =
        graph_.SetTrainingUpdate(graph_.node(update.state), value);
    if (!set.ok()) return scanner_.ErrorAt(offset, Message(set));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
