#include "op_cases.h"

namespace my_ops {

using eg::F32;
using eg::F64;
using eg::I32;
using evengrad::testing::Avoiding;
using evengrad::testing::OpCase;

OpCase PenalizedTanhCase(const eg::OpDef& op) {
  return {.op = &op,
          .samples = {{.inputs = {{F32({3, 3}), Avoiding({0})}}},
                      {.inputs = {{F32({2, 5}), Avoiding({0})}},
                       .attributes = {{"slope", 0.1}}}},
          .errors = {{.inputs = {I32({4})}, .message = "must be floating"},
                     {.inputs = {F32({4})},
                      .attributes = {{"slope", 2.0}},
                      .message = "slope"}},
          // tanh(1) = 0.76159…; at the kink the derivative is that of the left.
          .points = {
              {.inputs = {{-1, 0, 1}},
               .outputs = {-0.190398538988941, 0, 0.761594155955765},
               .gradients = {{0.104993585403507, 0.25, 0.419974341614026}}}}};
}

OpCase HadamardCase(const eg::OpDef& op) {
  return {.op = &op,
          .samples = {{.inputs = {{F32({3, 4})}}},
                      {.inputs = {{F32({2, 3, 8})}}},
                      {.inputs = {{F32({512, 256})}}, .large = true}},
          .errors = {{.inputs = {I32({4})}, .message = "expected f32 or f64"},
                     {.inputs = {F32({})}, .message = "no axis"},
                     {.inputs = {F32({4, 6})},
                      .message = "power of two, found input f32[4,6]"}},
          .points = {{.inputs = {{1, 0, 0, 0}},
                      .outputs = {0.5, 0.5, 0.5, 0.5},
                      .gradients = {{2, 0, 0, 0}}},
                     {.inputs = {{1, 2, 3, 4}}, .outputs = {5, -1, -2, 0}}},
          .dtypes = {eg::DType::kF32, eg::DType::kF64},
          .terms = 8};
}

OpCase UnitRmsCase(const eg::OpDef& op) {
  return {.op = &op,
          .samples = {{.inputs = {{F32({3, 3})}}},
                      {.inputs = {{F32({2, 3, 5})}},
                       .attributes = {{"epsilon", 0.1}}}},
          .errors = {{.inputs = {I32({4})}, .message = "must be floating"},
                     {.inputs = {F32({})}, .message = "a scalar has no rows"}},
          // The row 3, 4 has mean square 12.5.
          .points = {{.inputs = {{3, 4}},
                      .outputs = {0.848528137423857, 1.131370849898476},
                      .gradients = {{0.045254833995939, -0.033941125496954}},
                      .attributes = {{"epsilon", 0.0}}}},
          .terms = 8};
}

}  // namespace my_ops
