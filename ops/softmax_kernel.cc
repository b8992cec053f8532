#include "evengrad/ops/softmax_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/vector_primitives.h"

namespace evengrad {
namespace {

// T is what is stored; lines are computed in f32, or f64 for f64.
template <typename T>
class SoftmaxKernel : public Kernel {
 public:
  using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

  SoftmaxKernel(const KernelRequest& request, bool logarithm)
      : lines_(LinesAlong(request.inputs[0].shape,
                          request.attribute<int64_t>("axis"))),
        input_(request.input_buffers[0]),
        output_(request.output_buffers[0]),
        logarithm_(logarithm) {
    constexpr int64_t kWorkOfOneElement = 8;
    num_parts_ = NumParts(lines_.count() * lines_.length * kWorkOfOneElement,
                          lines_.count());
  }

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(lines_.length) * sizeof(Compute);
  }

  void Run(int part, const KernelContext& context) const override {
    const T* const input = context.input<T>(input_);
    T* const output = context.output<T>(output_);
    const std::span<Compute> line(reinterpret_cast<Compute*>(context.scratch),
                                  static_cast<size_t>(lines_.length));
    const Range range = PartRange(lines_.count(), part, num_parts_);
    for (int64_t l = range.begin; l < range.end; ++l) {
      const int64_t first = lines_.First(l);
      for (int64_t k = 0; k < lines_.length; ++k) {
        line[k] = Load(input[first + k * lines_.inner]);
      }
      softmax_(line, logarithm_);
      for (int64_t k = 0; k < lines_.length; ++k) {
        Store(line[k], output[first + k * lines_.inner]);
      }
    }
  }

 private:
  static Compute Load(T value) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToFloat(value);
    } else {
      return value;
    }
  }
  static void Store(Compute value, T& to) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      to = ToBFloat16(value);
    } else {
      to = value;
    }
  }

  AxisLines lines_;
  int input_;
  int output_;
  bool logarithm_;
  SoftmaxLine<Compute> softmax_;
  int num_parts_ = 1;
};

}  // namespace

AxisLines LinesAlong(const Shape& shape, int64_t axis) {
  const int at = NormalizeAxis(axis, shape.rank()).value_or(0);
  AxisLines lines;
  for (int i = 0; i < shape.rank(); ++i) {
    int64_t& size = i < at ? lines.outer : i == at ? lines.length : lines.inner;
    size *= shape[i].size();
  }
  return lines;
}

absl::StatusOr<std::vector<TensorType>> InferAlongAxis(
    const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument(context.InputName(0),
                           " must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  EVENGRAD_RETURN_IF_ERROR(
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank()).status());
  return std::vector<TensorType>{input};
}

template <typename T>
SoftmaxLine<T>::SoftmaxLine()
    : exp_(FindPrimitive(Primitive::kExp, DTypeOf<T>, 0)),
      sums_(FindSumFunctions(DTypeOf<T>)) {}

template <typename T>
double SoftmaxLine<T>::operator()(std::span<T> values, bool logarithm) const {
  T largest = -std::numeric_limits<T>::infinity();
  for (const T value : values) largest = value > largest ? value : largest;
  for (T& value : values) value -= largest;
  double sum = 0;
  if (!logarithm) {
    exp_(values.data(), nullptr, nullptr, values.data(), values.size());
    sums_.sum(values.data(), values.size(), &sum);
    const T scale = static_cast<T>(1 / sum);
    for (T& value : values) value *= scale;
    return static_cast<double>(largest) + std::log(sum);
  }
  constexpr size_t kBlock = 256;
  T exponentials[kBlock];
  for (size_t at = 0; at < values.size(); at += kBlock) {
    const size_t n = std::min(kBlock, values.size() - at);
    exp_(values.data() + at, nullptr, nullptr, exponentials, n);
    sums_.sum(exponentials, n, &sum);
  }
  const double log_sum = std::log(sum);
  for (T& value : values) {
    value = static_cast<T>(static_cast<double>(value) - log_sum);
  }
  return static_cast<double>(largest) + log_sum;
}

template class SoftmaxLine<float>;
template class SoftmaxLine<double>;

absl::StatusOr<std::unique_ptr<Kernel>> MakeSoftmaxKernel(
    const KernelRequest& request, bool logarithm) {
  switch (request.inputs[0].dtype) {
    case DType::kF64:
      return std::unique_ptr<Kernel>(
          std::make_unique<SoftmaxKernel<double>>(request, logarithm));
    case DType::kBF16:
      return std::unique_ptr<Kernel>(
          std::make_unique<SoftmaxKernel<BFloat16>>(request, logarithm));
    default:
      return std::unique_ptr<Kernel>(
          std::make_unique<SoftmaxKernel<float>>(request, logarithm));
  }
}

ReferenceFunction ReferenceAlongAxis(
    std::function<void(std::vector<double>& line)> line) {
  return [line = std::move(line)](const ReferenceCall& call) {
    const ReferenceTensor& input = call.input(0);
    const AxisLines lines =
        LinesAlong(input.type().shape, call.attribute<int64_t>("axis"));
    std::vector<double> values(static_cast<size_t>(lines.length));
    for (int64_t l = 0; l < lines.count(); ++l) {
      for (int64_t k = 0; k < lines.length; ++k) {
        values[k] = input.values[lines.First(l) + k * lines.inner];
      }
      line(values);
      for (int64_t k = 0; k < lines.length; ++k) {
        call.output().values[lines.First(l) + k * lines.inner] = values[k];
      }
    }
    return absl::OkStatus();
  };
}

}  // namespace evengrad
