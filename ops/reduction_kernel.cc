#include "evengrad/ops/reduction_kernel.h"

#include <algorithm>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/reduction_loops.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

// ---- How the input lies -----------------------------------------------------

struct Loop {
  int64_t size = 1;
  int64_t stride = 0;  // in elements of the input
};

// The input as nested loops. The two innermost are `length`, which is reduced,
// and `width`, which is kept; one of them runs over neighbours.
struct Layout {
  std::vector<Loop> kept = {};     // outer loops, outermost first
  std::vector<Loop> reduced = {};  // likewise
  Loop length = {1, 1};
  int64_t width = 1;
  int64_t num_outputs = 1;
  int64_t num_reduced = 1;  // elements an output is made of
};

int64_t Iterations(const std::vector<Loop>& loops) {
  int64_t product = 1;
  for (const Loop& loop : loops) product *= loop.size;
  return product;
}

// Where iteration `i` of the nested `loops` begins.
int64_t Offset(const std::vector<Loop>& loops, int64_t i) {
  int64_t offset = 0;
  for (size_t k = loops.size(); k-- > 1;) {
    offset += i % loops[k].size * loops[k].stride;
    i /= loops[k].size;
  }
  return loops.empty() ? 0 : offset + i * loops[0].stride;
}

Layout PlanLayout(std::span<const int64_t> sizes, std::span<const int> axes) {
  Layout layout;
  struct Group : Loop {
    bool reduced;
  };
  std::vector<Group> groups;  // innermost first; neighbours of a kind are one
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    const bool reduced =
        std::binary_search(axes.begin(), axes.end(), static_cast<int>(i));
    (reduced ? layout.num_reduced : layout.num_outputs) *= sizes[i];
    if (sizes[i] != 1) {
      if (!groups.empty() && groups.back().reduced == reduced) {
        groups.back().size *= sizes[i];
      } else {
        groups.push_back({{sizes[i], stride}, reduced});
      }
    }
    stride *= sizes[i];
  }
  size_t next = 0;
  if (next < groups.size() && !groups[next].reduced) {
    layout.width = groups[next++].size;
  }
  if (next < groups.size()) layout.length = groups[next++];
  for (size_t i = groups.size(); i-- > next;) {
    (groups[i].reduced ? layout.reduced : layout.kept).push_back(groups[i]);
  }
  return layout;
}

// ---- Arithmetic -------------------------------------------------------------

template <typename T>
auto Widen(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return ToFloat(value);
  } else {
    return value;
  }
}

template <typename T>
struct Sum {
  static constexpr bool kInteger = std::is_integral_v<T>;
  // Unsigned, because overflow wraps there.
  using Accumulator = std::conditional_t<kInteger, uint64_t, double>;

  static Accumulator Initial() { return 0; }
  static void Columns(const T* input, int64_t rows, int64_t stride,
                      int64_t columns, Accumulator* sums) {
    if constexpr (std::is_same_v<T, float>) {
      SumColumns(input, rows, stride, columns, sums);
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          sums[j] += static_cast<Accumulator>(Widen(input[i * stride + j]));
        }
      }
    }
  }
  static Accumulator Row(const T* input, int64_t count, Accumulator sum) {
    if constexpr (std::is_same_v<T, float>) {
      return sum + SumRow(input, count);
    } else {
      for (int64_t i = 0; i < count; ++i) {
        sum += static_cast<Accumulator>(Widen(input[i]));
      }
      return sum;
    }
  }
  static T Finish(Accumulator sum, int64_t) {
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
};

template <typename T>
struct Mean : Sum<T> {
  static T Finish(double sum, int64_t count) {
    return Sum<T>::Finish(sum / static_cast<double>(count), count);
  }
};

// a * b; where it does not fit, the nearest number that does.
int64_t MultiplySaturated(int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  using Limits = std::numeric_limits<int64_t>;
  return (a < 0) == (b < 0) ? Limits::max() : Limits::min();
}

template <typename T>
struct Product {
  static constexpr bool kInteger = std::is_integral_v<T>;
  using Accumulator = std::conditional_t<kInteger, int64_t, double>;

  static Accumulator Initial() { return 1; }
  static Accumulator Multiply(Accumulator product, T value) {
    if constexpr (kInteger) {
      return MultiplySaturated(product, value);
    } else {
      return product * static_cast<double>(Widen(value));
    }
  }
  static void Columns(const T* input, int64_t rows, int64_t stride,
                      int64_t columns, Accumulator* products) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        products[j] = Multiply(products[j], input[i * stride + j]);
      }
    }
  }
  static Accumulator Row(const T* input, int64_t count, Accumulator product) {
    for (int64_t i = 0; i < count; ++i) product = Multiply(product, input[i]);
    return product;
  }
  static T Finish(Accumulator product, int64_t) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToBFloat16(static_cast<float>(product));
    } else if constexpr (kInteger) {
      return static_cast<T>(std::clamp<int64_t>(product,
                                                std::numeric_limits<T>::min(),
                                                std::numeric_limits<T>::max()));
    } else {
      return static_cast<T>(product);
    }
  }
};

template <typename T, bool kLargest>
struct Extremum {
  using Accumulator = decltype(Widen(T()));

