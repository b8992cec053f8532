#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/run_after.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::OpError;
using testing::OpSample;

using Axes = std::vector<int64_t>;

OpSample Shaped(const Shape& input, const Shape& target) {
  return {.inputs = {{F32(input)}}, .attributes = {{"shape", target}}};
}

OpSample Large(OpSample sample) {
  sample.large = true;
  return sample;
}

OpCase ReshapeCase() {
  return {.op = &ReshapeOp(),
          .samples = {Shaped({3, 3}, {9}), Shaped({2, 6}, {6, 2}),
                      Shaped({2, 3, 4}, {4, 3, 2}), Shaped({1, 1}, {}),
                      Shaped({2, 3}, {2, Dimension::Unknown()})},
          .errors = {{.inputs = {F32({2, 6})},
                      .attributes = {{"shape", Shape({5})}},
                      .message =
                          "cannot reshape input f32[2,6] to [5]: the element "
                          "counts differ: [2,6] has 12 elements, [5] has 5"},
                     {.inputs = {F32({4})},
                      .message = "attribute shape is missing"}},
          .points = {{.inputs = {{1, 2, 3, 4}},
                      .outputs = {1, 2, 3, 4},
                      .gradients = {{1, 1, 1, 1}},
                      .attributes = {{"shape", Shape({2, 2})}}}},
          .dtypes = kAllTypes};
}

OpCase TransposeCase() {
  auto sample = [](const Shape& input, const Axes& permutation) {
    return OpSample{.inputs = {{F32(input)}},
                    .attributes = {{"permutation", permutation}}};
  };
  return {.op = &TransposeOp(),
          .samples = {sample({3, 3}, {}), sample({2, 3, 4}, {2, 0, 1}),
                      sample({2, 3, 4}, {0, -1, 1}), sample({}, {}),
                      sample({1, 5}, {}), sample({2, 3, 2, 2}, {1, 0, 3, 2}),
                      Large(sample({157, 131}, {}))},
          .errors = {{.inputs = {F32({2, 3})},
                      .attributes = {{"permutation", Axes{0, 2}}},
                      .message = "axis 2 is out of range for rank 2"},
                     {.inputs = {F32({2, 3})},
                      .attributes = {{"permutation", Axes{0, -2}}},
                      .message = "names axis 0 twice"}},
          .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                      .outputs = {1, 4, 2, 5, 3, 6},
                      .types = {F64({2, 3})}}},
          .dtypes = kAllTypes};
}

OpCase BroadcastToCase() {
  return {
      .op = &BroadcastToOp(),
      .samples = {Shaped({3, 3}, {2, 3, 3}), Shaped({}, {2, 3}),
                  Shaped({3, 1}, {2, 3, 4}), Shaped({4}, {4}),
                  Large(Shaped({131}, {157, 131}))},
      .errors = {{.inputs = {F32({3})},
                  .attributes = {{"shape", Shape({2, 4})}},
                  .message = "input f32[3] does not broadcast to [2,4]: 3 "
                             "against 4 in dimension 1"},
                 {.inputs = {F32({3})},
                  .attributes = {{"shape", Shape({Dimension::Unknown(), 3})}},
                  .message = "must have no unknown dimension"}},
      .points = {{.inputs = {{1, 2}},
                  .outputs = {1, 2, 1, 2, 1, 2},
                  .gradients = {{3, 3}},
                  .attributes = {{"shape", Shape({3, 2})}}}},
      .dtypes = kAllTypes};
}

// An input and a value of which only the type is read.
OpSample Like(const Shape& input, const Shape& like, const Axes& axes = {}) {
  OpSample sample = {.inputs = {{F32(input)}, {F32(like)}}};
  if (!axes.empty()) sample.attributes = {{"axes", axes}};
  return sample;
}

OpError LikeError(const Shape& input, const Shape& like, const Axes& axes,
                  const std::string& message) {
  OpError error = {.inputs = {F32(input), I32(like)}, .message = message};
  if (!axes.empty()) error.attributes = {{"axes", axes}};
  return error;
}

