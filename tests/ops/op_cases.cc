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
                        ActivationCases, ShapeCases, ReductionCases,
                        LinearCases, RandomCases, StatisticsCases}) {
      for (OpCase& row : family()) all->push_back(std::move(row));
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
