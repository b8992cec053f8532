// gather and its transpose, and tensors made of nothing but a shape.
#include <cmath>
#include <limits>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Domain;
using testing::GradientKind;
using testing::Indices;
using testing::OpError;
using testing::OpSample;

// Integers of both signs, most of them out of range.
const Domain kAnywhere = {};

Attributes Along(int64_t axis, const std::string& out_of_range = "nan") {
  return {{"axis", axis}, {"out_of_range", out_of_range}};
}

OpCase GatherCase() {
  auto sample = [](const Shape& input, TensorType indices, Domain domain,
                   const Attributes& attributes) {
    return OpSample{
        .inputs = {{F32(input)}, {std::move(indices), std::move(domain)}},
        .attributes = attributes};
  };
  OpSample large = sample({157, 131}, I64({3, 50}), Indices(157), Along(0));
  large.large = true;
  return {
      .op = &GatherOp(),
      .samples = {sample({3, 3}, I32({4}), Indices(3), Along(0)),
                  sample({2, 4, 3}, I64({2, 2}), Indices(4), Along(1)),
                  sample({3, 5}, U8({}), Indices(5), Along(-1)),
                  sample({4, 3}, I32({9}), kAnywhere, Along(0, "zero")),
                  sample({2, 3}, I64({3, 0}), Indices(3), Along(1)), large},
      .errors =
          {{.inputs = {F32({4}), F32({2})},
            .message = "indices must be integers (i32, i64 or u8), found "
                       "f32[2]"},
           {.inputs = {F32({4}), Bool({4})},
            .message = "indices must be integers"},
           {.inputs = {F32({2, 3}), I32({2})},
            .attributes = {{"axis", int64_t{2}}},
            .message = "input f32[2,3]: axis 2 is out of range for rank 2"},
           {.inputs = {F32({}), I32({2})},
            .message = "axis 0 is out of range for rank 0"},
           {.inputs = {F32({1, 1, 1, 1, 1}), I32({1, 1, 1, 1, 1})},
            .message = "has 9 dimensions; at most 8 are supported"},
           {.inputs = {F32({4, kHuge}), I32({kHuge})},
            .message = "overflows 64 bits"},
           {.inputs = {F32({4}), I32({2})},
            .attributes = {{"out_of_range", std::string("clamp")}},
            .message = "attribute out_of_range = 'clamp' is not one of nan, "
                       "zero"},
           {.inputs = {F32({4})}, .message = "takes 2 input(s), 1 given"}},
      .points = {{.inputs = {{1, 2, 3, 4, 5, 6}, {-1, 0, 2, -3, 0}},
                  .outputs = {5, 6, 1, 2, 5, 6, 1, 2, 1, 2},
                  .gradients = {{3, 3, 0, 0, 2, 2}, {}},
                  .types = {F64({3, 2}), I64({5})}},
                 {.inputs = {{1, 2}, {2, -3, 1}},
                  .outputs = {NAN, NAN, 2},
                  .gradients = {{0, 1}, {}},
                  .types = {F64({2}), I32({3})}},
                 {.inputs = {{1, 2}, {2, -3, 1}},
                  .outputs = {0, 0, 2},
                  .attributes = Along(0, "zero"),
                  .types = {F64({2}), I32({3})}},
                 {.inputs = {{1, 2}, {2, 1}},
                  .outputs = {std::numeric_limits<int32_t>::lowest(), 2},
                  .types = {I32({2}), I32({2})}}},
      .dtypes = kAllTypes};
}

OpCase ScatterAddCase() {
  auto sample = [](const Shape& updates, TensorType indices, Domain domain,
                   const Shape& like, int64_t axis) {
    return OpSample{.inputs = {{F32(updates)},
                               {std::move(indices), std::move(domain)},
                               {F32(like)}},
                    .attributes = {{"axis", axis}}};
  };
  OpSample large =
      sample({30, 100, 20}, I32({100}), Indices(7), {30, 7, 20}, 1);
  large.large = true;
  return {
      .op = &ScatterAddOp(),
      .samples = {sample({3, 3}, I32({3}), Indices(3), {4, 3}, 0),
                  sample({2, 2, 2, 3}, I64({2, 2}), Indices(5), {2, 5, 3}, 1),
                  sample({3}, U8({}), Indices(4), {3, 4}, -1),
                  sample({9, 2}, I32({9}), kAnywhere, {4, 2}, 0),
                  sample({2, 0}, I64({0}), Indices(3), {2, 3}, 1), large},
      .errors =
          {{.inputs = {F32({4}), F32({4}), F32({3})},
            .message = "indices must be integers"},
           {.inputs = {Bool({4}), I32({4}), Bool({3})},
            .message = "updates must be a number (f32, f64, bf16, i32, i64 or "
                       "u8), found bool[4]"},
           {.inputs = {F32({4}), I32({3}), F32({5})},
            .message = "updates f32[4] cannot be added at indices i32[3] along "
                       "axis 0 of like f32[5]: expected [3]"},
           {.inputs = {F32({3, 2}), I32({3}), F32({5, 4})},
            .message = "expected [3,4]"},
           {.inputs = {F32({3}), I32({3}), F32({5, 4})},
            .attributes = {{"axis", int64_t{-3}}},
            .message = "like f32[5,4]: axis -3 is out of range for rank 2"},
           {.inputs = {F32({3}), I32({3})},
            .message = "takes 3 input(s), 2 given"}},
      .points = {{.inputs = {{1, 2, 3, 4, 5}, {-1, 0, 3, -1, -4}, {0, 0, 0}},
                  .outputs = {2, 0, 5},
                  .gradients = {{1, 1, 0, 1, 0}, {}, {0, 0, 0}},
                  .types = {F64({5}), I32({5}), F64({3})}}},
      .dtypes = kNumberTypes,
      .terms = 16};
}

