// Elements of one value around a tensor.
#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/copy_kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using Counts = std::vector<int64_t>;

// Whole numbers to this size are exact as an attribute.
constexpr double kLargestWhole = 9007199254740992;  // 2^53

absl::Status CheckCounts(const Counts& counts, std::string_view name,
                         int rank) {
  if (static_cast<int>(counts.size()) != rank) {
    return InvalidArgument(name, " has ", counts.size(),
                           " counts, expected one an axis, ", rank);
  }
  for (int64_t count : counts) {
    if (count < 0) {
      return InvalidArgument("the count ", count, " in ", name,
                             " is negative; slice cuts elements off");
    }
  }
  return absl::OkStatus();
}

// An integer or bool that would be rounded is a mistake.
absl::Status CheckValue(double value, const TensorType& input) {
  const bool whole =
      value == std::floor(value) && std::fabs(value) <= kLargestWhole;
  if (IsFloating(input.dtype) || whole) return absl::OkStatus();
  return InvalidArgument("the value ", value,
                         " is not a whole number, as the elements are");
}

absl::StatusOr<Dimension> PaddedSize(const Dimension& size, int64_t before,
                                     int64_t after) {
  if (before == 0 && after == 0) return size;
  if (!size.is_integer()) return Dimension::Unknown();
  int64_t sum = 0;
  if (__builtin_add_overflow(size.size(), before, &sum) ||
      __builtin_add_overflow(sum, after, &sum)) {
    return InvalidArgument("the size of the result overflows 64 bits");
  }
  return Dimension(sum);
}

absl::StatusOr<Shape> InferPadded(const InferContext& context) {
  const TensorType& input = context.input(0);
  const auto& before = context.attribute<Counts>("before");
  const auto& after = context.attribute<Counts>("after");
  EVENGRAD_RETURN_IF_ERROR(CheckCounts(before, "before", input.rank()));
  EVENGRAD_RETURN_IF_ERROR(CheckCounts(after, "after", input.rank()));
  EVENGRAD_RETURN_IF_ERROR(
      CheckValue(context.attribute<double>("value"), input));
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(const Dimension size,
                              PaddedSize(input.shape[i], before[i], after[i]));
    output.Append(size);
  }
  return output;
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  absl::StatusOr<Shape> shape = InferPadded(context);
  if (!shape.ok()) {
    return InvalidArgument("cannot pad ", context.Describe(0), ": ",
                           Message(shape.status()));
  }
  return std::vector<TensorType>{{context.input(0).dtype, *std::move(shape)}};
}

// What is left when the padding is cut off again.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const auto& before = node.attribute<Counts>("before");
  const auto& after = node.attribute<Counts>("after");
  std::vector<SliceRange> ranges;
  for (int i = 0; i < static_cast<int>(before.size()); ++i) {
    if (before[i] == 0 && after[i] == 0) continue;
    ranges.push_back({.axis = i, .start = before[i]});
    if (after[i] > 0) ranges.back().stop = -after[i];
  }
  return {Slice(output_gradients[0], ranges)};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const auto& before = request.attribute<Counts>("before");
  std::vector<AxisPlaces> places;
  for (int i = 0; i < request.inputs[0].rank(); ++i) {
    places.push_back({.size = request.outputs[0].shape[i].size(),
                      .first = before[i],
                      .count = request.inputs[0].shape[i].size()});
  }
  return MakeCopyKernel(PlanPlacing(places, request.attribute<double>("value")),
                        request);
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  const auto& before = call.attribute<Counts>("before");
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(output.sizes, i);
    bool inside = true;
    for (size_t k = 0; k < index.size(); ++k) {
      index[k] -= before[k];
      inside = inside && index[k] >= 0 && index[k] < input.sizes[k];
    }
    output.values[i] = inside ? input.values[Flatten(input.sizes, index)]
                              : call.attribute<double>("value");
  }
  return absl::OkStatus();
}

std::vector<Value> Simplify(const Node& node) {
  for (std::string_view side : {"before", "after"}) {
    for (int64_t count : node.attribute<Counts>(side)) {
      if (count > 0) return {};
    }
  }
  return {node.input(0)};
}

}  // namespace

const OpDef& PadOp() {
  static const OpDef* const op = new OpDef{
      .name = "pad",
      .summary = "input with before[i] and after[i] values around axis i",
      .inputs = {"input"},
      .attributes = {{.name = "before",
                      .fallback = Counts(),
                      .required = true,
                      .summary = "one an axis, not negative"},
                     {.name = "after",
                      .fallback = Counts(),
                      .required = true,
                      .summary = "one an axis, not negative"},
                     {.name = "value", .fallback = 0.0}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .simplify = Simplify,
  };
  return *op;
}

Value Pad(const Value& input, Counts before, Counts after, double value,
          SourceLocation location) {
  return AddNode(PadOp(), {input},
                 {{"before", std::move(before)},
                  {"after", std::move(after)},
                  {"value", value}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
