#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::GradientKind;
using testing::OpSample;

OpSample Product(int64_t m, int64_t k, int64_t n, bool transpose_input,
                 bool transpose_weights) {
  const Shape input = transpose_input ? Shape({k, m}) : Shape({m, k});
  const Shape weights = transpose_weights ? Shape({n, k}) : Shape({k, n});
  return {.inputs = {{F32(input)}, {F32(weights)}},
          .attributes = {{"transpose_input", transpose_input},
                         {"transpose_weights", transpose_weights}}};
}

OpSample Products(const Shape& input, const Shape& weights,
                  bool transpose_input = false, bool transpose_weights = false,
                  bool large = false) {
  return {.inputs = {{F32(input)}, {F32(weights)}},
          .attributes = {{"transpose_input", transpose_input},
                         {"transpose_weights", transpose_weights}},
          .large = large};
}

OpCase BatchMatMulCase() {
  return {
      .op = &BatchMatMulOp(),
      .samples = {Products({2, 3, 4}, {2, 4, 3}),
                  Products({2, 4, 3}, {2, 4, 2}, true, false),
                  Products({2, 3, 4}, {2, 2, 4}, false, true),
                  Products({2, 4, 3}, {2, 2, 4}, true, true),
                  // Broadcast.
                  Products({2, 3, 4}, {4, 2}), Products({3, 2}, {4, 2, 3}),
                  Products({2, 1, 3, 2}, {5, 2, 4}),
                  Products({2, 1, 3, 2}, {5, 4, 2}, false, true),
                  Products({1, 2, 3}, {5, 2, 4}, true, false),
                  // Matrices alone, and vectors.
                  Products({3, 3}, {3, 3}), Products({3, 1, 4}, {3, 4, 1}),
                  Products({7, 40, 70}, {7, 70, 33}, false, false, true),
                  Products({3, 64, 70}, {64, 33}, true, false, true)},
      .errors = {{.inputs = {F32({2, 3, 4}), F32({2, 5, 3})},
                  .message = "inner dimensions differ: input f32[2,3,4] has 4 "
                             "columns, weights f32[2,5,3] have 5 rows"},
                 {.inputs = {F32({2, 3, 4}), F32({2, 4, 5})},
                  .attributes = {{"transpose_input", true},
                                 {"transpose_weights", true}},
                  .message = "inner dimensions differ: input f32[2,3,4] has 3 "
                             "rows, weights f32[2,4,5] have 5 columns"},
                 {.inputs = {F32({2, 3, 4}), F32({5, 4, 3})},
                  .message = "the products of input f32[2,3,4] and weights "
                             "f32[5,4,3] do not match: "},
                 {.inputs = {F32({2, 3, 4}), F32({4})},
                  .message = "weights must be matrices (two dimensions or "
                             "more), found f32[4]; reshape"},
                 {.inputs = {F32({2, 3, 4}), F64({2, 4, 3})},
                  .message = "element types differ: input f32[2,3,4], weights "
                             "f64[2,4,3]; cast one of them"},
                 {.inputs = {I32({2, 2, 3}), I32({2, 3, 4})},
                  .message = "input must be floating"},
                 {.inputs = {F32({1 << 22, 1 << 20, 1}),
                             F32({1 << 22, 1, 1 << 22})},
                  .message = "overflows 64 bits"}},
      .points = {{.inputs = {{1, 2, 3, 4}, {5, 6}},
                  .outputs = {17, 39},
                  .gradients = {{5, 6, 5, 6}, {4, 6}},
                  .types = {F64({2, 1, 2}), F64({2, 1})}}},
      .terms = 8};
}

OpCase OrthogonalizeCase() {
  return {.op = &OrthogonalizeOp(),
          .samples = {{.inputs = {{F32({3, 3})}}},
                      {.inputs = {{F32({5, 2})}}},
                      {.inputs = {{F32({2, 7})}}},
                      {.inputs = {{F32({1, 1})}}},
                      {.inputs = {{F32({70, 64})}}, .large = true},
                      {.inputs = {{F32({33, 90})}}, .large = true}},
          .errors = {{.inputs = {F32({4})},
                      .message = "input must be a matrix, f32[4] has rank 1"},
                     {.inputs = {F32({4, 3, 2})},
                      .message = "f32[4,3,2] has rank 3"},
                     {.inputs = {I32({4, 3})},
                      .message = "input must be floating (f32, f64 or bf16), "
                                 "found i32[4,3]"},
                     {.inputs = {F32({4, 3}), F32({4, 3})},
                      .message = "takes 1 input(s), 2 given"}},
          .points = {{.inputs = {{3, 1, 4, 2}},
                      .outputs = {0.6, -0.8, 0.8, 0.6},
                      .types = {F64({2, 2})}},
                     {.inputs = {{-3, 4}},
                      .outputs = {-0.6, 0.8},
                      .types = {F64({2, 1})}},
                     {.inputs = {{-3, 4}},
                      .outputs = {-0.6, 0.8},
                      .types = {F64({1, 2})}}},
          .gradient = GradientKind::kNone};
}

}  // namespace

std::vector<OpCase> LinearCases() {
  std::vector<OpSample> samples;
  for (bool transpose_input : {false, true}) {
    for (bool transpose_weights : {false, true}) {
      samples.push_back(Product(3, 3, 3, transpose_input, transpose_weights));
      samples.push_back(Product(2, 3, 4, transpose_input, transpose_weights));
      samples.push_back(
          Product(64, 70, 100, transpose_input, transpose_weights));
      samples.back().large = true;
    }
  }
  samples.push_back(Product(5, 1, 1, false, false));
  samples.push_back(Product(2, 3, 4, true, false));
  samples.back().attributes["output_f32"] = true;
  samples.push_back(Product(20, 40, 70, false, true));
  samples.back().attributes["output_f32"] = true;
  samples.back().large = true;
  return {
      {.op = &MatMulOp(),
       .samples = samples,
       .errors = {{.inputs = {F32({"batch", 784}), F32({300, 100})},
                   .message =
                       "inner dimensions differ: input f32[batch,784] has 784 "
                       "columns, weights f32[300,100] have 300 rows"},
                  {.inputs = {F32({4, 3}), F32({5, 3})},
                   .attributes = {{"transpose_input", true},
                                  {"transpose_weights", true}},
                   .message =
                       "inner dimensions differ: input f32[4,3] has 4 rows, "
                       "weights f32[5,3] have 3 columns"},
                  {.inputs = {F32({3}), F32({3, 4})},
                   .message = "input must be a matrix (two dimensions), found "
                              "f32[3]"},
                  {.inputs = {F32({2, 3}), F64({3, 4})},
                   .message = "element types differ: input f32[2,3], weights "
                              "f64[3,4]; cast one of them"},
                  {.inputs = {I32({2, 3}), I32({3, 4})},
                   .message = "input must be floating"}},
       .points = {{.inputs = {{1, 2, 3, 4}, {5, 6, 7, 8}},
                   .outputs = {19, 22, 43, 50},
                   .gradients = {{11, 15, 11, 15}, {4, 4, 6, 6}},
                   .types = {F64({2, 2}), F64({2, 2})}}},
       .terms = 8},
      BatchMatMulCase(),
      OrthogonalizeCase()};
}

}  // namespace evengrad
