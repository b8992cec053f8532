// Rows of the ops that hooks measure with.
#include <cmath>
#include <limits>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Domain;
using testing::GradientKind;
using testing::Indices;
using testing::OpSample;

OpCase SumOfSquaresCase() {
  return {
      .op = &SumOfSquaresOp(),
      .samples = UnarySamples(),
      .errors = UnaryErrors("floating (f32, f64 or bf16)"),
      .points =
          {{.inputs = {{1, -2, 3}}, .outputs = {14}, .gradients = {{2, -4, 6}}},
           {.inputs = {{}}, .outputs = {0}},
           // In f32 the square would overflow.
           {.inputs = {{0x1p100}}, .outputs = {0x1p200}, .types = {F32({1})}}},
      .terms = 4};
}

OpCase FiniteTestCase() {
  constexpr double kMax = std::numeric_limits<double>::max();
  return {.op = &FiniteTestOp(),
          .samples = UnarySamples(),
          .errors = UnaryErrors("floating (f32, f64 or bf16)"),
          .points = {{.inputs = {{1, -2, 0, 3}}, .outputs = {0}},
                     {.inputs = {{}}, .outputs = {0}},
                     {.inputs = {{1, INFINITY, 3}}, .outputs = {NAN}},
                     {.inputs = {{1, 2, -INFINITY}}, .outputs = {NAN}},
                     {.inputs = {{NAN, 2}}, .outputs = {NAN}},
                     // Neither their sum nor their squares are finite.
                     {.inputs = {{kMax, kMax, -kMax}},
                      .outputs = {0},
                      .types = {F64({3})}}},
          .gradient = GradientKind::kNone};
}

OpCase PercentileCase() {
  auto sample = [](int64_t size, int64_t counts, double percent) {
    return OpSample{.inputs = {{F32({size})}, {I64({}), Indices(counts)}},
                    .attributes = {{"percent", percent}}};
  };
  OpSample large = sample(20011, 20011, 31);
  large.large = true;
  auto point = [](double percent, double count, double expected) {
    return testing::OpPoint{.inputs = {{4, 1, 3, 2, 100}, {count}},
                            .outputs = {expected},
                            .attributes = {{"percent", percent}},
                            .types = {F64({5}), I64({})}};
  };
  return {.op = &PercentileOp(),
          .samples = {sample(7, 8, 10), sample(7, 8, 50), sample(3, 4, 100),
                      sample(1, 3, 37.5), large},
          .errors = {{.inputs = {F32({2, 3}), I64({})},
                      .message = "input must be a floating (f32, f64 or bf16) "
                                 "vector, found f32[2,3]"},
                     {.inputs = {I32({4}), I64({})},
                      .message = "vector, found i32[4]"},
                     {.inputs = {F32({4}), I64({1})},
                      .message = "count must be i64[], found i64[1]"},
                     {.inputs = {F32({4}), F32({})},
                      .message = "count must be i64[], found f32[]"},
                     {.inputs = {F32({4}), I64({})},
                      .attributes = {{"percent", 101.0}},
                      .message = "percent"},
                     {.inputs = {F32({4})},
                      .message = "takes 2 input(s), 1 given"}},
          // numpy.percentile([4, 1, 3, 2][:count], percent)
          .points = {point(0, 4, 1), point(50, 4, 2.5), point(10, 4, 1.3),
                     point(100, 4, 4), point(50, 1, 4), point(25, 3, 2),
                     point(50, 9, 3), point(50, 0, NAN)},
          .gradient = GradientKind::kNone};
}

OpCase StatisticsCase() {
  auto sample = [](const Shape& shape, const Domain& domain, double low,
                   double high, int64_t bins) {
    return OpSample{
        .inputs = {{F32(shape), domain}},
        .attributes = {{"low", low}, {"high", high}, {"bins", bins}}};
  };
  OpSample large = sample({157, 131}, {}, -1, 1, 32);
  large.large = true;
  OpSample far_from_zero =
      sample({90, 70}, {.low = 1000, .high = 1001}, 0, 0, 64);
  far_from_zero.large = true;
  return {.op = &StatisticsOp(),
          .samples = {sample({3, 3}, {}, 0, 0, 0), sample({}, {}, -0.5, 0.5, 4),
                      sample({2, 5, 41}, {}, -1, 1.5, 7), large, far_from_zero},
          .errors = {{.inputs = {Bool({4})},
                      .message = "input must be floating (f32, f64 or bf16), "
                                 "found bool[4]"},
                     {.inputs = {F32({4}), F32({4})},
                      .message = "takes 1 input(s), 2 given"},
                     {.inputs = {F32({4})},
                      .attributes = {{"low", 1.0}, {"high", 0.5}},
                      .message = "attribute low is 1, above high, 0.5"},
                     {.inputs = {F32({4})},
                      .attributes = {{"bins", int64_t{-1}}},
                      .message = "bins"},
                     {.inputs = {F32({4})},
                      .attributes = {{"bins", int64_t{4097}}},
                      .message = "bins"}},
          .points = {{.inputs = {{1, 0, -3, 2, INFINITY, -INFINITY, NAN}},
                      .outputs = {7, 0, std::sqrt(3.5), -3, 2, std::sqrt(14.0),
                                  1, 1, 2, 2},
                      .attributes = {{"low", -1.0}, {"high", 1.5}}},
                     {.inputs = {{NAN}},
                      .outputs = {1, NAN, NAN, NAN, NAN, NAN, 0, 1, 0, 0}},
                     {.inputs = {{}},
                      .outputs = {0, NAN, NAN, NAN, NAN, 0, 0, 0, 0, 0}},
                     // The sum goes beyond f32, the elements do not.
                     {.inputs = {std::vector<double>(64, 0x1p122)},
                      .outputs = {64, 0x1p122, 0, 0x1p122, 0x1p122, 0x1p125, 0,
                                  0, 0, 0},
                      .types = {F32({64})}}},
          .gradient = GradientKind::kNone,
          .terms = 16};
}

}  // namespace

std::vector<OpCase> StatisticsCases() {
  return {SumOfSquaresCase(), FiniteTestCase(), PercentileCase(),
          StatisticsCase()};
}

}  // namespace evengrad
