// Numbers for checks: where they come from and how they are compared.
#ifndef EVENGRAD_TESTING_NUMBERS_H_
#define EVENGRAD_TESTING_NUMBERS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/reference.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers everywhere.
class NumberSource {
 public:
  explicit NumberSource(uint64_t seed) : state_(seed) {}
  // Uniform in [low, high).
  double Uniform(double low, double high);
  // One of 0 … count - 1; count must be positive.
  int64_t Index(int64_t count);

 private:
  uint64_t Next();
  uint64_t state_;
};

// `value` as an element of `dtype` holds it.
double Rounded(DType dtype, double value);

// Elements for every input of a sample, within its domain.
std::vector<ReferenceTensor> DrawInputs(const OpSample& sample,
                                        NumberSource& numbers);
// Elements from [0.5, 1.5] with random signs: an output gradient that no
// symmetry hides behind. `type` must be static.
ReferenceTensor DrawWeights(const TensorType& type, NumberSource& numbers);

// |found - expected| <= absolute + relative * |expected|.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

// Between a kernel in `dtype` and the reference in double: 1e-5 and 1.3e-6 for
// f32, 1e-12 for f64, 1e-5 and 2^-7 for bf16, none for whole numbers. The
// relative one is multiplied by `terms`.
Tolerance KernelTolerance(DType dtype, double terms);

// OK when types are equal, NaN and infinities are in the same places and all
// other elements agree; else an error that names the worst element:
// "element [1,2] is 0.5, expected 0.25". `expected` is rounded to its dtype.
absl::Status CheckClose(const ReferenceTensor& found,
                        const ReferenceTensor& expected, Tolerance tolerance);

// A number with nine digits, for messages.
std::string Precisely(double value);
// "[1,2]": the place of a flat index.
std::string PlaceOf(std::span<const int64_t> sizes, int64_t flat);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_NUMBERS_H_