  static Accumulator Initial() {
    using Limits = std::numeric_limits<Accumulator>;
    if constexpr (Limits::has_infinity) {
      return kLargest ? -Limits::infinity() : Limits::infinity();
    } else {
      return kLargest ? Limits::lowest() : Limits::max();
    }
  }
  static Accumulator Choose(Accumulator x, Accumulator y) {
    const bool beyond = kLargest ? x > y : x < y;
    return beyond || x != x ? x : y;
  }
  static void Columns(const T* input, int64_t rows, int64_t stride,
                      int64_t columns, Accumulator* result) {
    if constexpr (std::is_same_v<T, float>) {
      (kLargest ? MaximumColumns : MinimumColumns)(input, rows, stride, columns,
                                                   result);
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          result[j] = Choose(Widen(input[i * stride + j]), result[j]);
        }
      }
    }
  }
  static Accumulator Row(const T* input, int64_t count, Accumulator found) {
    if constexpr (std::is_same_v<T, float>) {
      return (kLargest ? MaximumRow : MinimumRow)(input, count, found);
    } else {
      for (int64_t i = 0; i < count; ++i) {
        found = Choose(Widen(input[i]), found);
      }
      return found;
    }
  }
  static T Finish(Accumulator found, int64_t) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToBFloat16(found);
    } else {
      return found;
    }
  }
};

// ---- The kernel -------------------------------------------------------------

constexpr int64_t kBlock = 512;  // accumulators that stay in the L1 cache

template <typename T, class Arithmetic>
class ReductionKernel : public Kernel {
 public:
  ReductionKernel(Layout layout, const KernelRequest& request)
      : layout_(std::move(layout)),
        input_(request.input_buffers[0]),
        output_(request.output_buffers[0]) {
    constexpr int64_t kCacheLine = 64 / static_cast<int64_t>(sizeof(T));
    grain_ = layout_.width > 1 ? 4 * kCacheLine : kCacheLine;
    const int64_t grains = (layout_.num_outputs + grain_ - 1) / grain_;
    num_parts_ = NumParts(layout_.num_outputs * (layout_.num_reduced + 1),
                          std::max<int64_t>(1, grains));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const T* const input = context.input<T>(input_);
    T* const output = context.output<T>(output_);
    const Range range =
        PartRange(layout_.num_outputs, part, num_parts_, grain_);
    for (int64_t i = range.begin; i < range.end;) {
      const int64_t column = i % layout_.width;
      const int64_t count =
          std::min({layout_.width - column, range.end - i, kBlock});
      const int64_t offset = Offset(layout_.kept, i / layout_.width) + column;
      Reduce(input + offset, count, output + i);
      i += count;
    }
  }

 private:
  using Accumulator = typename Arithmetic::Accumulator;

  // `count` <= kBlock neighbouring outputs, the first of which starts at
  // `input`.
  void Reduce(const T* input, int64_t count, T* output) const {
    Accumulator results[kBlock];
    std::fill_n(results, count, Arithmetic::Initial());
    const int64_t outer =
        layout_.num_reduced == 0 ? 0 : Iterations(layout_.reduced);
    for (int64_t i = 0; i < outer; ++i) {
      const T* const from = input + Offset(layout_.reduced, i);
      if (layout_.width == 1) {
        results[0] = Arithmetic::Row(from, layout_.length.size, results[0]);
      } else {
        Arithmetic::Columns(from, layout_.length.size, layout_.length.stride,
                            count, results);
      }
    }
    for (int64_t j = 0; j < count; ++j) {
      output[j] = Arithmetic::Finish(results[j], layout_.num_reduced);
    }
  }

  Layout layout_;
  int input_;
  int output_;
  int64_t grain_ = 1;
  int num_parts_ = 1;
};

template <typename T>
std::unique_ptr<Kernel> MakeTyped(Reduction reduction, Layout layout,
                                  const KernelRequest& request) {
  switch (reduction) {
    case Reduction::kSum:
      return std::make_unique<ReductionKernel<T, Sum<T>>>(std::move(layout),
                                                          request);
    case Reduction::kMean:
      if constexpr (std::is_integral_v<T>) {
        break;  // the type rule wants floating inputs
      } else {
        return std::make_unique<ReductionKernel<T, Mean<T>>>(std::move(layout),
                                                             request);
      }
    case Reduction::kProduct:
      return std::make_unique<ReductionKernel<T, Product<T>>>(std::move(layout),
                                                              request);
    case Reduction::kMaximum:
      return std::make_unique<ReductionKernel<T, Extremum<T, true>>>(
          std::move(layout), request);
    case Reduction::kMinimum:
      return std::make_unique<ReductionKernel<T, Extremum<T, false>>>(
          std::move(layout), request);
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeReductionKernel(
    Reduction reduction, const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.inputs[0].shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<int> axes,
      ReducedAxes(request.attribute<std::vector<int64_t>>("axes"),
                  static_cast<int>(sizes.size())));
  Layout layout = PlanLayout(sizes, axes);
  switch (request.inputs[0].dtype) {
    case DType::kF32:
      return MakeTyped<float>(reduction, std::move(layout), request);
    case DType::kF64:
      return MakeTyped<double>(reduction, std::move(layout), request);
    case DType::kBF16:
      return MakeTyped<BFloat16>(reduction, std::move(layout), request);
    case DType::kI32:
      return MakeTyped<int32_t>(reduction, std::move(layout), request);
    case DType::kI64:
      return MakeTyped<int64_t>(reduction, std::move(layout), request);
    case DType::kU8:
      return MakeTyped<uint8_t>(reduction, std::move(layout), request);
    case DType::kBool:
    case DType::kOpaque:
      break;
  }
  return InvalidArgument("no reduction of ", request.inputs[0].ToString());
}

}  // namespace evengrad
