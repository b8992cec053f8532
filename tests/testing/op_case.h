// What the checks of check_op.h are told about an op: a table row.
//
//   OpCase row = {
//       .op = &SquashOp(),
//       .samples = {{.inputs = {{F32({3, 3})}}},
//                   {.inputs = {{F32({2, 5}), Positive()}}}},
//       .errors = {{.inputs = {I32({4})}, .message = "must be floating"}},
//       .points = {{.inputs = {{0, 1}}, .outputs = {0, 0.5}}}};
//   absl::Status status = CheckOp(row);
#ifndef EVENGRAD_TESTING_OP_CASE_H_
#define EVENGRAD_TESTING_OP_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "evengrad/graph/attributes.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad::testing {

// Where the elements of an input are drawn from: uniformly from [low, high],
// and no closer than `margin` to a kink, where the derivative jumps.
struct Domain {
  double low = -2;
  double high = 2;
  std::vector<double> kinks = {};
  double margin = 0.02;
};

// [0.3, 2].
Domain Positive();
// [-2, 2] without the neighbourhoods of `kinks`.
Domain Avoiding(std::vector<double> kinks);
// The whole numbers 0 … count - 1.
Domain Indices(int64_t count);

struct InputSample {
  // Static. Elements of type f32 stand for every type in OpCase::dtypes.
  TensorType type = {};
  Domain domain = {};
};

struct OpSample {
  std::vector<InputSample> inputs = {};
  Attributes attributes = {};
  // All elements of all floating inputs differ by far more than the step of a
  // difference quotient: for maxima.
  bool distinct = false;
  // Too large for difference quotients: runs forward only, in several parts.
  bool large = false;
  // Elements are finite: with infinities the result is a matter of the order in
  // which terms are added up.
  bool finite_only = false;
};

// Inputs and attributes that the type rule refuses.
struct OpError {
  std::vector<TensorType> inputs = {};
  Attributes attributes = {};
  std::string message = {};  // part of the error's text
};

// A point at which values are known from elsewhere, such as the derivative that
// is chosen at a kink.
struct OpPoint {
  // Elements of each input, which is f64[n] unless `types` says otherwise.
  std::vector<std::vector<double>> inputs = {};
  std::vector<double> outputs = {};  // of output 0; empty: not compared
  // d (sum of output 0) / d input, for each input; empty: not compared.
  std::vector<std::vector<double>> gradients = {};
  Attributes attributes = {};
  std::vector<TensorType> types = {};
};

enum class GradientKind : uint8_t {
  kDerivative,  // what difference quotients find
  kStopped,     // zero by definition, whatever they find
  kNone,        // the op has no gradient
};

struct OpCase {
  const OpDef* op = nullptr;
  std::vector<OpSample> samples = {};
  std::vector<OpError> errors = {};
  std::vector<OpPoint> points = {};
  GradientKind gradient = GradientKind::kDerivative;
  // The element types that the f32 inputs of a sample may have; the type rule
  // must refuse every other one.
  std::vector<DType> dtypes = {DType::kF32, DType::kF64, DType::kBF16};
  // Multiplies the tolerances between kernel and reference: the number of
  // rounded terms that add up in an element.
  double terms = 1;
  // The type rule asks for sizes that are numbers.
  bool needs_sizes = false;
};

// "square f32[3,3], f32[3] {axis=1}", for messages.
std::string Describe(const OpDef& op, const OpSample& sample);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_OP_CASE_H_
