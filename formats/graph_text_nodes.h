// The nodes of a graph text (formats/graph_text.h).
#ifndef EVENGRAD_FORMATS_GRAPH_TEXT_NODES_H_
#define EVENGRAD_FORMATS_GRAPH_TEXT_NODES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/text_scanner.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_registry.h"

namespace evengrad {

// Reads nodes and values and builds their graph. Errors say where.
class GraphTextNodes {
 public:
  // Both must outlive it.
  GraphTextNodes(TextScanner& scanner, const OpRegistry& ops)
      : scanner_(scanner), ops_(ops) {}

  const Graph& graph() const { return graph_; }

  // A node, whose '%' has been taken.
  absl::Status ReadNode();
  // A value of a node above.
  absl::StatusOr<Value> ReadValue();
  // To be called behind the last node: initial values may be below their state.
  absl::Status SetInitializers();

 private:
  // A node as it stands in the text, before it is added to the graph.
  struct NodeText {
    std::string name;
    size_t name_offset = 0;
    size_t op_offset = 0;
    std::vector<TensorType> types;
    std::vector<size_t> type_offsets;
    const OpDef* op = nullptr;
    std::vector<Value> inputs;
    Attributes attributes;
    SourceLocation location;
    int gradient_of = -1;
  };
  // A value by its name, which need not exist yet.
  struct ValueText {
    std::string name;
    int output = 0;
    size_t offset = 0;
  };
  // Of a state: what may be a value below.
  struct StateClauses {
    std::optional<ValueText> initializer;
    std::optional<ValueText> update;
  };
  struct StateValue {
    int state;
    ValueText value;
  };

  absl::Status ReadName(NodeText& node);
  absl::Status ReadTypes(NodeText& node);
  absl::Status ReadOp(NodeText& node);
  absl::Status ReadArguments(NodeText& node);
  absl::Status ReadArgument(NodeText& node);
  absl::Status ReadClauses(NodeText& node, StateClauses& clauses);
  absl::StatusOr<SourceLocation> ReadLocation();
  absl::StatusOr<Node> AddNode(NodeText& node);
  absl::StatusOr<ValueText> ReadValueText();
  absl::StatusOr<Value> Resolve(const ValueText& text) const;
  absl::Status Undefined(const ValueText& text) const;
  std::vector<std::string_view> NamesLike(std::string_view name) const;
  absl::Status SetTrainingUpdates();

  TextScanner& scanner_;
  const OpRegistry& ops_;
  Graph graph_;
  std::vector<size_t> defined_at_;  // by node
  std::vector<StateValue> initializers_;
  std::vector<StateValue> updates_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_TEXT_NODES_H_
