// A tensor cut into pieces along one axis: so many equal ones, or pieces of
// given sizes. concat is its inverse.
#include <algorithm>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/shape_rules.h"
#include "evengrad/ops/split_rules.h"

namespace evengrad {
namespace {

using Sizes = std::vector<int64_t>;

// More outputs than a node should have.
constexpr int64_t kMaxParts = 65536;

// The sizes of the pieces of an axis of size `whole`.
absl::StatusOr<std::vector<Dimension>> PieceSizes(const InferContext& context,
                                                  const Dimension& whole,
                                                  int axis) {
  const auto& sizes = context.attribute<Sizes>("sizes");
  const auto parts = context.attribute<int64_t>("parts");
  if (sizes.empty() == (parts == 0)) {
    return InvalidArgument("give either parts or sizes");
  }
  if (parts > 0) {
    if (!whole.is_integer()) {
      return std::vector<Dimension>(parts, parts == 1 ? whole : Dimension());
    }
    if (whole.size() % parts == 0) {
      return std::vector<Dimension>(parts, Dimension(whole.size() / parts));
    }
    return InvalidArgument("the size ", whole.size(), " along axis ", axis,
                           " is no multiple of ", parts, " parts");
  }
  for (int64_t size : sizes) {
    if (size < 0) return InvalidArgument("the size ", size, " is negative");
  }
  if (static_cast<int64_t>(sizes.size()) > kMaxParts) {
    return InvalidArgument(sizes.size(), " pieces; at most ", kMaxParts,
                           " are supported");
  }
  std::vector<Dimension> pieces(sizes.begin(), sizes.end());
  EVENGRAD_RETURN_IF_ERROR(CheckPieces(pieces, whole, axis));
  return pieces;
}

absl::StatusOr<std::vector<TensorType>> InferPieces(
    const InferContext& context) {
  const TensorType& input = context.input(0);
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank()));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Dimension> sizes,
                            PieceSizes(context, input.shape[axis], axis));
  std::vector<TensorType> pieces;
  for (const Dimension& size : sizes) {
    pieces.push_back(input);
    pieces.back().shape[axis] = size;
  }
  return pieces;
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  absl::StatusOr<std::vector<TensorType>> pieces = InferPieces(context);
  if (pieces.ok()) return pieces;
  return InvalidArgument("cannot split ", context.Describe(0), ": ",
                         Message(pieces.status()));
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {JoinOutputGradients(node, output_gradients)};
}

}  // namespace

const OpDef& SplitOp() {
  static const OpDef* const op = new OpDef{
      .name = "split",
      .summary =
          "input cut along axis into equal parts or into pieces of given sizes",
      .inputs = {"input"},
      .outputs = {"pieces..."},
      .attributes = {{.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "may count from the back"},
                     {.name = "parts",
                      .fallback = int64_t{0},
                      .summary = "how many equal ones; 0: by sizes",
                      .minimum = 0,
                      .maximum = static_cast<double>(kMaxParts)},
                     {.name = "sizes",
                      .fallback = Sizes(),
                      .summary = "of the pieces; empty: by parts"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = ReferenceSplit,
      .decompose = DecomposeIntoSlices,
  };
  return *op;
}

std::vector<Value> Split(const Value& input, int64_t parts, int axis,
                         SourceLocation location) {
  const Node node =
      AddNode(SplitOp(), {input}, {{"axis", int64_t{axis}}, {"parts", parts}},
              {.location = location});
  const int64_t count = std::clamp<int64_t>(parts, 1, kMaxParts);
  return OutputsOf(node, input, static_cast<size_t>(count));
}

std::vector<Value> SplitSizes(const Value& input, Sizes sizes, int axis,
                              SourceLocation location) {
  const size_t count = sizes.size();
  const Node node =
      AddNode(SplitOp(), {input},
              {{"axis", int64_t{axis}}, {"sizes", std::move(sizes)}},
              {.location = location});
  return OutputsOf(node, input, count);
}

}  // namespace evengrad
