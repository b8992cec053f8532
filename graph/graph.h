// The static computation graph.
//
// A Graph is pure and append-only: a node is made once, by a builder function,
// from values that exist, so node ids are a topological order and iteration is
// deterministic. The first mistake is kept as the graph's status, with the line
// of the user's code that made it; builder calls after it stay quiet, and
// whatever compiles or differentiates the graph returns it.
//
//   Graph graph;
//   Value x = Placeholder(graph, "x", F32({"batch", 4}));
//   NameScope layer(graph, "hidden1");
//   Value y = Selu(Dense(x, 100));
//   if (!graph.status().ok()) …
//
// A graph is built by one thread at a time.
#ifndef EVENGRAD_GRAPH_GRAPH_H_
#define EVENGRAD_GRAPH_GRAPH_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

class Graph;
namespace internal {
struct GraphBody;
struct NodeRecord;
}  // namespace internal

// A value's place within its graph.
struct ValueId {
  int node = -1;
  int output = 0;
  bool valid() const { return node >= 0; }
  friend auto operator<=>(const ValueId&, const ValueId&) = default;
};

// An edge of a graph: one output of one node. A small handle; copies are cheap.
class EVENGRAD_EXPORT Value {
 public:
  Value() = default;  // no value

  bool valid() const { return body_ != nullptr && id_.valid(); }
  explicit operator bool() const { return valid(); }
  ValueId id() const { return id_; }

  // All below require valid().
  Node node() const;
  const TensorType& type() const;
  DType dtype() const { return type().dtype; }
  const Shape& shape() const { return type().shape; }
  int rank() const { return type().rank(); }
  // "hidden1/matmul", with ":k" for outputs after the first.
  std::string name() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  friend class Graph;
  friend class Node;
  Value(std::shared_ptr<internal::GraphBody> body, ValueId id)
      : body_(std::move(body)), id_(id) {}

  std::shared_ptr<internal::GraphBody> body_;
  ValueId id_;  // invalid with a body: the result of a failed call
};

// An occurrence of an op in a graph. A small handle.
class EVENGRAD_EXPORT Node {
 public:
  Node() = default;

  bool valid() const { return body_ != nullptr && id_ >= 0; }
  int id() const { return id_; }

  // output(i) of an invalid node is an invalid value; all else below requires
  // valid().
  Value output(int i = 0) const;
  const OpDef& op() const;
  const std::string& name() const;
  // The name up to the last '/': "hidden1" of "hidden1/matmul"; "" at the top.
  std::string_view scope() const;
  SourceLocation location() const;
  int num_inputs() const;
  Value input(int i) const;
  ValueId input_id(int i) const;
  int num_outputs() const;
  const TensorType& output_type(int i = 0) const;
  const Attributes& attributes() const;
  // An attribute by name; T must be its kind, or T() is returned.
  template <typename T>
  const T& attribute(std::string_view name) const;
  // The node whose gradient this node helps to compute; -1 for none.
  int gradient_of() const;
  // For a state: the value it starts with.
  Value initializer() const;
  // For a state that training keeps up to date by itself, such as a running
  // mean: the value it has after a training step; else an invalid value.
  Value training_update() const;
  // A handle to the graph this node is in.
  Graph graph() const;

  // "model.cc:27: hidden3/matmul: ", the prefix of messages about this node.
  std::string ErrorPrefix() const;

 private:
  friend class Graph;
  friend class Value;
  Node(std::shared_ptr<internal::GraphBody> body, int id)
      : body_(std::move(body)), id_(id) {}
  const internal::NodeRecord& record() const;

  std::shared_ptr<internal::GraphBody> body_;
  int id_ = -1;
};

struct NodeOptions {
  // Last part of the node's name; the op's name where empty. A number is
  // appended when it is taken.
  std::string_view name = {};
  SourceLocation location = {};
};

// A handle to a graph; copies of the handle are the same graph.
class EVENGRAD_EXPORT Graph {
 public:
  Graph();

  // Appends a node, checks the inputs and attributes against `op` and infers
  // the types. On a mistake the graph's status is set, where it was OK, and the
  // result is an invalid node. An invalid input makes the result invalid.
  Node Add(const OpDef& op, std::span<const Value> inputs,
           Attributes attributes = {}, NodeOptions options = {});
  Node Add(const OpDef& op, std::initializer_list<Value> inputs,
           Attributes attributes = {}, NodeOptions options = {}) {
    return Add(op, std::span<const Value>(inputs.begin(), inputs.size()),
               std::move(attributes), options);
  }
  // Appends a node under the exact full name `name` with explicit location and
  // gradient link (-1: that of the current GradientScope): for copies and
  // parsers. A name already taken is an error.
  Node AddNamed(const OpDef& op, std::span<const Value> inputs,
                Attributes attributes, std::string_view name,
                SourceLocation location, int gradient_of = -1);

