// Products, norms and running sums. Known values and derivatives, those at
// zeros included, are PyTorch's in double.
#include <cmath>
#include <limits>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Avoiding;
using testing::Domain;
using testing::OpSample;

using Axes = std::vector<int64_t>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Domain kZeros = {.low = 0, .high = 0};

constexpr char kSigned[] =
    "input must be a signed number (f32, f64, bf16, i32 or i64), found bool[4]";

OpSample Along(const Shape& shape, const Axes& axes, const Domain& domain) {
  return {.inputs = {{F32(shape), domain}}, .attributes = {{"axes", axes}}};
}

// ---- Products ---------------------------------------------------------------

OpCase ProductCase() {
  OpCase row = {.op = &ReduceProductOp(),
                .samples = ReductionSamples(),
                .errors = ReductionErrors("input must be a number"),
                .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                            .outputs = {6, 120},
                            .gradients = {{6, 3, 2, 30, 24, 20}},
                            .attributes = {{"axes", Axes{1}}},
                            .types = {F64({2, 3})}},
                           // One zero, two zeros, negative ones.
                           {.inputs = {{0, 2, 3}},
                            .outputs = {0},
                            .gradients = {{6, 0, 0}}},
                           {.inputs = {{0, 2, 0}},
                            .outputs = {0},
                            .gradients = {{0, 0, 0}}},
                           {.inputs = {{-2, 0.5, 4}},
                            .outputs = {-4},
                            .gradients = {{2, -8, -1}}},
                           {.inputs = {{}}, .outputs = {1}, .gradients = {{}}},
                           {.inputs = {{-1e10, 1e10, 1e10, 0}},
                            .outputs = {0},
                            .types = {I64({4})}}},
                .dtypes = kNumberTypes,
                .terms = 16};
  // The reference of the gradient takes a time that is quadratic in the number
  // of factors: not all 157 * 131.
  row.samples.pop_back();
  for (OpSample& sample : row.samples) {
    if (sample.large) sample.inputs[0].domain = {.low = 0.98, .high = 1.02};
  }
  // The second derivative of a * b is 1 at zeros too.
  row.samples.push_back(Along({3, 2}, {1}, kZeros));
  row.samples.push_back(Along({3, 3}, {1}, kZeros));
  return row;
}

OpCase ProductGradientCase() {
  auto sample = [](const Shape& shape, int num_directions, const Axes& axes,
                   const Domain& domain = {}) {
    OpSample result = Along(shape, axes, domain);
    for (int i = 0; i < num_directions; ++i) {
      result.inputs.push_back({F32(shape)});
    }
    result.finite_only = num_directions > 0;
    return result;
  };
  OpSample large = sample({1000, 12}, 0, {1}, {.low = 0.9, .high = 1.1});
  OpSample large_first = sample({8, 800}, 1, {0}, {.low = 0.9, .high = 1.1});
  large.large = large_first.large = true;
  const std::vector<TensorType> ten_inputs(10, F32({2}));
  return {
      .op = &ProductGradientOp(),
      .samples = {sample({3, 3}, 0, {1}), sample({2, 3, 2}, 0, {0, -1}),
                  sample({3, 3}, 1, {0}), sample({2, 4}, 1, {1}, kZeros),
                  sample({2, 4}, 2, {}), sample({4, 2}, 3, {0}),
                  sample({2}, 2, {0}), sample({}, 0, {}), large, large_first},
      .errors = {{.inputs = {I32({4})}, .message = "input must be floating"},
                 {.inputs = {F32({2, 3}), F32({3, 2})},
                  .message = "the type of direction input 1 f32[3,2] is not "
                             "that of input f32[2,3]"},
                 {.inputs = {F32({3}), F64({3})},
                  .message = "the type of direction"},
                 {.inputs = ten_inputs,
                  .message = "a product is differentiated 10 times, at most 9 "
                             "are supported"},
                 {.inputs = {F32({3})},
                  .attributes = {{"axes", Axes{1}}},
                  .message = "input f32[3]: axis 1 is out of range for rank "
                             "1"},
                 {.message = "takes at least 1 input(s), 0 given"}},
      // x = (2, 3, 5): yz, xz, xy; and their derivatives by y, in z and so on.
      .points = {{.inputs = {{2, 3, 5}}, .outputs = {15, 10, 6}},
                 {.inputs = {{2, 3, 5}, {0, 1, 0}}, .outputs = {5, 0, 2}},
                 {.inputs = {{2, 3, 5}, {0, 1, 0}, {1, 0, 0}},
                  .outputs = {0, 0, 1}},
                 {.inputs = {{2, 3, 5}, {0, 1, 0}, {0, 1, 0}},
                  .outputs = {0, 0, 0}}},
      .terms = 16};
}

// ---- Norms ------------------------------------------------------------------

OpCase L1Case() {
  return {.op = &ReduceL1Op(),
          .samples = ReductionSamples(Avoiding({0})),
          .errors = ReductionErrors(kSigned),
          .points = {{.inputs = {{-2, 0, 3}},
                      .outputs = {5},
                      .gradients = {{-1, 0, 1}}},
                     {.inputs = {{}}, .outputs = {0}}},
          .dtypes = kSignedTypes,
          .terms = 16};
}

