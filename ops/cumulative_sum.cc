// Running sums along an axis:
//
//   output[i] = input[0] + … + input[i]     (exclusive: … + input[i - 1])
//
// or, in reverse, from the last element. The gradient is the sum that runs the
// other way.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype) && !IsInteger(input.dtype)) {
    return InvalidArgument("input must be a number (f32, f64, bf16, i32, i64 ",
                           "or u8), found ", input.ToString());
  }
  const absl::StatusOr<int> axis =
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank());
  if (!axis.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axis.status()));
  }
  return std::vector<TensorType>{input};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {
      CumulativeSum(output_gradients[0],
                    {.axis = static_cast<int>(node.attribute<int64_t>("axis")),
                     .exclusive = node.attribute<bool>("exclusive"),
                     .reverse = !node.attribute<bool>("reverse")})};
}

// Sums in f64, or 64 bits for integers, which saturate when stored. Parts own
// lines along the axis; lines that lie side by side are summed together.
template <typename T>
class CumulativeSumKernel : public Kernel {
 public:
  explicit CumulativeSumKernel(const KernelRequest& request)
      : lines_(LinesAlong(request.inputs[0].shape,
                          request.attribute<int64_t>("axis"))),
        exclusive_(request.attribute<bool>("exclusive")),
        reverse_(request.attribute<bool>("reverse")),
        input_(request.input_buffers[0]),
        output_(request.output_buffers[0]) {
    grain_ = lines_.inner > 1 ? 64 / static_cast<int64_t>(sizeof(T)) : 1;
    const int64_t grains = (lines_.count() + grain_ - 1) / grain_;
    num_parts_ =
        NumParts(lines_.count() * lines_.length, std::max<int64_t>(grains, 1));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    if (lines_.length == 0) return;
    const T* const input = context.input<T>(input_);
    T* const output = context.output<T>(output_);
    const Range range = PartRange(lines_.count(), part, num_parts_, grain_);
    for (int64_t line = range.begin; line < range.end;) {
      const int64_t column = line % lines_.inner;
      const int64_t count =
          std::min({lines_.inner - column, range.end - line, kBlock});
      const int64_t first = lines_.First(line);
      SumLines(input + first, output + first, count);
      line += count;
    }
  }

 private:
  static constexpr bool kInteger = std::is_integral_v<T>;
  // Unsigned, because overflow wraps there.
  using Accumulator = std::conditional_t<kInteger, uint64_t, double>;
  static constexpr int64_t kBlock = 512;  // accumulators in the L1 cache

  void SumLines(const T* input, T* output, int64_t count) const {
    Accumulator sums[kBlock];
    std::fill_n(sums, count, Accumulator{0});
    for (int64_t k = 0; k < lines_.length; ++k) {
      const int64_t place = reverse_ ? lines_.length - 1 - k : k;
      const T* const from = input + place * lines_.inner;
      T* const to = output + place * lines_.inner;
      for (int64_t j = 0; j < count; ++j) {
        const Accumulator before = sums[j];
        sums[j] += Widened(from[j]);
        to[j] = Rounded(exclusive_ ? before : sums[j]);
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

  static T Rounded(Accumulator sum) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToBFloat16(static_cast<float>(sum));
    } else if constexpr (kInteger) {
      return static_cast<T>(std::clamp<int64_t>(static_cast<int64_t>(sum),
                                                std::numeric_limits<T>::min(),
                                                std::numeric_limits<T>::max()));
    } else {
      return static_cast<T>(sum);
    }
  }

  AxisLines lines_;
  bool exclusive_;
  bool reverse_;
  int input_;
  int output_;
  int64_t grain_ = 1;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  switch (request.inputs[0].dtype) {
    case DType::kF32:
      return std::make_unique<CumulativeSumKernel<float>>(request);
    case DType::kF64:
      return std::make_unique<CumulativeSumKernel<double>>(request);
    case DType::kBF16:
      return std::make_unique<CumulativeSumKernel<BFloat16>>(request);
    case DType::kI32:
      return std::make_unique<CumulativeSumKernel<int32_t>>(request);
    case DType::kI64:
      return std::make_unique<CumulativeSumKernel<int64_t>>(request);
    default:
      return std::make_unique<CumulativeSumKernel<uint8_t>>(request);
  }
}

// Each element by itself, as a sum over its axis.
absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + input.rank() : given;
  const bool exclusive = call.attribute<bool>("exclusive");
  const bool reverse = call.attribute<bool>("reverse");
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(output.sizes, i);
    const int64_t place = index[axis];
    for (int64_t k = 0; k < input.sizes[axis]; ++k) {
      const bool counts = k == place ? !exclusive
                          : reverse  ? k > place
                                     : k < place;
      index[axis] = k;
      if (counts) output.values[i] += input.values[Flatten(input.sizes, index)];
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& CumulativeSumOp() {
  static const OpDef* const op = new OpDef{
      .name = "cumulative_sum",
      .summary = "each element plus those before it along axis",
      .inputs = {"input"},
      .attributes = {{.name = "axis", .fallback = int64_t{-1}},
                     {.name = "exclusive",
                      .fallback = false,
                      .summary = "an element is not part of its own sum"},
                     {.name = "reverse",
                      .fallback = false,
                      .summary = "sum from the end"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
  };
  return *op;
}

Value CumulativeSum(const Value& input, CumulativeSumOptions options,
                    SourceLocation location) {
  return AddNode(CumulativeSumOp(), {input},
                 {{"axis", int64_t{options.axis}},
                  {"exclusive", options.exclusive},
                  {"reverse", options.reverse}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
