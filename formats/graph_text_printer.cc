#include <algorithm>
#include <string>

#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/graph_text_values.h"
#include "evengrad/formats/text_scanner.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph) {
    // What a node of a layer takes; strings grow only a few times.
    constexpr size_t kBytesPerNode = 128;
    out_.reserve(kBytesPerNode * static_cast<size_t>(graph.num_nodes()) + 256);
  }

  void Begin(std::string_view kind) {
    out_ += StrCat("evengrad ", kGraphTextVersion, "\n", kind, " {\n");
  }

  void AppendNodes() {
    for (int id = 0; id < graph_.num_nodes(); ++id) AppendNode(graph_.node(id));
    if (graph_.status().ok()) return;
    std::string error(Message(graph_.status()));
    std::ranges::replace(error, '\n', ' ');
    out_ += StrCat("  # error: ", error, "\n");
  }

  void AppendResults(const Program& program) {
    const char* separator = "  return ";
    for (const NamedValue& fetch : program.fetches) {
      out_ += separator;
      AppendWord(fetch.name, out_);
      out_ += '=';
      AppendValue(fetch.value);
      separator = ", ";
    }
    if (!program.fetches.empty()) out_ += '\n';
    for (const StateUpdate& update : program.updates) {
      out_ += "  update ";
      AppendValue(update.state);
      out_ += " = ";
      AppendValue(update.value);
      out_ += '\n';
    }
    for (const ObservedValues& observed : program.observations) {
      AppendObservation(observed);
    }
    for (const FiniteGuard& guard : program.guards) AppendGuard(guard);
    AppendPolicy(program.non_finite);
  }

  std::string Finish() {
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  void AppendNode(const Node& node) {
    out_ += "  %";
    AppendWord(node.name(), out_);
    for (int i = 0; i < node.num_outputs(); ++i) {
      out_ += i == 0 ? ": " : ", ";
      out_ += node.output_type(i).ToString();
    }
    out_ += " = ";
    AppendCall(node);
    if (node.initializer().valid()) {
      out_ += " initialized ";
      AppendValue(node.initializer());
    }
    if (node.training_update().valid()) {
      out_ += " updated ";
      AppendValue(node.training_update());
    }
    if (const int forward = node.gradient_of();
        forward >= 0 && forward < node.id()) {
      out_ += " gradient_of %";
      AppendWord(graph_.node(forward).name(), out_);
    }
    if (const SourceLocation location = node.location(); location.known()) {
      out_ +=
          StrCat(" loc(", QuotedText(location.file), ":", location.line, ")");
    }
    out_ += '\n';
  }

  void AppendCall(const Node& node) {
    const bool parameter = IsParameter(node);
    AppendWord(parameter ? "parameter" : node.op().name, out_);
    out_ += '(';
    std::string_view separator = "";
    for (int i = 0; i < node.num_inputs(); ++i) {
      out_ += separator;
      AppendValue(node.input_id(i));
      separator = ", ";
    }
    const TensorType& output = node.output_type();
    for (const auto& [name, value] : node.attributes()) {
      if (parameter && name == "trainable") continue;
      const auto definition =
          std::ranges::find(node.op().attributes, name, &AttributeDef::name);
      if (definition != node.op().attributes.end() &&
          IsImplied(*definition, value, output)) {
        continue;
      }
      out_ += separator;
      AppendWord(name, out_);
      out_ += '=';
      AppendAttribute(value, output, out_);
      separator = ", ";
    }
    out_ += ')';
  }

  void AppendValue(ValueId id) {
    out_ += '%';
    AppendWord(graph_.node(id.node).name(), out_);
    if (id.output > 0) out_ += StrCat(":", id.output);
  }

  void AppendValue(const Value& value) {
    if (value.valid() && graph_.Owns(value)) {
      AppendValue(value.id());
    } else {
      out_ += "%?";  // no value of this graph: the parser refuses it
    }
  }

  void AppendObservation(const ObservedValues& observed) {
    out_ += "  observe ";
    AppendWord(observed.name, out_);
    const char* separator = "(";
    for (const Value& value : observed.values) {
      out_ += separator;
      AppendValue(value);
      separator = ", ";
    }
    out_ += observed.values.empty() ? "()" : ")";
    if (observed.every_n_steps != 1) {
      out_ += StrCat(" every ", observed.every_n_steps);
    }
    if (observed.first_step != 1) {
      out_ += StrCat(" first ", observed.first_step);
    }
    out_ += '\n';
  }

  void AppendGuard(const FiniteGuard& guard) {
    out_ += "  guard ";
    AppendWord(guard.description, out_);
    out_ += " = ";
    AppendValue(guard.value);
    // The compiler's passes keep the value alone.
    const Value& subject = guard.subject;
    if (subject.valid() && graph_.Owns(subject) && !(subject == guard.value)) {
      out_ += " of ";
      AppendValue(subject);
    }
    if (guard.before_updates) out_ += " before_updates";
    out_ += '\n';
  }

  void AppendPolicy(const NonFiniteOptions& options) {
    if (options.policy == NonFinitePolicy::kPropagate &&
        options.exempt.empty()) {
      return;
    }
    out_ += StrCat("  non_finite ", Name(options.policy));
    std::string_view separator = " exempt ";
    for (const std::string& pattern : options.exempt) {
      out_ += separator;
      AppendWord(pattern, out_);
      separator = ", ";
    }
    out_ += '\n';
  }

  const Graph& graph_;
  std::string out_;
};

}  // namespace

std::string PrintGraph(const Graph& graph) {
  Printer printer(graph);
  printer.Begin("graph");
  printer.AppendNodes();
  return printer.Finish();
}

std::string PrintProgram(const Program& program) {
  Printer printer(program.graph);
  printer.Begin(StrCat("program ", Name(program.mode)));
  printer.AppendNodes();
  printer.AppendResults(program);
  return printer.Finish();
}

}  // namespace evengrad
