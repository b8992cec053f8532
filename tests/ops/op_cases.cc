#include "op_cases.h"

#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

using testing::Domain;
using testing::GradientKind;
using testing::OpError;
using testing::OpSample;

const std::vector<OpCase>& BuiltinOpCases() {
  static const std::vector<OpCase>* const cases = [] {
    auto* all = new std::vector<OpCase>;
    for (auto family : {SourceCases, ArithmeticCases, ComparisonCases,
                        ActivationCases, ShapeCases, PartCases, GatherCases,
                        ReductionCases, NormCases, LinearCases, RandomCases,
                        StatisticsCases, TrainingCases, FunctionCases}) {
      for (OpCase& row : family()) {
        row.errors = JoinErrors(row.errors, MoreErrors(row.op->name));
        all->push_back(std::move(row));
      }
    }
    return all;
  }();
  return *cases;
}

std::vector<OpSample> UnarySamples(const Domain& domain,
                                   const Attributes& attributes) {
  std::vector<OpSample> samples;
  for (const Shape& shape :
       {Shape({3, 3}), Shape(), Shape({2, 1, 4}), Shape({157, 131})}) {
    samples.push_back({.inputs = {{F32(shape), domain}},
                       .attributes = attributes,
                       .large = shape.rank() == 2 && shape[0] != 3});
  }
  return samples;
}

std::vector<OpSample> BinarySamples(const Domain& a, const Domain& b) {
  const std::vector<std::pair<Shape, Shape>> shapes = {{{3, 3}, {3, 3}},
                                                       {{3, 3}, {3}},
                                                       {{2, 1, 3}, {4, 1}},
                                                       {{}, {2, 3}},
                                                       {{2, 3}, {1, 1}}};
  std::vector<OpSample> samples;
  for (const auto& [left, right] : shapes) {
    samples.push_back({.inputs = {{F32(left), a}, {F32(right), b}}});
  }
  samples.push_back(
      {.inputs = {{F32({157, 131}), a}, {F32({131}), b}}, .large = true});
  return samples;
}

std::vector<OpSample> Distinct(std::vector<OpSample> samples) {
  for (OpSample& sample : samples) sample.distinct = true;
  return samples;
}

std::vector<OpSample> Join(std::vector<OpSample> a,
                           const std::vector<OpSample>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<OpSample> ReductionSamples(const Domain& domain) {
  auto reduced = [&](const Shape& shape, const std::vector<int64_t>& axes,
                     bool keep_dimensions = false, bool large = false) {
    return OpSample{
        .inputs = {{F32(shape), domain}},
        .attributes = {{"axes", axes}, {"keep_dimensions", keep_dimensions}},
        .large = large};
  };
  return {reduced({3, 3}, {}),
          reduced({3, 3}, {0}),
          reduced({3, 3}, {1}, true),
          reduced({2, 3, 4}, {0, -1}),
          reduced({2, 3, 4}, {1}),
          reduced({2, 3, 4}, {0, 2}, true),
          reduced({}, {}),
          reduced({2, 1, 3}, {1}),
          reduced({157, 131}, {0}, false, true),
          reduced({157, 131}, {1}, false, true),
          reduced({157, 131}, {}, false, true)};
}

std::vector<OpError> ReductionErrors(const std::string& expected) {
  using Axes = std::vector<int64_t>;
  return {
      {.inputs = {F32({2, 3})},
       .attributes = {{"axes", Axes{2}}},
       .message = "input f32[2,3]: axis 2 is out of range for rank 2"},
      {.inputs = {F32({2, 3})},
       .attributes = {{"axes", Axes{-3}}},
       .message = "input f32[2,3]: axis -3 is out of range for rank 2"},
      {.inputs = {F32({2, 3})},
       .attributes = {{"axes", Axes{1, -1}}},
       .message = "input f32[2,3]: axis 1 is named twice"},
      {.inputs = {F32({})},
       .attributes = {{"axes", Axes{0}}},
       .message = "axis 0 is out of range for rank 0"},
      {.inputs = {F32({2, 3})},
       .attributes = {{"axis", int64_t{1}}},
       .message = "unknown attribute 'axis'; did you mean 'axes'?"},
      {.inputs = {F32({2, 3})},
       .attributes = {{"axes", int64_t{1}}},
       .message = "attribute axes is an integer, expected a list of "
                  "integers"},
      {.inputs = {F32({4}), F32({4})}, .message = "takes 1 input(s), 2 given"},
      {.inputs = {Bool({4})}, .message = expected}};
}

std::vector<OpError> JoinErrors(std::vector<OpError> a,
                                const std::vector<OpError>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<OpError> UnaryErrors(std::string_view expected) {
  return {
      {.inputs = {Bool({4})},
       .message = StrCat("input must be ", expected, ", found bool[4]")},
      {.inputs = {F32({4}), F32({4})}, .message = "takes 1 input(s), 2 given"}};
}

std::vector<OpError> BinaryErrors(std::string_view expected) {
  return {
      {.inputs = {Bool({4}), Bool({4})},
       .message = StrCat(" must be ", expected, ", found bool[4]")},
      {.inputs = {F32({2, 3}), F64({3})}, .message = "element types differ: "},
      {.inputs = {F32({"batch", 3}), F32({4})},
       .message = "shapes [batch,3] and [4] do not broadcast: 3 against 4"},
      {.inputs = {F32({4})}, .message = "takes 2 input(s), 1 given"}};
}

std::vector<OpCase> SourceCases() {
  const Attributes type = {{"dtype", DType::kF32}, {"shape", Shape({2, 3})}};
  auto row = [&](const OpDef& op) {
    return OpCase{.op = &op,
                  .samples = {{.attributes = type}},
                  .errors = {{.message = "attribute dtype is missing"}},
                  .gradient = GradientKind::kNone};
  };
  OpCase state = row(StateOp());
  state.needs_sizes = true;
  state.errors.push_back(
      {.attributes = {{"dtype", DType::kF32}, {"shape", Shape({"batch"})}},
       .message = "a state's dimensions must be integers, not [batch]"});
  const OpCase constant = {
      .op = &ConstantOp(),
      .samples = {{.attributes = {{"value", *Tensor::Of<float>({2}, {1, 2})}}}},
      .errors = {{.message = "attribute value is missing"},
                 {.attributes = {{"value", Tensor()}},
                  .message = "the constant has no value"}},
      .gradient = GradientKind::kNone};
  return {row(PlaceholderOp()), state, constant, row(TypeTokenOp())};
}

}  // namespace evengrad
