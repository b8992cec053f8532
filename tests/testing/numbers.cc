#include "evengrad/testing/numbers.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numeric>

#include "evengrad/graph/status.h"

namespace evengrad::testing {
namespace {

// Whole numbers need a wider range than fractions to be different ones.
constexpr double kSpreadOfIntegers = 5;

bool IsNearKink(const Domain& domain, double value) {
  return std::any_of(
      domain.kinks.begin(), domain.kinks.end(),
      [&](double kink) { return std::fabs(value - kink) < domain.margin; });
}

double DrawFloating(const Domain& domain, NumberSource& numbers) {
  double value = numbers.Uniform(domain.low, domain.high);
  while (IsNearKink(domain, value)) {
    value = numbers.Uniform(domain.low, domain.high);
  }
  return value;
}

// What an input of a sample whose type was f32 gets in another type, or the
// indices that a domain of whole numbers allows.
double DrawElement(DType dtype, const Domain& domain, NumberSource& numbers) {
  if (IsFloating(dtype)) return DrawFloating(domain, numbers);
  if (dtype == DType::kBool) return static_cast<double>(numbers.Index(2));
  const bool whole = domain.low == std::floor(domain.low) &&
                     domain.high == std::floor(domain.high) && domain.low >= 0;
  if (whole) {
    const int64_t count = static_cast<int64_t>(domain.high - domain.low) + 1;
    return domain.low + static_cast<double>(numbers.Index(count));
  }
  const double value = kSpreadOfIntegers * DrawFloating(domain, numbers);
  return std::round(dtype == DType::kU8 ? std::fabs(value) : value);
}

// All elements of the floating inputs become different: one of each cell of an
// even grid over the domain, in random order, away from kinks.
void MakeDistinct(const OpSample& sample, NumberSource& numbers,
                  std::vector<ReferenceTensor>& tensors) {
  int64_t count = 0;
  for (const ReferenceTensor& tensor : tensors) count += tensor.num_elements();
  std::vector<double> cells(count);
  std::iota(cells.begin(), cells.end(), 0.25);
  for (int64_t i = count - 1; i > 0; --i) {
    std::swap(cells[i], cells[numbers.Index(i + 1)]);
  }
  int64_t next = 0;
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!IsFloating(tensors[k].dtype)) continue;
    const Domain& domain = sample.inputs[k].domain;
    const double width =
        (domain.high - domain.low) / static_cast<double>(count);
    for (double& value : tensors[k].values) {
      value = domain.low + width * cells[next++];
      if (IsNearKink(domain, value)) value += width / 2;
      value = Rounded(tensors[k].dtype, value);
    }
  }
}

bool SameKindOfNumber(double found, double expected) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::isfinite(found);
}

}  // namespace

uint64_t NumberSource::Next() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double NumberSource::Uniform(double low, double high) {
  return low + (high - low) * (static_cast<double>(Next() >> 11) * 0x1p-53);
}

int64_t NumberSource::Index(int64_t count) {
  return static_cast<int64_t>(Next() % static_cast<uint64_t>(count));
}

double Rounded(DType dtype, double value) {
  alignas(8) std::byte element[8] = {};
  StoreFromDouble(dtype, element, 0, value);
  return LoadAsDouble(dtype, element, 0);
}

std::vector<ReferenceTensor> DrawInputs(const OpSample& sample,
                                        NumberSource& numbers) {
  std::vector<ReferenceTensor> tensors;
  for (const InputSample& input : sample.inputs) {
    ReferenceTensor tensor = ReferenceTensor::Zeros(input.type);
    for (double& value : tensor.values) {
      value = Rounded(tensor.dtype,
                      DrawElement(tensor.dtype, input.domain, numbers));
    }
    tensors.push_back(std::move(tensor));
  }
  if (sample.distinct) MakeDistinct(sample, numbers, tensors);
  return tensors;
}

ReferenceTensor DrawWeights(const TensorType& type, NumberSource& numbers) {
  ReferenceTensor tensor = ReferenceTensor::Zeros(type);
  for (double& value : tensor.values) {
    const double size = numbers.Uniform(0.5, 1.5);
    value = Rounded(type.dtype, numbers.Index(2) == 0 ? size : -size);
  }
  return tensor;
}

Tolerance KernelTolerance(DType dtype, double terms) {
  switch (dtype) {
    case DType::kF32:
      return {.absolute = 1e-5, .relative = 1.3e-6 * terms};
    case DType::kF64:
      return {.absolute = 1e-12, .relative = 1e-12 * terms};
    case DType::kBF16:
      return {.absolute = 1e-5, .relative = 0x1p-7 * terms};
    default:
      return {};
  }
}

std::string Precisely(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

std::string PlaceOf(std::span<const int64_t> sizes, int64_t flat) {
  const std::vector<int64_t> index = Unflatten(sizes, flat);
  return Shape(std::span<const int64_t>(index)).ToString();
}

absl::Status CheckClose(const ReferenceTensor& found,
                        const ReferenceTensor& expected, Tolerance tolerance) {
  if (found.type() != expected.type() ||
      found.num_elements() != expected.num_elements()) {
    return InvalidArgument("found ", found.type().ToString(), ", expected ",
                           expected.type().ToString());
  }
  double worst = 0;
  std::string message;
  for (int64_t i = 0; i < expected.num_elements(); ++i) {
    const double want = Rounded(expected.dtype, expected.values[i]);
    const double got = found.values[i];
    const bool same_kind = SameKindOfNumber(got, want);
    double excess = 0;
    if (!same_kind) {
      excess = INFINITY;
    } else if (std::isfinite(want)) {
      excess = std::fabs(got - want) - tolerance.absolute -
               tolerance.relative * std::fabs(want);
    }
    if (excess <= worst) continue;
    worst = excess;
    message =
        StrCat("element ", PlaceOf(expected.sizes, i), " is ", Precisely(got),
               ", expected ", Precisely(want), " (tolerance ",
               tolerance.absolute, " + ", tolerance.relative, " relative)");
  }
  return message.empty() ? absl::OkStatus() : InvalidArgument(message);
}

}  // namespace evengrad::testing
