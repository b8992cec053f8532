// Ops that differ between training and inference, and normalization. The checks
// see them in training; what they do in inference mode is tested in
// tests/runtime/inference_test.cc.
#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Avoiding;
using testing::Domain;
using testing::GradientKind;
using testing::InputSample;
using testing::OpSample;
using testing::Positive;

OpCase IsTrainingCase() {
  return {.op = &IsTrainingOp(),
          .samples = {{}},
          .errors = {{.inputs = {F32({2})},
                      .message = "takes 0 input(s), 1 given"}},
          .gradient = GradientKind::kNone};
}

// For each of `settings` the samples of a unary op.
OpCase RandomUnary(const OpDef& op, const Domain& domain,
                   const std::vector<Attributes>& settings) {
  OpCase row = {.op = &op,
                .errors = UnaryErrors("floating (f32, f64 or bf16)")};
  for (const Attributes& attributes : settings) {
    row.samples = Join(row.samples, UnarySamples(domain, attributes));
  }
  return row;
}

OpCase DropoutCase(const OpDef& op) {
  OpCase row = RandomUnary(op, {},
                           {{},
                            {{"probability", 0.1}},
                            {{"probability", 0.9}, {"stream", int64_t{7}}},
                            {{"probability", 0.0}}});
  row.errors.push_back({.inputs = {F32({4})},
                        .attributes = {{"probability", 1.0}},
                        .message = "with probability 1 everything is dropped; "
                                   "give one below 1"});
  row.errors.push_back(
      {.inputs = {F32({4})},
       .attributes = {{"probability", -0.1}},
       .message = "attribute probability = -0.1 is out of range"});
  row.errors.push_back({.inputs = {F32({4})},
                        .attributes = {{"stream", int64_t{-2}}},
                        .message = "attribute stream = -2 is out of range"});
  return row;
}

OpCase RreluCase() {
  const std::string divisor = "divisor";
  OpCase row =
      RandomUnary(RreluOp(), Avoiding({0}),
                  {{},
                   {{"lower", -1.0}, {"upper", 0.5}, {"stream", int64_t{9}}},
                   {{"form", divisor}, {"lower", 3.0}, {"upper", 8.0}}});
  row.errors.push_back({.inputs = {F32({4})},
                        .attributes = {{"lower", 0.5}},
                        .message = "lower = 0.5 must be below upper = "});
  row.errors.push_back({.inputs = {F32({4})},
                        .attributes = {{"form", divisor}, {"lower", 0.0}},
                        .message = "a divisor is at least 1e-06, lower = 0"});
  row.errors.push_back(
      {.inputs = {F32({4})},
       .attributes = {{"form", std::string("factor")}},
       .message = "attribute form = 'factor' is not one of slope, divisor"});
  return row;
}

OpSample BatchNormSample(const Shape& shape, int64_t axis, Attributes settings,
                         bool large = false) {
  const Dimension channels = shape[axis < 0 ? shape.rank() - 1 : axis];
  const TensorType each = F32({channels});
  settings["axis"] = axis;
  return {.inputs = {{F32(shape)}, {each}, {each}, {each}, {each, Positive()}},
          .attributes = std::move(settings),
          .large = large};
}

std::vector<testing::OpError> BatchNormErrors() {
  const TensorType three = F32({3});
  auto inputs = [&](const TensorType& input, const TensorType& scale) {
    return std::vector<TensorType>{input, scale, three, three, three};
  };
  std::vector<testing::OpError> errors = {
      {.inputs = inputs(F32({3}), three),
       .message = "input must have a batch and channels (rank 2 or more), "
                  "found f32[3]"},
      {.inputs = inputs(I32({4, 3}), three),
       .message = "input must be floating (f32, f64 or bf16), found i32[4,3]"},
      {.inputs = inputs(F32({4, 3}), F64({3})),
       .message = "element types differ: input f32[4,3], scale f64[3]"},
      {.inputs = inputs(F32({4, 3}), F32({4})),
       .message = "scale f32[4] must have one element a channel: f32[3] for "
                  "input f32[4,3] with channels along axis 1"},
      {.inputs = inputs(F32({4, 3}), F32({1, 3})),
       .message = "scale f32[1,3] must have one element a channel"},
      {.inputs = {F32({4, 3})}, .message = "takes 5 input(s), 1 given"}};
  const std::vector<std::pair<Attributes, std::string>> settings = {
      {{{"axis", int64_t{2}}}, "axis 2 is out of range for rank 2"},
      {{{"epsilon", -1.0}}, "attribute epsilon = -1 is out of range"},
      {{{"momentum", 1.5}}, "attribute momentum = 1.5 is out of range"}};
  for (const auto& [attributes, message] : settings) {
    errors.push_back({.inputs = inputs(F32({4, 3}), three),
                      .attributes = attributes,
                      .message = message});
  }
  return errors;
}

