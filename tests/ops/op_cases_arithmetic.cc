#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Avoiding;
using testing::Domain;
using testing::OpError;
using testing::OpSample;
using testing::Positive;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr std::string_view kFloating = "floating (f32, f64 or bf16)";
constexpr std::string_view kSigned =
    "a signed number (f32, f64, bf16, i32 or i64)";
constexpr std::string_view kNumber =
    "a number (f32, f64, bf16, i32, i64 or u8)";

OpCase Floating(const OpDef& op, const Domain& domain) {
  return {.op = &op,
          .samples = UnarySamples(domain),
          .errors = UnaryErrors(kFloating)};
}

OpCase Signed(const OpDef& op, const Domain& domain) {
  return {.op = &op,
          .samples = UnarySamples(domain),
          .errors = UnaryErrors(kSigned),
          .dtypes = kSignedTypes};
}

OpCase SignedBinary(const OpDef& op) {
  return {.op = &op,
          .samples = BinarySamples(),
          .errors = BinaryErrors(kSigned),
          .dtypes = kSignedTypes};
}

OpCase Extremum(const OpDef& op) {
  return {.op = &op,
          .samples = Distinct(BinarySamples()),
          .errors = BinaryErrors(kNumber),
          .dtypes = kNumberTypes};
}

OpCase DivideCase() {
  const Domain away_from_zero = {.kinks = {0}, .margin = 0.3};
  return {.op = &DivideOp(),
          .samples = BinarySamples({}, away_from_zero),
          .errors = BinaryErrors(kFloating),
          .points = {{.inputs = {{1, -1, 0, 6}, {0, 0, 0, -4}},
                      .outputs = {kInfinity, -kInfinity, NAN, -1.5}}}};
}

// d/d exponent is 0 where 0 is raised to a power that is not negative, and
// d/d base is 0 where the exponent is 0: as in PyTorch.
OpCase PowerCase() {
  return {.op = &PowerOp(),
          .samples = BinarySamples(Positive()),
          .errors = BinaryErrors(kFloating),
          .points = {{.inputs = {{2, 9, 4, 3}, {10, 0.5, -1.5, 0}},
                      .outputs = {1024, 3, 0.125, 1}},
                     {.inputs = {{-2, -2}, {3, -1}}, .outputs = {-8, -0.5}},
                     {.inputs = {{0, 0}, {2, 0}},
                      .outputs = {0, 1},
                      .gradients = {{0, 0}, {0, 0}}}},
          .terms = 4};
}

OpCase ClampCase() {
  const Attributes bounds = {{"minimum", -1.0}, {"maximum", 1.0}};
  const Attributes crossed = {{"minimum", 1.0}, {"maximum", -1.0}};
  const Attributes halves = {{"minimum", -0.5}, {"maximum", 0.5}};
  return {.op = &ClampOp(),
          .samples = UnarySamples(Avoiding({-1, 1}), bounds),
          .errors = {{.inputs = {F32({4})},
                      .attributes = crossed,
                      .message = "minimum 1 is larger than maximum -1"},
                     {.inputs = {I32({4})},
                      .attributes = halves,
                      .message = "the bound -0.5 is not a whole number"},
                     {.inputs = {F32({4})},
                      .message = "attribute minimum is missing"},
                     {.inputs = {Bool({4})},
                      .attributes = bounds,
                      .message = "input must be a number"}},
          .points = {{.inputs = {{-2, -1, 0, 1, 2}},
                      .outputs = {-1, -1, 0, 1, 1},
                      .gradients = {{0, 1, 1, 1, 0}},
                      .attributes = bounds}},
          .dtypes = kNumberTypes};
}

