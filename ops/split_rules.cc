#include "evengrad/ops/split_rules.h"

#include <optional>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

int AxisOf(const Node& node) {
  return NormalizeAxis(node.attribute<int64_t>("axis"), node.input(0).rank())
      .value_or(0);
}

}  // namespace

absl::Status CheckPieces(std::span<const Dimension> pieces,
                         const Dimension& whole, int axis) {
  int64_t sum = 0;
  bool open = !whole.is_integer();
  for (const Dimension& piece : pieces) {
    if (!piece.is_integer()) {
      open = true;
    } else if (__builtin_add_overflow(sum, piece.size(), &sum)) {
      return InvalidArgument("the sizes of the pieces overflow 64 bits");
    }
  }
  const bool fits =
      open ? !whole.is_integer() || sum <= whole.size() : sum == whole.size();
  if (fits) return absl::OkStatus();
  return InvalidArgument("the pieces have ", sum, " elements along axis ", axis,
                         ", the input has ", whole.size());
}

Value JoinOutputGradients(const Node& node,
                          std::span<const Value> output_gradients) {
  std::vector<Value> pieces;
  for (int i = 0; i < node.num_outputs(); ++i) {
    const Value output = node.output(i);
    pieces.push_back(
        output_gradients[i].valid()
            ? output_gradients[i]
            : BroadcastLike(Constant(node.graph(), 0.0, output.dtype()),
                            output));
  }
  // The input's size may be a name, of which the pieces' sizes know nothing.
  return ReshapeLike(Concat(pieces, AxisOf(node)), node.input(0));
}

std::vector<Value> DecomposeIntoSlices(const Node& node) {
  const int axis = AxisOf(node);
  std::vector<Value> slices;
  int64_t begin = 0;
  for (int i = 0; i < node.num_outputs(); ++i) {
    const Dimension& size = node.output_type(i).shape[axis];
    if (!size.is_integer()) return {};
    slices.push_back(
        Slice(node.input(0),
              {{.axis = axis, .start = begin, .stop = begin + size.size()}}));
    begin += size.size();
  }
  return slices;
}

absl::Status ReferenceSplit(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + input.rank() : given;
  int64_t begin = 0;
  for (ReferenceTensor& output : call.outputs) {
    for (int64_t i = 0; i < output.num_elements(); ++i) {
      std::vector<int64_t> index = Unflatten(output.sizes, i);
      index[axis] += begin;
      output.values[i] = input.values[Flatten(input.sizes, index)];
    }
    begin += output.sizes[axis];
  }
  return absl::OkStatus();
}

std::vector<Value> OutputsOf(const Node& node, const Value& input,
                             size_t count) {
  const std::optional<Graph> graph = Graph::Of(input);
  std::vector<Value> outputs(count,
                             graph.has_value() ? graph->Invalid() : Value());
  if (!node.valid()) return outputs;
  for (size_t i = 0; i < count; ++i) {
    outputs[i] = node.output(static_cast<int>(i));
  }
  return outputs;
}

}  // namespace evengrad
