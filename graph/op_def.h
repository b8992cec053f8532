// OpDef: everything there is to know about a kind of op, in one struct. Passes,
// derivations, parsers and tests ask it and never switch on an op's kind.
// See ops/selu.cc for a complete one.
#ifndef EVENGRAD_GRAPH_OP_DEF_H_
#define EVENGRAD_GRAPH_OP_DEF_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

class Expression;          // ops/expression.h
class ElementwiseContext;  // ops/expression.h
class Kernel;              // ops/kernel.h
struct KernelRequest;      // ops/kernel.h
struct LoopOutput;         // ops/loop_output.h
struct ReferenceCall;      // ops/reference.h
class Node;                // graph/graph.h
class Value;               // graph/graph.h
struct OpDef;

// What a type rule sees.
class EVENGRAD_EXPORT InferContext {
 public:
  InferContext(const OpDef& op, std::span<const TensorType> inputs,
               const Attributes& attributes)
      : op_(op), inputs_(inputs), attributes_(attributes) {}

  const OpDef& op() const { return op_; }
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  const TensorType& input(int i) const { return inputs_[i]; }
  const Attributes& attributes() const { return attributes_; }
  // The name of input `i` in messages: "weights", or "input 2" when variadic.
  std::string InputName(int i) const;
  // "weights f32[300,100]", for messages.
  std::string Describe(int i) const;
  // An attribute by name; T must be its kind (a bad name or kind is a defect of
  // the op and yields T()).
  template <typename T>
  const T& attribute(std::string_view name) const;

 private:
  const OpDef& op_;
  std::span<const TensorType> inputs_;
  const Attributes& attributes_;
};

// The types of the outputs, or a message about the inputs, like "inner
// dimensions differ: …"; the builder puts file, line and node before it.
using InferTypeFunction =
    std::function<absl::StatusOr<std::vector<TensorType>>(const InferContext&)>;

// Appends the nodes of d loss / d input, given those of the outputs. Returns
// one value an input; Value() where there is no gradient. An element of
// `output_gradients` is Value() where the output does not reach the loss.
using GradientFunction = std::function<std::vector<Value>(
    const Node& node, std::span<const Value> output_gradients)>;

// Values that may stand for the node's outputs (one an output), or an empty
// vector to leave the node alone. May append nodes to the node's graph.
using RewriteFunction = std::function<std::vector<Value>(const Node& node)>;

// The op's output as an expression over vector primitives.
using ElementwiseFunction =
    std::function<Expression(const ElementwiseContext&)>;

// A kernel prepared for concrete types.
using MakeKernelFunction =
    std::function<absl::StatusOr<std::unique_ptr<Kernel>>(
        const KernelRequest&)>;

// What a fused loop that computes the node's input 0 ends in, in place of the
// node's own kernel; without buffers. Called on nodes with static types only.
using LoopOutputFunction = std::function<LoopOutput(const Node& node)>;

// Computes the outputs in double with plain loops: the executable
// specification.
using ReferenceFunction = std::function<absl::Status(const ReferenceCall&)>;

// Arithmetic work of one execution.
struct Cost {
  double flops = 0;  // multiply and add count one each
  double bytes = 0;  // read and written
};
// Called on nodes with static types only.
using CostFunction = std::function<Cost(const Node&)>;

// The initializer that suits a layer followed by an op
// (Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998).
enum class InitializerHint : uint8_t { kNone, kGlorot, kHe, kLeCun };

// How an op takes part in a search for the activation that follows a layer.
enum class HintFlow : uint8_t {
  kStop,  // the search ends here
  kPass,  // the op keeps the role of its first input: bias, reshape, norm …
};

struct EVENGRAD_EXPORT OpDef {
  std::string_view name = {};
  std::string_view summary = {};  // formula and source, one line
  // Names of the inputs. A last name that ends in "..." takes any number.
  std::vector<std::string_view> inputs = {};
  // A last name that ends in "..." stands for any number, which the type rule
  // decides.
  std::vector<std::string_view> outputs = {"output"};
  std::vector<AttributeDef> attributes = {};
  InferTypeFunction infer_type = {};
  GradientFunction gradient = {};  // none: not differentiable
  ElementwiseFunction elementwise = {};
  MakeKernelFunction make_kernel = {};
  LoopOutputFunction loop_output = {};
  ReferenceFunction reference = {};
  RewriteFunction simplify = {};   // a peephole rule of this op
  RewriteFunction inference = {};  // what takes its place in inference mode
  RewriteFunction decompose = {};  // an op defined by composition
  CostFunction cost = {};
  InitializerHint initializer_hint = InitializerHint::kNone;
  HintFlow hint_flow = HintFlow::kStop;
  // Inputs of which only the type is read: they keep nothing alive. That of a
  // variadic last name stands for all inputs it takes.
  std::vector<int> type_only_inputs = {};
  // Output 0 is input 0 with another shape: no kernel, no copy. Its readers
  // wait for its other inputs, too.
  bool alias = false;
  // Draws random numbers: never merged with an equal node, never folded. Has
  // an integer attribute "stream", which the builder fills with a hash of the
  // node's name when it is -1.
  bool random = false;
  // Its kernel runs code with effects of its own, such as the user's: never
  // merged or folded, runs alone on the session's calling thread, and before
  // any state has changed. It may report an error, which stops the run.
  bool has_effects = false;
  // The kernel runs a trailing elementwise program on each part of its output
  // (KernelRequest::epilogue).
  bool epilogue = false;
  // A leaf that the runtime provides: placeholder, state.
  bool is_source = false;

  bool variadic() const {
    return !inputs.empty() && inputs.back().ends_with("...");
  }
  bool variadic_outputs() const {
    return !outputs.empty() && outputs.back().ends_with("...");
  }
  // Only the type of input `i` is read.
  bool ReadsTypeOnly(int i) const;
};

// The common type rule: one output, of the type of input 0.
EVENGRAD_EXPORT absl::StatusOr<std::vector<TensorType>> SameAsInput(
    const InferContext& context);

template <typename T>
const T& InferContext::attribute(std::string_view name) const {
  static const T* const missing = new T();
  auto it = attributes_.find(name);
  if (it == attributes_.end()) return *missing;
  const T* value = std::get_if<T>(&it->second);
  return value == nullptr ? *missing : *value;
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_OP_DEF_H_
