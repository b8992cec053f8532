// The checks themselves, as a user meets them: an op from outside the library
// passes, and each way to break it is reported by the check that is for it.
#include "evengrad/testing/check_op.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using testing::OpCase;

using Types = std::vector<TensorType>;

absl::StatusOr<Types> InferCube(const InferContext& context) {
  if (!IsFloating(context.input(0).dtype)) {
    return InvalidArgument("cubes are floating, found ", context.Describe(0));
  }
  return Types{context.input(0)};
}

std::vector<Value> CubeGradient(const Node& node,
                                std::span<const Value> output_gradients) {
  return {3 * Square(node.input(0)) * output_gradients[0]};
}

Expression CubeExpression(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return x * x * x;
}

// What a user writes for an op of their own.
OpDef Cube() {
  return {.name = "cube",
          .summary = "x^3",
          .inputs = {"input"},
          .infer_type = InferCube,
          .gradient = CubeGradient,
          .elementwise = CubeExpression,
          .reference = ReferenceElementwise(
              [](std::span<const double> x, const ReferenceCall&) {
                return x[0] * x[0] * x[0];
              })};
}

OpCase CubeCase(const OpDef& op) {
  return {.op = &op,
          .samples = {{.inputs = {{F32({3, 3})}}}, {.inputs = {{F32({4})}}}},
          .errors = {{.inputs = {I32({4})},
                      .message = "cubes are floating, found input i32[4]"}},
          .points = {{.inputs = {{-2, 0, 3}},
                      .outputs = {-8, 0, 27},
                      .gradients = {{12, 0, 27}}}}};
}

// The names of the checks that `op` does not pass.
std::vector<std::string> FailedChecks(const OpDef& op) {
  const OpCase row = CubeCase(op);
  std::vector<std::string> failed;
  for (const testing::OpCheck& check : testing::OpChecks()) {
    if (!check.run(row).ok()) failed.emplace_back(check.name);
  }
  return failed;
}

using Names = std::vector<std::string>;

TEST(CheckOpTest, AUsersOpPasses) {
  const OpDef op = Cube();
  const absl::Status status = testing::CheckOp(CubeCase(op));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(CheckOpTest, AnErrorSaysWhatFailedAndWhere) {
  OpDef op = Cube();
  op.gradient = [](const Node& node, std::span<const Value> gradients) {
    return std::vector<Value>{2 * Square(node.input(0)) * gradients[0]};
  };
  const absl::Status status = testing::CheckGradients(CubeCase(op));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(Message(status).substr(0, 37),
            "cube f32[3,3]: gradient of input 0 at");
  EXPECT_NE(Message(status).find("difference quotient"),
            std::string_view::npos);
  EXPECT_EQ(Message(testing::CheckOp(CubeCase(op))).substr(0, 22),
            "cube: points: point 0,");
}

TEST(CheckOpTest, AMissingPieceIsReported) {
  OpDef op = Cube();
  op.reference = {};
  EXPECT_EQ(FailedChecks(op).at(0), "definition");
  op = Cube();
  op.gradient = {};
  EXPECT_EQ(FailedChecks(op).at(0), "definition");
  op = Cube();
  op.summary = "two\nlines";
  EXPECT_EQ(FailedChecks(op), Names{"definition"});
}

TEST(CheckOpTest, TheNameOfABuiltinOpIsReported) {
  OpDef op = Cube();
  op.name = "square";
  EXPECT_EQ(FailedChecks(op).at(0), "definition");
  EXPECT_NE(Message(testing::CheckDefinition(CubeCase(op)))
                .find("a built-in op has this name (x * x"),
            std::string_view::npos)
      << testing::CheckDefinition(CubeCase(op));
}

TEST(CheckOpTest, ATypeRuleThatWantsNumbersIsReported) {
  OpDef op = Cube();
  op.infer_type = [](const InferContext& context) -> absl::StatusOr<Types> {
    EVENGRAD_RETURN_IF_ERROR(context.input(0).shape.Sizes().status());
    return InferCube(context);
  };
  EXPECT_EQ(FailedChecks(op).at(0), "type rule");
}

TEST(CheckOpTest, ATypeRuleThatTakesTooMuchIsReported) {
  OpDef op = Cube();
  op.infer_type = SameAsInput;
  EXPECT_EQ(FailedChecks(op), (Names{"type rule", "errors"}));
}

TEST(CheckOpTest, AWrongKernelIsReported) {
  OpDef op = Cube();
  op.elementwise = [](const ElementwiseContext& context) {
    return 1.001 * CubeExpression(context);
  };
  EXPECT_EQ(FailedChecks(op),
            (Names{"kernels", "points", "non-finite inputs"}));
}

TEST(CheckOpTest, AMistakeInKernelAndReferenceAlikeIsReported) {
  OpDef op = Cube();
  op.elementwise = [](const ElementwiseContext& context) {
    return CubeExpression(context) + 1.0;
  };
  op.reference =
      ReferenceElementwise([](std::span<const double> x, const ReferenceCall&) {
        return x[0] * x[0] * x[0] + 1;
      });
  EXPECT_EQ(FailedChecks(op), Names{"points"});
}

TEST(CheckOpTest, AnOpThatRefusesEmptyInputsIsReported) {
  OpDef op = Cube();
  op.infer_type = [](const InferContext& context) -> absl::StatusOr<Types> {
    for (const Dimension& size : context.input(0).shape) {
      if (size == Dimension(0)) return InvalidArgument("cubes of nothing");
    }
    return InferCube(context);
  };
  EXPECT_EQ(FailedChecks(op), Names{"empty inputs"});
}

TEST(CheckOpTest, AHiddenInfinityIsReported) {
  OpDef op = Cube();
  op.elementwise = [](const ElementwiseContext& context) {
    const Expression x = context.input(0);
    return Select(x == std::numeric_limits<double>::infinity(), 0.0,
                  CubeExpression(context));
  };
  EXPECT_EQ(FailedChecks(op), Names{"non-finite inputs"});
}

TEST(CheckOpTest, AKernelThatRemembersIsReported) {
  OpDef op = Cube();
  op.elementwise = {};
  op.make_kernel = [](const KernelRequest& request)
      -> absl::StatusOr<std::unique_ptr<Kernel>> {
    const DType dtype = request.inputs[0].dtype;
    const int input = request.input_buffers[0];
    const int output = request.output_buffers[0];
    const int64_t n = request.inputs[0].shape.NumElements().value();
    auto runs = std::make_shared<std::atomic<int>>(0);
    return MakeSimpleKernel([=](const KernelContext& context) {
      const double error = 1e-7 * (*runs)++;
      for (int64_t i = 0; i < n; ++i) {
        const double x = LoadAsDouble(dtype, context.input<void>(input), i);
        StoreFromDouble(dtype, context.output<void>(output), i,
                        x * x * x * (1 + error));
      }
    });
  };
  EXPECT_EQ(FailedChecks(op), Names{"determinism"});
}

TEST(CheckOpTest, AGradientThatHasNoneIsReported) {
  OpDef op = Cube();
  op.gradient = [](const Node& node, std::span<const Value> gradients) {
    const Value stopped = StopGradient(node.input(0));
    return std::vector<Value>{3 * Square(stopped) * gradients[0]};
  };
  EXPECT_EQ(FailedChecks(op), Names{"second gradients"});
}

}  // namespace
}  // namespace evengrad
