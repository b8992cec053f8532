// Ops that carry a function of the user's.
#include <memory>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/custom_gradient.h"
#include "evengrad/ops/host_call.h"
#include "evengrad/ops/ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::GradientKind;

// Its derivative is what the user says, here none: tests/autodiff/
// custom_gradient_test.cc has others.
OpCase CustomGradientCase() {
  const HostObject gradient(std::make_shared<const CustomGradientFunction>(
      [](const CustomGradientCall& call) {
        return std::vector<Value>(call.inputs.size());
      }));
  const Attributes one = {{"gradient", gradient}};
  const Attributes two = {{"gradient", gradient}, {"outputs", int64_t{2}}};
  return {
      .op = &CustomGradientOp(),
      .samples = {{.inputs = {{F32({3, 3})}}, .attributes = one},
                  {.inputs = {{F32({2, 4})}, {F32({3})}}, .attributes = one},
                  {.inputs = {{F32({2})}, {F32({})}, {F32({4, 1})}},
                   .attributes = one},
                  {.inputs = {{F32({157, 131})}, {F32({5})}},
                   .attributes = one,
                   .large = true}},
      .errors = {{.inputs = {F32({2})},
                  .message = "attribute gradient is missing"},
                 {.inputs = {F32({2})},
                  .attributes = {{"gradient", HostObject()}},
                  .message = "attribute gradient holds no gradient function"},
                 {.inputs = {F32({2})},
                  .attributes = {{"gradient",
                                  HostObject(std::make_shared<const int>(3))}},
                  .message = "attribute gradient holds no gradient function"},
                 {.inputs = {F32({2})},
                  .attributes = two,
                  .message = "outputs = 2, expected at most the 1 input(s)"},
                 {.inputs = {F32({2})},
                  .attributes = {{"gradient", gradient},
                                 {"outputs", int64_t{0}}},
                  .message = "attribute outputs = 0 is out of range"}},
      .gradient = GradientKind::kStopped,
      .dtypes = kAllTypes};
}

OpCase HostCallCase() {
  const Attributes function = {
      {"function",
       HostObject(std::make_shared<const HostFunction>(
           [](std::span<const Tensor>) { return absl::OkStatus(); }))}};
  return {
      .op = &HostCallOp(),
      .samples = {{.inputs = {{F32({3, 3})}}, .attributes = function},
                  {.inputs = {{F32({})}, {F32({2, 4})}},
                   .attributes = function},
                  {.inputs = {{F32({157, 131})}},
                   .attributes = function,
                   .large = true}},
      .errors = {{.inputs = {F32({2})},
                  .message = "attribute function is missing"},
                 {.inputs = {F32({2})},
                  .attributes = {{"function", HostObject()}},
                  .message = "attribute function holds no function"},
                 {.inputs = {},
                  .attributes = function,
                  .message = "there is no value to call the function with"}},
      .points = {{.inputs = {{1, 2, 3}, {4, 5}},
                  .outputs = {1, 2, 3},
                  .gradients = {{1, 1, 1}, {0, 0}},
                  .attributes = function}},
      .dtypes = kAllTypes};
}

}  // namespace

std::vector<OpCase> FunctionCases() {
  return {CustomGradientCase(), HostCallCase()};
}

}  // namespace evengrad
