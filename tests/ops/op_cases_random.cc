#include <string>
#include <utility>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::GradientKind;
using testing::OpSample;

// In each element type, with the default parameters and with `parameters`.
OpCase Random(const OpDef& op, const Attributes& parameters) {
  OpCase row = {
      .op = &op,
      .errors = {{.attributes = {{"dtype", DType::kI32}, {"shape", Shape({2})}},
                  .message = "random numbers are f32, f64 or bf16, "
                             "not i32"},
                 {.attributes = {{"dtype", DType::kF32},
                                 {"shape", Shape({Dimension::Unknown()})}},
                  .message = "must have no unknown dimension"}},
      .gradient = GradientKind::kNone};
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
    for (const Shape& shape :
         {Shape({3, 3}), Shape(), Shape({0}), Shape({7}), Shape({64, 100})}) {
      row.samples.push_back(
          {.attributes = {{"dtype", dtype}, {"shape", shape}}});
      row.samples.push_back(row.samples.back());
      row.samples.back().attributes.insert(parameters.begin(),
                                           parameters.end());
    }
  }
  return row;
}

OpCase Normal(const OpDef& op) {
  OpCase row = Random(op, {{"mean", 3.0}, {"deviation", 0.5}});
  const Attributes type = {{"dtype", DType::kF32}, {"shape", Shape({2})}};
  Attributes negative = type;
  negative["deviation"] = -1.0;
  row.errors.push_back({.attributes = negative,
                        .message = "attribute deviation = -1 is out of range"});
  return row;
}

OpCase UniformCase() {
  OpCase row = Random(RandomUniformOp(), {{"low", -2.0}, {"high", 5.0}});
  row.errors.push_back({.attributes = {{"dtype", DType::kF32},
                                       {"shape", Shape({2})},
                                       {"low", 1.0},
                                       {"high", 1.0}},
                        .message = "low must be below high"});
  return row;
}

OpCase AutoInitializerCase() {
  return {.op = &AutoInitializerOp(),
          .samples = {{.attributes = {{"dtype", DType::kF32},
                                      {"shape", Shape({3, 4})}}}},
          .errors = {{.attributes = {{"dtype", DType::kI32},
                                     {"shape", Shape({3, 4})}},
                      .message = "weights are f32, f64 or bf16, not i32"},
                     {.attributes = {{"dtype", DType::kF32},
                                     {"shape", Shape({6, 4, 3})},
                                     {"groups", int64_t{4}}},
                      .message = "groups = 4 of a kernel of shape [6,4,3], "
                                 "expected a divisor of its 6 outputs"}},
          .gradient = GradientKind::kNone,
          .needs_sizes = true};
}

// Its mask has bool, too.
OpCase BernoulliCase() {
  OpCase row = Random(RandomBernoulliOp(), {{"probability", 0.25}});
  row.errors[0].message =
      "random successes are bool, f32, f64 or bf16, not i32";
  const Attributes type = {{"dtype", DType::kBool}, {"shape", Shape({2, 300})}};
  for (double probability : {0.0, 0.25, 0.999, 1.0}) {
    row.samples.push_back({.attributes = type});
    row.samples.back().attributes["probability"] = probability;
  }
  row.samples.push_back(
      {.attributes = {{"dtype", DType::kBool}, {"shape", Shape({501, 101})}}});
  Attributes above = type;
  above["probability"] = 1.5;
  row.errors.push_back(
      {.attributes = above,
       .message = "attribute probability = 1.5 is out of range"});
  row.errors.push_back(
      {.attributes = {{"dtype", DType::kBool},
                      {"shape", Shape({1 << 20, 1 << 20})}},
       .message = "bool[1048576,1048576] has 1099511627776 elements, a random "
                  "stream has 17179869184"});
  return row;
}

OpCase MaskCase() {
  OpCase row = {.op = &RandomMaskOp(), .gradient = GradientKind::kNone};
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
    for (const auto& [shape, zeros] :
         {std::pair{Shape({7, 3}), 0}, std::pair{Shape({7, 3}), 4},
          std::pair{Shape({7, 3}), 7}, std::pair{Shape({0, 3}), 0},
          std::pair{Shape({5, 0}), 2}, std::pair{Shape({64, 90}), 60}}) {
      row.samples.push_back(
          {.attributes = {
               {"dtype", dtype}, {"shape", shape}, {"zeros", int64_t{zeros}}}});
    }
  }
  auto error = [&](DType dtype, const Shape& shape, int64_t zeros,
                   std::string_view message) {
    row.errors.push_back(
        {.attributes = {{"dtype", dtype}, {"shape", shape}, {"zeros", zeros}},
         .message = std::string(message)});
  };
  error(DType::kI32, {2, 2}, 0, "random numbers are f32, f64 or bf16, not i32");
  error(DType::kF32, {2}, 0, "a mask is a matrix, f32[2] has rank 1");
  error(DType::kF32, {2, 3}, 3,
        "zeros = 3 in each column of f32[2,3], which has 2 rows");
  error(DType::kF32, {2, 3}, -1, "attribute zeros = -1 is out of range");
  error(DType::kF32, {1 << 20, 1 << 20}, 0,
        "has 1099511627776 elements, a random stream has 17179869184");
  return row;
}

}  // namespace

std::vector<OpCase> RandomCases() {
  return {UniformCase(),
          Normal(RandomNormalOp()),
          Normal(RandomTruncatedNormalOp()),
          BernoulliCase(),
          MaskCase(),
          AutoInitializerCase()};
}

}  // namespace evengrad