OpCase SumSquaresCase() {
  return {.op = &ReduceSumSquaresOp(),
          .samples = ReductionSamples(),
          .errors = ReductionErrors(kSigned),
          .points = {{.inputs = {{3, -4, 0}},
                      .outputs = {25},
                      .gradients = {{6, -8, 0}}},
                     {.inputs = {{}}, .outputs = {0}}},
          .dtypes = kSignedTypes,
          .terms = 16};
}

OpCase L2Case() {
  OpCase row = {.op = &ReduceL2Op(),
                .samples = ReductionSamples({.kinks = {0}, .margin = 0.2}),
                .errors = ReductionErrors("input must be floating"),
                .points = {{.inputs = {{3, -4}},
                            .outputs = {5},
                            .gradients = {{0.6, -0.8}}},
                           {.inputs = {{0, 0, 3, 4}},
                            .outputs = {0, 5},
                            .gradients = {{0, 0, 0.6, 0.8}},
                            .attributes = {{"axes", Axes{1}}},
                            .types = {F64({2, 2})}},
                           {.inputs = {{}}, .outputs = {0}, .gradients = {{}}}},
                .terms = 16};
  row.errors.push_back(
      {.inputs = {I32({4})}, .message = "input must be floating"});
  return row;
}

OpCase LogSumExpCase() {
  OpCase row = {
      .op = &ReduceLogSumExpOp(),
      .samples = ReductionSamples(),
      .errors = ReductionErrors("input must be floating"),
      .points = {{.inputs = {{1, 2, 4}},
                  .outputs = {4.169846019556286},
                  .gradients = {{0.04201006613406605, 0.1141951993845945,
                                 0.8437947344813395}}},
                 {.inputs = {{1000, 1000, -1000}},
                  .outputs = {1000.6931471805599},
                  .gradients = {{0.5, 0.5, 0}}},
                 {.inputs = {{-kInfinity, -kInfinity}},
                  .outputs = {-kInfinity},
                  .gradients = {{0, 0}}},
                 {.inputs = {{-kInfinity, 3}},
                  .outputs = {3},
                  .gradients = {{0, 1}}},
                 {.inputs = {{kInfinity, 3, NAN, 3}},
                  .outputs = {kInfinity, NAN},
                  .attributes = {{"axes", Axes{1}}},
                  .types = {F64({2, 2})}},
                 {.inputs = {{}}, .outputs = {-kInfinity}, .gradients = {{}}}},
      .terms = 16};
  row.samples.push_back(Along({4, 6}, {1}, {.low = -80, .high = 80}));
  row.errors.push_back(
      {.inputs = {I32({4})}, .message = "input must be floating"});
  return row;
}

// ---- Running sums -----------------------------------------------------------

OpCase CumulativeSumCase() {
  auto attributes = [](int64_t axis, bool exclusive, bool reverse) {
    return Attributes{
        {"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}};
  };
  auto sample = [&](const Shape& shape, int64_t axis, bool exclusive,
                    bool reverse, bool large = false) {
    return OpSample{.inputs = {{F32(shape)}},
                    .attributes = attributes(axis, exclusive, reverse),
                    .large = large};
  };
  return {
      .op = &CumulativeSumOp(),
      .samples = {sample({3, 3}, 0, false, false),
                  sample({3, 3}, -1, true, false),
                  sample({2, 4, 3}, 1, false, true),
                  sample({2, 4, 3}, -3, true, true), sample({5}, 0, true, true),
                  sample({157, 131}, 0, false, false, true),
                  sample({157, 131}, 1, true, true, true)},
      .errors = {{.inputs = {F32({2, 3})},
                  .attributes = {{"axis", int64_t{2}}},
                  .message = "input f32[2,3]: axis 2 is out of range for rank "
                             "2"},
                 {.inputs = {F32({})},
                  .message = "axis -1 is out of range for rank 0"},
                 {.inputs = {Bool({4})}, .message = "input must be a number"},
                 {.inputs = {F32({4}), F32({4})},
                  .message = "takes 1 input(s), 2 given"},
                 {.inputs = {F32({4})},
                  .attributes = {{"exclusiv", true}},
                  .message = "did you mean 'exclusive'?"}},
      .points = {{.inputs = {{1, 2, 3, 4}},
                  .outputs = {1, 3, 6, 10},
                  .gradients = {{4, 3, 2, 1}}},
                 {.inputs = {{1, 2, 3, 4}},
                  .outputs = {0, 1, 3, 6},
                  .gradients = {{3, 2, 1, 0}},
                  .attributes = attributes(0, true, false)},
                 {.inputs = {{1, 2, 3, 4}},
                  .outputs = {9, 7, 4, 0},
                  .gradients = {{0, 1, 2, 3}},
                  .attributes = attributes(0, true, true)}},
      .dtypes = kNumberTypes,
      .terms = 16};
}

}  // namespace

std::vector<OpCase> NormCases() {
  return {ProductCase(),      ProductGradientCase(),
          L1Case(),           SumSquaresCase(),
          L2Case(),           LogSumExpCase(),
          CumulativeSumCase()};
}

}  // namespace evengrad