std::vector<OpCase> UnaryCases() {
  OpCase abs = Signed(AbsOp(), Avoiding({0}));
  abs.points = {{.inputs = {{-2, 0, 3}},
                 .outputs = {2, 0, 3},
                 .gradients = {{-1, 0, 1}}}};
  OpCase sign = Signed(SignOp(), Avoiding({0}));
  sign.points = {{.inputs = {{-2, 0, 3}},
                  .outputs = {-1, 0, 1},
                  .gradients = {{0, 0, 0}}}};
  OpCase negate = Signed(NegateOp(), {});
  negate.points = {
      {.inputs = {{2, -3}}, .outputs = {-2, 3}, .gradients = {{-1, -1}}}};
  OpCase square = Signed(SquareOp(), {});
  square.points = {{.inputs = {{-3, 0, 0.5}},
                    .outputs = {9, 0, 0.25},
                    .gradients = {{-6, 0, 1}}}};
  OpCase sqrt = Floating(SqrtOp(), Positive());
  sqrt.points = {{.inputs = {{0, 4, -1}}, .outputs = {0, 2, NAN}},
                 {.inputs = {{4, 0.25}}, .gradients = {{0.25, 1}}}};
  OpCase rsqrt = Floating(RsqrtOp(), Positive());
  rsqrt.points = {{.inputs = {{4, 0.25, 0}}, .outputs = {0.5, 2, kInfinity}},
                  {.inputs = {{4, 0.25}}, .gradients = {{-0.0625, -4}}}};
  OpCase floor = Floating(FloorOp(), Avoiding({-2, -1, 0, 1, 2}));
  floor.points = {{.inputs = {{-1.5, -1, -0.5, 0.5, 2}},
                   .outputs = {-2, -1, -1, 0, 2},
                   .gradients = {{0, 0, 0, 0, 0}}}};
  return {abs, sign, negate, square, sqrt, rsqrt, floor};
}

std::vector<OpCase> TranscendentalCases() {
  OpCase exp = Floating(ExpOp(), {});
  exp.points = {{.inputs = {{0, 1, -1}},
                 .outputs = {1, 2.718281828459045, 0.36787944117144233},
                 .gradients = {{1, 2.718281828459045, 0.36787944117144233}}}};
  OpCase expm1 = Floating(Expm1Op(), {});
  expm1.points = {{.inputs = {{0, 1, 1e-5}},
                   .outputs = {0, 1.718281828459045, 1.00000500001667e-5},
                   .gradients = {{1, 2.718281828459045, 1.00001000005}}}};
  OpCase log = Floating(LogOp(), Positive());
  log.points = {{.inputs = {{1, 10, 0, -1}},
                 .outputs = {0, 2.302585092994046, -kInfinity, NAN}},
                {.inputs = {{1, 10}}, .gradients = {{1, 0.1}}}};
  OpCase log1p = Floating(Log1pOp(), {.low = -0.7, .high = 2});
  log1p.points = {{.inputs = {{0, 1, -0.5}},
                   .outputs = {0, 0.6931471805599453, -0.6931471805599453},
                   .gradients = {{1, 0.5, 2}}}};
  OpCase erf = Floating(ErfOp(), {});
  erf.points = {{.inputs = {{0, 0.5, -1, 3}},
                 .outputs = {0, 0.5204998778130465, -0.8427007929497149,
                             0.9999779095030014},
                 .gradients = {{1.1283791670955126, 0.8787825789354449,
                                0.41510749742059476, 0.00013925305194674787}}}};
  return {exp, expm1, log, log1p, erf};
}

}  // namespace

std::vector<OpCase> ArithmeticCases() {
  OpCase multiply = SignedBinary(MultiplyOp());
  multiply.points = {{.inputs = {{2, -3}, {5, 7}},
                      .outputs = {10, -21},
                      .gradients = {{5, 7}, {2, -3}}}};
  OpCase maximum = Extremum(MaximumOp());
  maximum.points = {{.inputs = {{1, 2, 3}, {3, 2, 1}},
                     .outputs = {3, 2, 3},
                     .gradients = {{0, 0.5, 1}, {1, 0.5, 0}}}};
  OpCase minimum = Extremum(MinimumOp());
  minimum.points = {{.inputs = {{1, 2, 3}, {3, 2, 1}},
                     .outputs = {1, 2, 1},
                     .gradients = {{1, 0.5, 0}, {0, 0.5, 1}}}};
  std::vector<OpCase> cases = {SignedBinary(AddOp()),
                               SignedBinary(SubtractOp()),
                               multiply,
                               DivideCase(),
                               PowerCase(),
                               maximum,
                               minimum,
                               ClampCase()};
  for (const OpCase& row : UnaryCases()) cases.push_back(row);
  for (const OpCase& row : TranscendentalCases()) cases.push_back(row);
  return cases;
}

}  // namespace evengrad