OpCase IotaCase() {
  auto attributes = [](DType dtype, const Shape& shape, int64_t axis) {
    return Attributes{{"dtype", dtype}, {"shape", shape}, {"axis", axis}};
  };
  OpCase row = {
      .op = &IotaOp(),
      .errors = {{.attributes = attributes(DType::kBool, {3}, 0),
                  .message =
                      "the numbers of iota are f32, f64, bf16, i32, i64 or "
                      "u8, not bool"},
                 {.attributes = attributes(DType::kF32, {3}, 1),
                  .message = "axis 1 is out of range for rank 1"},
                 {.attributes = attributes(DType::kF32, {}, 0),
                  .message = "axis 0 is out of range for rank 0"},
                 {.attributes =
                      attributes(DType::kF32, {Dimension::Unknown()}, 0),
                  .message = "must have no unknown dimension"},
                 {.attributes = attributes(DType::kU8, {300}, 0),
                  .message = "u8 counts to 255, not to 299"},
                 {.attributes = attributes(DType::kI32, {kHuge}, 0),
                  .message = "i32 counts to 2147483647, not to 1099511627775"},
                 {.attributes = attributes(DType::kF32, {kHuge, kHuge}, 0),
                  .message = "overflows 64 bits"},
                 {.attributes = attributes(DType::kF32, {-1}, 0),
                  .message = "negative size in shape [-1]"},
                 {.attributes = {{"dtype", DType::kF32}},
                  .message = "attribute shape is missing"}},
      .points = {{.outputs = {0, 0, 1, 1, 2, 2},
                  .attributes = attributes(DType::kI32, {3, 2}, 0)}},
      .gradient = GradientKind::kNone};
  for (DType dtype : kNumberTypes) {
    row.samples.push_back({.attributes = attributes(dtype, {2, 3, 4}, 1)});
  }
  row.samples.push_back(
      {.attributes = attributes(DType::kF32, {157, 131}, -1)});
  row.samples.push_back({.attributes = attributes(DType::kF32, {0, 3}, 0)});
  return row;
}

OpCase EyeCase() {
  auto attributes = [](DType dtype, const Shape& shape, int64_t diagonal = 0) {
    return Attributes{
        {"dtype", dtype}, {"shape", shape}, {"diagonal", diagonal}};
  };
  OpCase row = {
      .op = &EyeOp(),
      .errors = {{.attributes = attributes(DType::kF32, {3}),
                  .message = "the shape of eye is that of a matrix, two known "
                             "or named dimensions, found [3]"},
                 {.attributes = attributes(DType::kF32, {2, 2, 2}),
                  .message = "that of a matrix"},
                 {.attributes =
                      attributes(DType::kF32, {Dimension::Unknown(), 3}),
                  .message = "found [?,3]"},
                 {.attributes = attributes(DType::kOpaque, {3, 3}),
                  .message = "attribute dtype cannot be opaque"},
                 {.attributes = attributes(DType::kF32, {kHuge, kHuge}),
                  .message = "overflows 64 bits"},
                 {.attributes = {{"shape", Shape({3, 3})}},
                  .message = "attribute dtype is missing"}},
      .points = {{.outputs = {0, 1, 0, 0, 0, 1},
                  .attributes = attributes(DType::kF64, {2, 3}, 1)}},
      .gradient = GradientKind::kNone};
  for (DType dtype : kAllTypes) {
    row.samples.push_back({.attributes = attributes(dtype, {3, 3})});
  }
  for (int64_t diagonal : {int64_t{2}, int64_t{-3}, int64_t{9}, -kHuge,
                           std::numeric_limits<int64_t>::lowest()}) {
    row.samples.push_back(
        {.attributes = attributes(DType::kF32, {4, 6}, diagonal)});
  }
  row.samples.push_back({.attributes = attributes(DType::kF32, {0, 3})});
  return row;
}

}  // namespace

std::vector<OpCase> GatherCases() {
  return {GatherCase(), ScatterAddCase(), IotaCase(), EyeCase()};
}

}  // namespace evengrad
