// The transpose of concat: pieces whose sizes are those of other values, which
// need not be known when the graph is built.
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/split_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank()));
  if (context.num_inputs() == 1) {
    return InvalidArgument(
        "split_like takes at least one value whose size a "
        "piece has");
  }
  std::vector<TensorType> pieces;
  std::vector<Dimension> sizes;
  for (int i = 1; i < context.num_inputs(); ++i) {
    const Shape& like = context.input(i).shape;
    Shape others = input.shape;
    if (like.rank() == input.rank()) others[axis] = like[axis];
    if (!MayBeEqual(others, like)) {
      return InvalidArgument(context.Describe(i), " is no piece of ",
                             context.Describe(0), " along axis ", axis);
    }
    for (int k = 0; k < others.rank(); ++k) {
      others[k] = Refine(others[k], like[k]);
    }
    sizes.push_back(like[axis]);
    pieces.push_back({input.dtype, std::move(others)});
  }
  const absl::Status status = CheckPieces(sizes, input.shape[axis], axis);
  if (!status.ok()) {
    return InvalidArgument("cannot split ", context.Describe(0), ": ",
                           Message(status));
  }
  return pieces;
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  std::vector<Value> gradients(node.num_inputs());
  gradients[0] = JoinOutputGradients(node, output_gradients);
  return gradients;
}

}  // namespace

const OpDef& SplitLikeOp() {
  static const OpDef* const op = new OpDef{
      .name = "split_like",
      .summary =
          "input cut along axis into pieces as large as likes: the transpose "
          "of concat",
      .inputs = {"input", "likes..."},
      .outputs = {"pieces..."},
      .attributes = {{.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "may count from the back"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = ReferenceSplit,
      .decompose = DecomposeIntoSlices,
      .type_only_inputs = {1}};
  return *op;
}

std::vector<Value> SplitLike(const Value& input,
                             const std::vector<Value>& likes, int axis,
                             SourceLocation location) {
  std::vector<Value> inputs = {input};
  inputs.insert(inputs.end(), likes.begin(), likes.end());
  const Node node = AddNode(SplitLikeOp(), inputs, {{"axis", int64_t{axis}}},
                            {.location = location});
  return OutputsOf(node, input, likes.size());
}

}  // namespace evengrad
