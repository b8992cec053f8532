#include <cstdint>

#include "evengrad/ops/vector_primitives.h"

// Everything below, up to HWY_ONCE, is compiled for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/vector_sums.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "evengrad/ops/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void Sum(const void* values, size_t n, void* total) {
  const SumVectors<T> d;
  const size_t lanes = hn::Lanes(d);
  const T* const from = static_cast<const T*>(values);
  auto sum0 = hn::Zero(d);
  auto sum1 = sum0;
  auto sum2 = sum0;
  auto sum3 = sum0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::Add(sum0, hn::LoadU(d, from + i));
    sum1 = hn::Add(sum1, hn::LoadU(d, from + i + lanes));
    sum2 = hn::Add(sum2, hn::LoadU(d, from + i + 2 * lanes));
    sum3 = hn::Add(sum3, hn::LoadU(d, from + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) {
    sum0 = hn::Add(sum0, hn::LoadU(d, from + i));
  }
  if (i < n) sum1 = hn::Add(sum1, LoadFirst(d, from + i, n - i));
  const auto sum = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  *static_cast<double*>(total) +=
      static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

template <typename T>
void SumRows(const void* values, size_t rows, size_t columns, void* partial) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  T* const to = static_cast<T*>(partial);
  size_t i = 0;
  for (; i + lanes <= columns; i += lanes) {
    const T* from = static_cast<const T*>(values) + i;
    auto sum = hn::Zero(d);
    for (size_t row = 0; row < rows; ++row, from += columns) {
      sum = hn::Add(sum, hn::LoadU(d, from));
    }
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), sum), d, to + i);
  }
  if (i == columns) return;
  const size_t count = columns - i;
  const T* from = static_cast<const T*>(values) + i;
  auto sum = LoadFirst(d, to + i, count);
  for (size_t row = 0; row < rows; ++row, from += columns) {
    sum = hn::Add(sum, LoadFirst(d, from, count));
  }
  StoreFirst(d, sum, to + i, count);
}

void AccumulateF64(const void* values, size_t n, void* totals) {
  const hn::ScalableTag<double> d;
  const size_t lanes = hn::Lanes(d);
  const double* const from = static_cast<const double*>(values);
  double* const to = static_cast<double*>(totals);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d,
               to + i);
  }
  for (; i < n; ++i) to[i] += from[i];
}

void AccumulateF32(const void* values, size_t n, void* totals) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, hn::ScalableTag<double>> df;
  const size_t lanes = hn::Lanes(d);
  const float* const from = static_cast<const float*>(values);
  double* const to = static_cast<double*>(totals);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto wide = hn::PromoteTo(d, hn::LoadU(df, from + i));
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), wide), d, to + i);
  }
  for (; i < n; ++i) to[i] += static_cast<double>(from[i]);
}

SumFunctions FindSums(bool is_f32) {
  SumFunctions functions;
  functions.sum = is_f32 ? Sum<float> : Sum<double>;
  functions.sum_rows = is_f32 ? SumRows<float> : SumRows<double>;
  functions.accumulate = is_f32 ? AccumulateF32 : AccumulateF64;
  return functions;
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(FindSums);

namespace {

// Sums of whole numbers wrap.
void AccumulateI64(const void* values, size_t n, void* totals) {
  const uint64_t* const from = static_cast<const uint64_t*>(values);
  uint64_t* const to = static_cast<uint64_t*>(totals);
  for (size_t i = 0; i < n; ++i) to[i] += from[i];
}

void SumI64(const void* values, size_t n, void* total) {
  const uint64_t* const from = static_cast<const uint64_t*>(values);
  uint64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += from[i];
  *static_cast<uint64_t*>(total) += sum;
}

void SumRowsI64(const void* values, size_t rows, size_t columns,
                void* partial) {
  for (size_t row = 0; row < rows; ++row) {
    AccumulateI64(static_cast<const uint64_t*>(values) + row * columns, columns,
                  partial);
  }
}

}  // namespace

SumFunctions FindSumFunctions(DType compute_type) {
  if (compute_type == DType::kI64) {
    return {DType::kI64, SumI64, SumRowsI64, AccumulateI64};
  }
  return HWY_DYNAMIC_DISPATCH(FindSums)(compute_type == DType::kF32);
}

}  // namespace evengrad
#endif  // HWY_ONCE
