// A user's own test of a user's own op, with the user's own GoogleTest.
#include <gtest/gtest.h>

#include "evengrad/custom_op.h"
#include "evengrad/testing/check_op.h"

namespace eg = evengrad;

namespace {

const eg::OpDef& CubeOp() {
  static const eg::OpDef* const op = new eg::OpDef{
      .name = "cube",
      .summary = "x^3",
      .inputs = {"input"},
      .infer_type = eg::InferFloating,
      .gradient =
          [](const eg::Node& node, std::span<const eg::Value> gradients) {
            return std::vector<eg::Value>{3 * Square(node.input(0)) *
                                          gradients[0]};
          },
      .elementwise =
          [](const eg::ElementwiseContext& context) {
            const eg::Expression x = context.input(0);
            return x * x * x;
          },
      .reference = eg::ReferenceElementwise(
          [](std::span<const double> x, const eg::ReferenceCall&) {
            return x[0] * x[0] * x[0];
          })};
  return *op;
}

TEST(CubeTest, KeepsItsPromises) {
  const absl::Status status =
      eg::testing::CheckOp({.op = &CubeOp(),
                            .samples = {{.inputs = {{eg::F32({3, 3})}}}},
                            .points = {{.inputs = {{-2, 3}},
                                        .outputs = {-8, 27},
                                        .gradients = {{12, 27}}}}});
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