OpCase BatchNormCase() {
  const Attributes keras = {
      {"epsilon", 1e-3}, {"momentum", 0.01}, {"unbiased", false}};
  return {
      .op = &BatchNormOp(),
      .samples = {BatchNormSample({5, 3}, 1, {}),
                  BatchNormSample({4, 4}, -1, keras),
                  BatchNormSample({3, 2, 2, 2}, 1, keras),
                  BatchNormSample({2, 3, 2}, 2, {{"epsilon", 0.1}}),
                  BatchNormSample({2, 4}, 0, {{"momentum", 1.0}}),
                  BatchNormSample({1, 3}, 1, {}),
                  BatchNormSample({150, 131}, 1, {}, /*large=*/true),
                  BatchNormSample({32, 5, 16, 16}, 1, keras, /*large=*/true)},
      .errors = BatchNormErrors(),
      // Channel 0 has mean 2 and variance 1, channel 1 mean 0 and variance 4.
      .points = {{.inputs = {{1, 2, 3, -2}, {1, 3}, {0, 10}, {0, 0}, {1, 1}},
                  .outputs = {-1, 13, 1, 7},
                  .attributes = {{"epsilon", 0.0}},
                  .types = {F64({2, 2}), F64({2}), F64({2}), F64({2}),
                            F64({2})}}},
      .terms = 16};
}

OpSample LayerNormSample(const Shape& shape, const Shape& last,
                         Attributes settings = {}, bool large = false) {
  return {.inputs = {{F32(shape)}, {F32(last)}, {F32(last)}},
          .attributes = std::move(settings),
          .large = large};
}

OpCase LayerNormCase() {
  return {
      .op = &LayerNormOp(),
      .samples = {LayerNormSample({4, 4}, {4}), LayerNormSample({2, 5}, {5}),
                  LayerNormSample({2, 3, 2}, {3, 2}, {{"epsilon", 1e-3}}),
                  LayerNormSample({5}, {5}), LayerNormSample({3, 1}, {1}),
                  LayerNormSample({150, 131}, {131}, {}, /*large=*/true)},
      .errors =
          {{.inputs = {I32({4, 3}), F32({3}), F32({3})},
            .message =
                "input must be floating (f32, f64 or bf16), found i32[4,3]"},
           {.inputs = {F32({4, 3}), F32({}), F32({3})},
            .message = "scale f32[] must have 1 to 2 axes, the last ones of "
                       "input f32[4,3]"},
           {.inputs = {F32({3}), F32({2, 3}), F32({3})},
            .message = "scale f32[2,3] must have 1 to 1 axes"},
           {.inputs = {F32({4, 3}), F32({4}), F32({3})},
            .message = "scale f32[4] must have the shape of the last axes, "
                       "[3], of input f32[4,3]"},
           {.inputs = {F32({4, 3}), F32({3}), F64({3})},
            .message = "element types differ: input f32[4,3], shift f64[3]"},
           {.inputs = {F32({4, 3}), F32({3}), F32({3})},
            .attributes = {{"epsilon", -1.0}},
            .message = "attribute epsilon = -1 is out of range"}},
      .points = {{.inputs = {{1, 3, -2, 2}, {1, 3}, {0, 10}},
                  .outputs = {-1, 13, -1, 13},
                  .attributes = {{"epsilon", 0.0}},
                  .types = {F64({2, 2}), F64({2}), F64({2})}}},
      .terms = 16};
}

}  // namespace

std::vector<OpCase> TrainingCases() {
  return {
      IsTrainingCase(), DropoutCase(DropoutOp()), DropoutCase(AlphaDropoutOp()),
      RreluCase(),      BatchNormCase(),          LayerNormCase()};
}

}  // namespace evengrad
