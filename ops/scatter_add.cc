// The transpose of gather: zeros in the shape of like, to which every part of
// updates is added at its index along one axis.
//
//   output[…, indices[i…], …] += updates[…, i…, …]
//
// An index that is out of range adds nothing.
#include <algorithm>
#include <type_traits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/gather_rules.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& updates = context.input(0);
  const Shape& like = context.input(2).shape;
  if (!IsFloating(updates.dtype) && !IsInteger(updates.dtype)) {
    return InvalidArgument(
        "updates must be a number (f32, f64, bf16, i32, "
        "i64 or u8), found ",
        updates.ToString());
  }
  EVENGRAD_RETURN_IF_ERROR(CheckIndexType(context, 1));
  const absl::StatusOr<int> axis =
      NormalizeAxis(context.attribute<int64_t>("axis"), like.rank());
  if (!axis.ok()) {
    return InvalidArgument(context.Describe(2), ": ", Message(axis.status()));
  }
  const Shape expected = GatheredShape(like, context.input(1).shape, *axis);
  if (!MayBeEqual(updates.shape, expected)) {
    return InvalidArgument(context.Describe(0), " cannot be added at ",
                           context.Describe(1), " along axis ", *axis, " of ",
                           context.Describe(2), ": expected ",
                           expected.ToString());
  }
  return std::vector<TensorType>{{updates.dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Gather(output_gradients[0], node.input(1),
                 static_cast<int>(node.attribute<int64_t>("axis")),
                 OutOfRange::kZero),
          Value(), Value()};
}

