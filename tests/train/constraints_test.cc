// Constraints on parameters, held against their formulas by hand.
#include "evengrad/train/constraints.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

// A parameter whose gradient is fed, so that a step of rate 1 subtracts what is
// fed before the constraint acts.
struct Constrained {
  Constrained(const Tensor& initial, Constraint constraint,
              MinimizeOptions options = {},
              const Optimizer& optimizer = Sgd{.learning_rate = 1}) {
    w = Parameter(graph, "layer/w", Constant(graph, initial));
    gradient = Placeholder(graph, "gradient", initial.type());
    options.groups = {
        {.pattern = "layer/*", .constraint = std::move(constraint)}};
    program = Minimize(ReduceSum(w * gradient), optimizer, options);
    session = Session::Create(graph, {.num_threads = 1});
  }
  Numbers Step(const Tensor& fed) {
    if (!program.ok() || !session.ok()) {
      ADD_FAILURE() << program.status() << session.status();
      return {};
    }
    const absl::Status status =
        session->Run(*program, {{gradient, fed}}).status();
    EXPECT_TRUE(status.ok()) << status;
    return session->Read("layer/w")->ToDoubles();
  }

  Graph graph;
  Value w, gradient;
  absl::StatusOr<Program> program;
  absl::StatusOr<Session> session;
};

Tensor Of(std::initializer_list<int64_t> sizes, std::vector<float> values) {
  return *Tensor::Of<float>(sizes, values);
}

void ExpectNear(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
  }
}

TEST(MaxNormTest, ScalesTheColumnsOfAMatrix) {
  Constrained layer(Of({2, 3}, {0, 0, 0.25f, 0, 0, 0.5f}), MaxNorm(2));
  // After the update: columns (3, 4), (-1, 0), (0.25, 0.5).
  ExpectNear(layer.Step(Of({2, 3}, {-3, 1, 0, -4, 0, 0})),
             {1.2, -1, 0.25, 1.6, 0, 0.5});
}

TEST(MaxNormTest, LeavesTheBitsOfWeightsWithin) {
  const std::vector<float> values = {0.1f, -0.7f, 0.3f, 0.9f};
  Constrained layer(Of({2, 2}, values), MaxNorm(1.3));
  const Numbers kept = layer.Step(Of({2, 2}, {0, 0, 0, 0}));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(static_cast<float>(kept[i]), values[i]);
  }
}

TEST(MaxNormTest, UnitsOfOtherRanks) {
  // The first axis of a kernel.
  Constrained kernel(Of({2, 1, 2}, {0, 0, 0, 0}), MaxNorm(1));
  ExpectNear(kernel.Step(Of({2, 1, 2}, {-6, -8, 0, -0.5f})),
             {0.6, 0.8, 0, 0.5});
  // The whole of a vector, and of a scalar.
  Constrained bias(Of({2}, {0, 0}), MaxNorm(1));
  ExpectNear(bias.Step(Of({2}, {-3, -4})), {0.6, 0.8});
  Constrained scalar(Of({}, {0}), MaxNorm(1));
  ExpectNear(scalar.Step(Of({}, {7})), {-1});
}

TEST(UnitNormTest, BringsColumnsToOneAndLeavesZeros) {
  Constrained layer(Of({2, 2}, {0, 0, 0, 0}), UnitNorm());
  ExpectNear(layer.Step(Of({2, 2}, {-3, 0, -4, 0})), {0.6, 0, 0.8, 0});
}

TEST(NonNegativeTest, Clamps) {
  Constrained layer(Of({3}, {1, 1, 1}), NonNegative());
  ExpectNear(layer.Step(Of({3}, {0.5f, 3, -1})), {0.5, 0, 2});
}

// The optimizer's own states do not see it, and neither do other groups.
TEST(ConstraintTest, ActsAfterTheOptimizer) {
  Constrained layer(Of({1}, {0}), MaxNorm(1), {},
                    Sgd{.learning_rate = 1, .momentum = 0.5});
  ExpectNear(layer.Step(Of({1}, {4})), {-1});
  EXPECT_EQ(layer.session->Read("layer/w/momentum")->ToDoubles()[0], 4);
  ExpectNear(layer.Step(Of({1}, {-4})), {1});  // 0.5 * 4 - 4 = -2
  EXPECT_EQ(layer.session->Read("layer/w/momentum")->ToDoubles()[0], -2);
}

TEST(ConstraintTest, WaitsForAccumulatedAndForSkippedSteps) {
  Constrained halves(Of({1}, {5}), MaxNorm(1), {.accumulate_steps = 2});
  ExpectNear(halves.Step(Of({1}, {1})), {5});
  ExpectNear(halves.Step(Of({1}, {1})), {1});
  Constrained skips(Of({1}, {5}), MaxNorm(1),
                    {.non_finite = {NonFinitePolicy::kSkipStep}});
  ExpectNear(skips.Step(Of({1}, {INFINITY})), {5});
  ExpectNear(skips.Step(Of({1}, {0})), {1});
}

TEST(ConstraintTest, CostsTheUpdateAFewLoops) {
  const Tensor weights = *Tensor::Zeros(F32({64, 64}));
  Constrained plain(weights, {}), constrained(weights, MaxNorm(1)),
      clamped(weights, NonNegative());
  plain.Step(weights);
  constrained.Step(weights);
  clamped.Step(weights);
  const int kernels = plain.session->last_compiled().num_kernels;
  // One fused with the update.
  EXPECT_EQ(clamped.session->last_compiled().num_kernels, kernels);
  // The squares' sums join the update's loop; then scales and their products.
  EXPECT_LE(constrained.session->last_compiled().num_kernels, kernels + 2);
}

TEST(ConstraintTest, KeepsTheTypeOfNarrowWeights) {
  Graph graph;
  const Value w =
      Parameter(graph, "w", Cast(Constant(graph, 3.0), DType::kBF16));
  const absl::StatusOr<Program> program =
      Minimize(ReduceSum(Cast(w, DType::kF32)), Sgd{.learning_rate = 0.5},
               {.groups = {{.pattern = "w", .constraint = MaxNorm(1)}}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(session->Read("w")->ToDoubles()[0], 1);
}

TEST(ConstraintTest, Errors) {
  auto message = [](Constraint constraint) {
    const Constrained layer(Of({2}, {0, 0}), std::move(constraint));
    return std::string(Message(layer.program.status()));
  };
  EXPECT_NE(message(MaxNorm(0))
                .find("MaxNorm: the largest norm is 0, expected "
                      "a finite number above 0"),
            std::string::npos);
  EXPECT_NE(message(MaxNorm(NAN)).find("largest norm is nan"),
            std::string::npos);
  EXPECT_EQ(message([](const Value& updated) { return ReduceSum(updated); }),
            "the constraint of layer/w gives f32[], expected f32[2]");
  EXPECT_NE(message([](const Value&) { return Value(); }), "");
}

}  // namespace
}  // namespace evengrad
