#include "evengrad/runtime/hooks/clip_by_global_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

// Parameters a = {3, 0} and b = 4 with gradients a and b, of global norm 5.
struct Fixture {
  explicit Fixture(DType dtype = DType::kF32) {
    Tensor start = *Tensor::Zeros({dtype, {2}});
    StoreFromDouble(dtype, start.mutable_data(), 0, 3);
    a = Parameter(graph, "a", Constant(graph, start));
    b = Parameter(graph, "b", Constant(graph, 4.0, dtype));
    loss = 0.5 * (ReduceSum(Square(a)) + Square(b));
  }
  absl::StatusOr<Session> Step(double max_norm) {
    EVENGRAD_ASSIGN_OR_RETURN(
        Program program, Minimize(loss, Sgd{.learning_rate = 1},
                                  {.hooks = {ClipByGlobalNorm(max_norm)}}));
    EVENGRAD_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
    EVENGRAD_RETURN_IF_ERROR(session.Run(program, {}).status());
    return session;
  }
  Graph graph;
  Value a, b, loss;
};

TEST(ClipByGlobalNormTest, ScalesAllGradientsByOneFactor) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Fixture fixture(dtype);
    const absl::StatusOr<Session> session = fixture.Step(2.5);
    ASSERT_TRUE(session.ok()) << session.status();
    EXPECT_EQ(session->Read("a")->ToDoubles(), (std::vector<double>{1.5, 0}));
    EXPECT_EQ(session->Read("b")->ToDoubles(), std::vector<double>{2});
    EXPECT_EQ(session->Read("clip_by_global_norm/norm")->ToDoubles(),
              std::vector<double>{5});
    EXPECT_EQ(session->Read("clip_by_global_norm/clipped_norm")->ToDoubles(),
              std::vector<double>{2.5});
  }
}

TEST(ClipByGlobalNormTest, LeavesSmallGradientsAlone) {
  Fixture fixture;
  const absl::StatusOr<Session> session = fixture.Step(5);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(session->Read("a")->ToDoubles(), (std::vector<double>{0, 0}));
  EXPECT_EQ(session->Read("b")->ToDoubles(), std::vector<double>{0});
  EXPECT_EQ(session->Read("clip_by_global_norm/clipped_norm")->ToDoubles(),
            std::vector<double>{5});
}

TEST(ClipByGlobalNormTest, AGradientOfZeroStaysZero) {
  Fixture fixture;
  fixture.loss = 0 * fixture.loss;
  const absl::StatusOr<Session> session = fixture.Step(1);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(session->Read("b")->ToDoubles(), std::vector<double>{4});
}

TEST(ClipByGlobalNormTest, BadNorms) {
  for (const double norm : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    Fixture fixture;
    const absl::Status status = fixture.Step(norm).status();
    EXPECT_EQ(Message(status),
              StrCat("ClipByGlobalNorm: the largest norm is ", norm,
                     ", expected a finite number above 0"));
  }
}

}  // namespace
}  // namespace evengrad
