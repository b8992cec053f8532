#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Indices;
using testing::OpSample;

using Axes = std::vector<int64_t>;

OpCase Extremum(const OpDef& op) {
  OpCase row = {.op = &op,
                .samples = Distinct(ReductionSamples()),
                .errors = ReductionErrors("must be a number"),
                .dtypes = kNumberTypes};
  row.errors.push_back({.inputs = {F32({2, 0})},
                        .attributes = {{"axes", Axes{1}}},
                        .message = "input f32[2,0] has no elements along axis "
                                   "1; an extremum needs at least one"});
  return row;
}

OpCase SumCase() {
  return {.op = &ReduceSumOp(),
          .samples = ReductionSamples(),
          .errors = ReductionErrors("must be a number"),
          .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                      .outputs = {6, 15},
                      .gradients = {{1, 1, 1, 1, 1, 1}},
                      .attributes = {{"axes", Axes{1}}},
                      .types = {F64({2, 3})}},
                     {.inputs = {{}}, .outputs = {0}}},
          .dtypes = kNumberTypes,
          .terms = 16};
}

OpCase MeanCase() {
  return {.op = &ReduceMeanOp(),
          .samples = ReductionSamples(),
          .errors = ReductionErrors("must be floating"),
          .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                      .outputs = {2.5, 3.5, 4.5},
                      .gradients = {{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}},
                      .attributes = {{"axes", Axes{0}}},
                      .types = {F64({2, 3})}},
                     {.inputs = {{}}, .outputs = {NAN}}},
          .terms = 16};
}

OpCase ArgMaxCase() {
  auto sample = [](const Shape& shape, int64_t axis) {
    return OpSample{.inputs = {{F32(shape)}}, .attributes = {{"axis", axis}}};
  };
  OpSample large = sample({157, 131}, -1);
  large.large = true;
  return {.op = &ArgMaxOp(),
          .samples = Distinct({sample({3, 3}, -1), sample({2, 4, 3}, 1),
                               sample({5}, 0), large}),
          .errors = {{.inputs = {F32({2, 3})},
                      .attributes = {{"axis", int64_t{-3}}},
                      .message = "axis -3 is out of range for rank 2"},
                     {.inputs = {Bool({4})}, .message = "must be a number"}},
          .points = {{.inputs = {{1, 3, 3, 2}}, .outputs = {1}}},
          .dtypes = kNumberTypes};
}

OpCase OneHotCase() {
  auto sample = [](TensorType labels, int64_t classes, DType dtype) {
    return OpSample{.inputs = {{std::move(labels), Indices(classes)}},
                    .attributes = {{"classes", classes}, {"dtype", dtype}}};
  };
  return {.op = &OneHotOp(),
          .samples = {sample(I32({4}), 3, DType::kF32),
                      sample(I64({2, 3}), 5, DType::kF64),
                      sample(U8({}), 4, DType::kBF16)},
          .errors = {{.inputs = {F32({4})},
                      .attributes = {{"classes", int64_t{3}}},
                      .message = "f32[4]"},
                     {.inputs = {I32({4})},
                      .message = "attribute classes is missing"}},
          .points = {{.inputs = {{2, 0, -1, 3}},
                      .outputs = {0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0},
                      .attributes = {{"classes", int64_t{3}}},
                      .types = {I32({4})}}}};
}

// -log softmax([1, 2, 4])[label]; the gradient is softmax - one_hot.
OpCase CrossEntropyCase() {
  auto sample = [](const Shape& logits, TensorType labels) {
    const int64_t classes = logits[logits.rank() - 1].size();
    return OpSample{
        .inputs = {{F32(logits)}, {std::move(labels), Indices(classes)}}};
  };
  OpSample large = sample({157, 131}, I32({157}));
  large.large = true;
  return {.op = &SparseSoftmaxCrossEntropyOp(),
          .samples = {sample({3, 3}, I32({3})), sample({4, 2}, I64({4})),
                      sample({1, 5}, I32({1})), large},
          .errors = {{.inputs = {F32({4, 3}), F32({4})}, .message = "labels"},
                     {.inputs = {F32({4, 3}), I32({5})}, .message = "labels"},
                     {.inputs = {I32({4, 3}), I32({4})},
                      .message = "logits must be floating"}},
          .points = {{.inputs = {{1, 2, 4, 1, 2, 4}, {0, 2}},
                      .outputs = {3.169846019556286, 0.1698460195562857},
                      .gradients = {{-0.957989933865934, 0.1141951993845945,
                                     0.8437947344813395, 0.04201006613406605,
                                     0.1141951993845945, -0.1562052655186605},
                                    {}},
                      .types = {F64({2, 3}), I32({2})}}},
          .terms = 4};
}

}  // namespace

std::vector<OpCase> ReductionCases() {
  OpCase maximum = Extremum(ReduceMaxOp());
  maximum.points = {
      {.inputs = {{1, 2, 2}}, .outputs = {2}, .gradients = {{0, 0.5, 0.5}}}};
  OpCase minimum = Extremum(ReduceMinOp());
  minimum.points = {
      {.inputs = {{1, 2, 1}}, .outputs = {1}, .gradients = {{0.5, 0, 0.5}}}};
  return {SumCase(),    MeanCase(),   maximum,           minimum,
          ArgMaxCase(), OneHotCase(), CrossEntropyCase()};
}

}  // namespace evengrad