  // The scope that new nodes are in: "encoder/layer1"; "" at the top.
  const std::string& scope() const;
  // "model.cc:27: hidden3/dense: ", the prefix of messages about what a
  // function called at `location` would name `name` in the current scope.
  std::string ErrorPrefix(std::string_view name, SourceLocation location) const;

  // The first error, or OK.
  const absl::Status& status() const;
  // Keeps `status` as the graph's error unless there is one; returns an
  // invalid node. `where` is put before the message: "model.cc:27: ".
  Node Fail(const absl::Status& status, std::string_view where = "") const;
  // An invalid value that knows this graph: builder functions return it.
  Value Invalid() const;

  int num_nodes() const;
  // Requires 0 <= id < num_nodes().
  Node node(int id) const;
  // The value with that id; an invalid one where there is none.
  Value value(ValueId id) const;
  // The node with that full name, or an invalid one.
  Node FindNode(std::string_view name) const;

  // A copy in which all ids, names and locations are the same. Values of this
  // graph are valid for the copy too (see Resolve).
  Graph Clone() const;
  // The same value in this graph: `value` itself, or the one with its id when
  // `value` is of a graph from which this one was cloned and existed by then.
  // Error: a value of another graph, or an invalid one.
  absl::StatusOr<Value> Resolve(const Value& value) const;
  // True when this graph and `other` are clones of one graph, or the same.
  bool IsRelatedTo(const Graph& other) const;
  // True when `value` was made in this very graph.
  bool Owns(const Value& value) const { return value.body_ == body_; }
  // A parameter was made directly in that scope.
  bool HasParameters(std::string_view scope) const;
  // The graph in which `value` was made; empty for Value(). An invalid value
  // that a failed call returned knows its graph too.
  static std::optional<Graph> Of(const Value& value);

  // The value with which `state` starts. Types must be equal.
  absl::Status SetInitializer(const Node& state, const Value& initializer);
  // The value that `state` has after each step of a training program that reads
  // it. Minimize makes an update of it; programs in inference mode only read
  // the state. Error: not a state, a trainable one (optimizers update those),
  // another type, a second update.
  absl::Status SetTrainingUpdate(const Node& state, const Value& value);

  friend bool operator==(const Graph&, const Graph&) = default;

 private:
  friend class Node;
  friend class NameScope;
  friend class LocationScope;
  friend class GradientScope;
  explicit Graph(std::shared_ptr<internal::GraphBody> body)
      : body_(std::move(body)) {}
  Node Append(const OpDef& op, std::span<const Value> inputs,
              Attributes attributes, std::string name, SourceLocation location,
              int gradient_of);

  std::shared_ptr<internal::GraphBody> body_;
};

// Adds a node to the graph of its inputs; the first valid input decides. With
// no valid input at all the result is an invalid node.
EVENGRAD_EXPORT Node AddNode(const OpDef& op, std::span<const Value> inputs,
                             Attributes attributes = {},
                             NodeOptions options = {});
inline Node AddNode(const OpDef& op, std::initializer_list<Value> inputs,
                    Attributes attributes = {}, NodeOptions options = {}) {
  return AddNode(op, std::span<const Value>(inputs.begin(), inputs.size()),
                 std::move(attributes), options);
}

// While it lives, new nodes of `graph` are named "<scope>/…". Nests. A layer is
// the innermost scope that owns a parameter.
class EVENGRAD_EXPORT NameScope {
 public:
  NameScope(const Graph& graph, std::string_view name);
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

 private:
  Graph graph_;
  std::string previous_;
};

// While it lives, new nodes of `graph` get `location`, even an unknown one: a
// function composed of ops points at its caller, never at lines of its own. Of
// nested ones the outermost counts.
class EVENGRAD_EXPORT LocationScope {
 public:
  LocationScope(const Graph& graph, SourceLocation location);
  ~LocationScope();
  LocationScope(const LocationScope&) = delete;
  LocationScope& operator=(const LocationScope&) = delete;

 private:
  Graph graph_;
  std::optional<SourceLocation> previous_;
};

// While it lives, new nodes of `graph` are part of the gradient of `node`.
class EVENGRAD_EXPORT GradientScope {
 public:
  GradientScope(const Graph& graph, int node);
  ~GradientScope();
  GradientScope(const GradientScope&) = delete;
  GradientScope& operator=(const GradientScope&) = delete;

 private:
  Graph graph_;
  int previous_;
};

// The innermost scope that owns a parameter among the scopes around `node`, or
// the node's own scope where none does. For the nodes of a gradient: the layer
// of the node whose gradient it is.
EVENGRAD_EXPORT std::string LayerOf(const Node& node);

template <typename T>
const T& Node::attribute(std::string_view name) const {
  return InferContext(op(), {}, attributes()).attribute<T>(name);
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_GRAPH_H_