OpCase BroadcastLikeCase() {
  return {.op = &BroadcastLikeOp(),
          .samples = {Like({3, 3}, {2, 3, 3}), Like({}, {2, 3}),
                      Like({3, 1}, {2, 3, 4}), Like({3}, {3, 2}, {1}),
                      Like({2, 4}, {2, 3, 4}, {-2}), Like({}, {2, 3}, {0, 1}),
                      Like({4}, {4}), Large(Like({157}, {157, 131}, {1}))},
          .errors = {LikeError({"batch"}, {"batch", 3}, {},
                               "input f32[batch] does not broadcast to like "
                               "i32[batch,3]: batch against 3"),
                     LikeError({3}, {2, 3}, {0, 1},
                               "rank 1 and 2 added axes do not make rank 2"),
                     LikeError({}, {2, 3}, {0, -2}, "axis 0 is named twice")},
          .dtypes = kAllTypes};
}

OpCase SumToLikeCase() {
  return {.op = &SumToLikeOp(),
          .samples = {Like({3, 3}, {3}), Like({3, 3}, {3, 1}), Like({2, 3}, {}),
                      Like({2, 3, 4}, {3, 1}), Like({3, 2}, {3}, {1}),
                      Like({2, 3, 4}, {2, 4}, {-2}), Like({4}, {4}),
                      Large(Like({157, 131}, {131}))},
          .errors = {LikeError({"batch", 3}, {"batch"}, {},
                               "cannot sum input f32[batch,3] to the shape of "
                               "like i32[batch]"),
                     LikeError({3}, {2, 3}, {}, "rank 2 against rank 1"),
                     {.inputs = {Bool({2, 3}), Bool({3})},
                      .message = "must be a number"}},
          .dtypes = kNumberTypes,
          .terms = 8};
}

OpCase ReshapeLikeCase() {
  return {.op = &ReshapeLikeOp(),
          .samples = {Like({3, 3}, {9}), Like({2, 6}, {6, 2}), Like({1, 1}, {}),
                      Like({2, 3, 4}, {4, 3, 2})},
          .errors = {LikeError({6}, {5}, {},
                               "cannot reshape input f32[6] to the shape of "
                               "like i32[5]: the element counts differ")},
          .dtypes = kAllTypes};
}

OpCase SizeOfCase() {
  auto sample = [](const Shape& input, const Axes& axes, DType dtype) {
    return OpSample{.inputs = {{F32(input)}},
                    .attributes = {{"axes", axes}, {"dtype", dtype}}};
  };
  return {.op = &SizeOfOp(),
          .samples = {sample({2, 3}, {}, DType::kF32),
                      sample({2, 3}, {1}, DType::kF64),
                      sample({2, 3, 4}, {0, -1}, DType::kI64),
                      sample({}, {}, DType::kI32)},
          .errors = {{.inputs = {F32({2, 3})},
                      .attributes = {{"dtype", DType::kBool}},
                      .message = "a size cannot be a bool"},
                     {.inputs = {F32({2, 3})},
                      .attributes = {{"axes", Axes{2}}},
                      .message = "axis 2 is out of range for rank 2"}},
          .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                      .outputs = {3},
                      .gradients = {{0, 0, 0, 0, 0, 0}},
                      .attributes = {{"axes", Axes{-1}}},
                      .types = {F64({2, 3})}}},
          .dtypes = kAllTypes};
}

OpCase RunAfterCase() {
  return {.op = &RunAfterOp(),
          .samples = {{.inputs = {{F32({2, 3})}, {F32({4})}}},
                      {.inputs = {{F32({3})}, {F32({3})}}}},
          .dtypes = kAllTypes};
}

}  // namespace

std::vector<OpCase> ShapeCases() {
  return {ReshapeCase(),       TransposeCase(), BroadcastToCase(),
          BroadcastLikeCase(), SumToLikeCase(), ReshapeLikeCase(),
          SizeOfCase(),        RunAfterCase()};
}

}  // namespace evengrad