// Sorts the updates by index (a counting sort, in scratch), then makes each row
// of the output from its own ones: in f64, or 64 bits for integers, in the
// order of the updates. So rows can be shared among parts.
template <typename T>
class ScatterAddKernel : public Kernel {
 public:
  explicit ScatterAddKernel(const KernelRequest& request)
      : layout_(GatherLayoutOf(request.outputs[0].shape,
                               request.inputs[1].shape,
                               request.attribute<int64_t>("axis"))),
        index_type_(request.inputs[1].dtype),
        updates_(request.input_buffers[0]),
        indices_(request.input_buffers[1]),
        output_(request.output_buffers[0]) {
    const int64_t rows = layout_.outer * layout_.size;
    num_parts_ = NumParts(
        rows * layout_.inner + layout_.outer * layout_.count * layout_.inner,
        std::max<int64_t>(rows, 1));
  }

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(layout_.size + 1 + layout_.count) *
           sizeof(int64_t);
  }

  void Run(int part, const KernelContext& context) const override {
    auto* const ends = reinterpret_cast<int64_t*>(context.scratch);
    int64_t* const order = ends + layout_.size + 1;
    SortUpdates(context.buffers[indices_], ends, order);
    const T* const updates = context.input<T>(updates_);
    T* const output = context.output<T>(output_);
    const Range range =
        PartRange(layout_.outer * layout_.size, part, num_parts_);
    for (int64_t row = range.begin; row < range.end; ++row) {
      const int64_t place = row % layout_.size;
      const int64_t block = row / layout_.size * layout_.count;
      AddUp(updates + block * layout_.inner, order + ends[place],
            order + ends[place + 1], output + row * layout_.inner);
    }
  }

 private:
  static constexpr bool kInteger = std::is_integral_v<T>;
  // Unsigned, because overflow wraps there.
  using Accumulator = std::conditional_t<kInteger, uint64_t, double>;
  static constexpr int64_t kBlock = 512;  // accumulators in the L1 cache

  // order[ends[p] … ends[p + 1]) are the updates of place p, in order.
  void SortUpdates(const void* indices, int64_t* ends, int64_t* order) const {
    auto place_of = [&](int64_t i) {
      return LoadPlace(index_type_, indices, i, layout_.size);
    };
    std::fill_n(ends, layout_.size + 1, 0);
    for (int64_t i = 0; i < layout_.count; ++i) {
      const int64_t place = place_of(i);
      if (place >= 0) ++ends[place + 1];
    }
    for (int64_t p = 0; p < layout_.size; ++p) ends[p + 1] += ends[p];
    for (int64_t i = 0; i < layout_.count; ++i) {
      const int64_t place = place_of(i);
      if (place >= 0) order[ends[place]++] = i;
    }
    // Each end has moved to the next one's place.
    for (int64_t p = layout_.size; p > 0; --p) ends[p] = ends[p - 1];
    ends[0] = 0;
  }

  void AddUp(const T* updates, const int64_t* begin, const int64_t* end,
             T* output) const {
    Accumulator sums[kBlock];
    for (int64_t first = 0; first < layout_.inner; first += kBlock) {
      const int64_t count = std::min(kBlock, layout_.inner - first);
      std::fill_n(sums, count, Accumulator{0});
      for (const int64_t* update = begin; update < end; ++update) {
        const T* const from = updates + *update * layout_.inner + first;
        for (int64_t j = 0; j < count; ++j) sums[j] += Widened(from[j]);
      }
      for (int64_t j = 0; j < count; ++j) {
        StoreSum(sums[j], output[first + j]);
      }
    }
  }

  static Accumulator Widened(T value) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToFloat(value);
    } else {
      return static_cast<Accumulator>(value);
    }
  }

  static void StoreSum(Accumulator sum, T& output) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      output = ToBFloat16(static_cast<float>(sum));
    } else if constexpr (kInteger) {
      output = static_cast<T>(std::clamp<int64_t>(
          static_cast<int64_t>(sum), std::numeric_limits<T>::min(),
          std::numeric_limits<T>::max()));
    } else {
      output = static_cast<T>(sum);
    }
  }

  GatherLayout layout_;
  DType index_type_;
  int updates_;
  int indices_;
  int output_;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  switch (request.inputs[0].dtype) {
    case DType::kF32:
      return std::make_unique<ScatterAddKernel<float>>(request);
    case DType::kF64:
      return std::make_unique<ScatterAddKernel<double>>(request);
    case DType::kBF16:
      return std::make_unique<ScatterAddKernel<BFloat16>>(request);
    case DType::kI32:
      return std::make_unique<ScatterAddKernel<int32_t>>(request);
    case DType::kI64:
      return std::make_unique<ScatterAddKernel<int64_t>>(request);
    default:
      return std::make_unique<ScatterAddKernel<uint8_t>>(request);
  }
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& updates = call.input(0);
  const ReferenceTensor& indices = call.input(1);
  ReferenceTensor& output = call.output();
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + output.rank() : given;
  const double size = static_cast<double>(output.sizes[axis]);
  for (int64_t i = 0; i < updates.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(updates.sizes, i);
    const double given_index = indices.values[Flatten(
        indices.sizes, std::span(index).subspan(axis, indices.rank()))];
    const double place = given_index < 0 ? given_index + size : given_index;
    if (place < 0 || place >= size) continue;
    const auto chosen = index.begin() + axis;
    index.erase(chosen, chosen + indices.rank());
    index.insert(index.begin() + axis, static_cast<int64_t>(place));
    output.values[Flatten(output.sizes, index)] += updates.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& ScatterAddOp() {
  static const OpDef* const op = new OpDef{
      .name = "scatter_add",
      .summary =
          "zeros like like, then output[..., indices[i], ...] += updates[..., "
          "i, ...] along axis: the transpose of gather",
      .inputs = {"updates", "indices", "like"},
      .attributes = {{.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "of like, may count from the back"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .type_only_inputs = {2}};
  return *op;
}

Value ScatterAdd(const Value& updates, const Value& indices, const Value& like,
                 int axis, SourceLocation location) {
  return AddNode(ScatterAddOp(), {updates, indices, like},
                 {{"axis", int64_t{axis}}}, {.location = location})
      .output();
}

}  // namespace evengrad
