#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::GradientKind;
using testing::OpError;
using testing::OpSample;

// `truth` is what the op says of 1 and 2, 2 and 2, 3 and 2.
OpCase Comparison(const OpDef& op, const std::vector<double>& truth,
                  const std::vector<DType>& dtypes) {
  OpCase row = {
      .op = &op,
      .samples = Distinct(BinarySamples()),
      .errors = BinaryErrors("a number (f32, f64, bf16, i32, i64 or u8)"),
      .points = {{.inputs = {{1, 2, 3}, {2, 2, 2}}, .outputs = truth}},
      .dtypes = dtypes};
  if (dtypes.size() == kAllTypes.size()) row.errors.erase(row.errors.begin());
  return row;
}

// `truth` is what the op says of 0 and 0, 0 and 1, 1 and 0, 1 and 1.
OpCase Logic(const OpDef& op, const std::vector<double>& truth) {
  return {.op = &op,
          .samples = {{.inputs = {{Bool({3, 3})}, {Bool({3, 3})}}},
                      {.inputs = {{Bool({2, 1, 3})}, {Bool({4, 1})}}},
                      {.inputs = {{Bool({})}, {Bool({5})}}}},
          .errors = {{.inputs = {F32({4}), F32({4})},
                      .message = "a must be bool, found f32[4]"},
                     {.inputs = {Bool({3}), Bool({4})},
                      .message = "do not broadcast: 3 against 4"}},
          .points = {{.inputs = {{0, 0, 1, 1}, {0, 1, 0, 1}},
                      .outputs = truth,
                      .types = {Bool({4}), Bool({4})}}}};
}

OpCase NotCase() {
  return {.op = &LogicalNotOp(),
          .samples = {{.inputs = {{Bool({3, 3})}}}, {.inputs = {{Bool({})}}}},
          .errors = {{.inputs = {I32({4})},
                      .message = "input must be bool, found i32[4]"}},
          .points = {
              {.inputs = {{0, 1}}, .outputs = {1, 0}, .types = {Bool({2})}}}};
}

OpCase SelectCase() {
  auto sample = [](const Shape& condition, const Shape& a, const Shape& b) {
    return OpSample{.inputs = {{Bool(condition)}, {F32(a)}, {F32(b)}}};
  };
  OpSample large = sample({157, 1}, {157, 131}, {131});
  large.large = true;
  return {.op = &SelectOp(),
          .samples = {sample({3, 3}, {3, 3}, {3, 3}), sample({3}, {2, 3}, {}),
                      sample({}, {2, 3}, {3}),
                      sample({2, 1, 3}, {4, 1}, {1, 1}), large},
          .errors = {{.inputs = {F32({4}), F32({4}), F32({4})},
                      .message = "condition must be bool, found f32[4]"},
                     {.inputs = {Bool({4}), F32({4}), I32({4})},
                      .message = "element types differ: if_true f32[4], "
                                 "if_false i32[4]; cast one of them"},
                     {.inputs = {Bool({4}), F32({3}), F32({})},
                      .message = "do not broadcast"}},
          .points = {{.inputs = {{1, 0}, {2, 3}, {5, 7}},
                      .outputs = {2, 7},
                      .gradients = {{}, {1, 0}, {0, 1}},
                      .types = {Bool({2}), F64({2}), F64({2})}}},
          .dtypes = kAllTypes};
}

OpCase CastCase() {
  std::vector<OpSample> samples;
  for (DType to : kAllTypes) {
    const Attributes attributes = {{"dtype", to}};
    samples.push_back({.inputs = {{F32({3, 3})}}, .attributes = attributes});
    samples.push_back({.inputs = {{F32({})}}, .attributes = attributes});
  }
  return {.op = &CastOp(),
          .samples = samples,
          .errors = {{.inputs = {F32({4})},
                      .message = "attribute dtype is missing"},
                     {.inputs = {F32({4})},
                      .attributes = {{"dtype", DType::kOpaque}},
                      .message = "opaque values cannot be cast"}},
          .points = {{.inputs = {{-1.7, 1.7, 0, 3e9, -3e9}},
                      .outputs = {-1, 1, 0, 2147483647, -2147483648.0},
                      .attributes = {{"dtype", DType::kI32}}},
                     {.inputs = {{-1.7, 255.9, 256, 0.5}},
                      .outputs = {0, 255, 255, 0},
                      .attributes = {{"dtype", DType::kU8}}},
                     {.inputs = {{-1.7, 0, 0.3}},
                      .outputs = {1, 0, 1},
                      .attributes = {{"dtype", DType::kBool}}}},
          .dtypes = kAllTypes};
}

OpCase StopGradientCase() {
  return {.op = &StopGradientOp(),
          .samples = UnarySamples(),
          .errors = {{.inputs = {F32({4}), F32({4})},
                      .message = "takes 1 input(s), 2 given"}},
          .points = {{.inputs = {{2, 3}},
                      .outputs = {2, 3},
                      .gradients = {{0, 0}}}},
          .gradient = GradientKind::kStopped,
          .dtypes = kAllTypes};
}

}  // namespace

std::vector<OpCase> ComparisonCases() {
  return {Comparison(LessOp(), {1, 0, 0}, kNumberTypes),
          Comparison(LessEqualOp(), {1, 1, 0}, kNumberTypes),
          Comparison(GreaterOp(), {0, 0, 1}, kNumberTypes),
          Comparison(GreaterEqualOp(), {0, 1, 1}, kNumberTypes),
          Comparison(EqualOp(), {0, 1, 0}, kAllTypes),
          Comparison(NotEqualOp(), {1, 0, 1}, kAllTypes),
          Logic(LogicalAndOp(), {0, 0, 0, 1}),
          Logic(LogicalOrOp(), {0, 1, 1, 1}),
          NotCase(),
          SelectCase(),
          CastCase(),
          StopGradientCase()};
}

}  // namespace evengrad
