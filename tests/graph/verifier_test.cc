#include "evengrad/graph/verifier.h"

#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

TEST(VerifierTest, AcceptsWhatBuildersMake) {
  Graph graph;
  EXPECT_TRUE(VerifyGraph(graph).ok());
  Placeholder(graph, "x", F32({"batch", Dimension::Unknown()}));
  State(graph, "w", Constant(graph, 1.0));
  TypeToken(graph, F32({3}));
  EXPECT_TRUE(VerifyGraph(graph).ok()) << Message(VerifyGraph(graph));
}

TEST(VerifierTest, ReturnsTheGraphsOwnError) {
  Graph graph;
  graph.Fail(InvalidArgument("a mistake"), "model.cc:3: ");
  EXPECT_EQ(Message(VerifyGraph(graph)), "model.cc:3: a mistake");
}

TEST(VerifierTest, StatesNeedInitializersUnlessLowered) {
  Graph graph;
  graph.AddNamed(StateOp(), {}, {{"dtype", DType::kF32}, {"shape", Shape({2})}},
                 "w", SourceLocation{"model.cc", 4});
  EXPECT_EQ(Message(VerifyGraph(graph)),
            "model.cc:4: w: the state has no initial value");
  EXPECT_TRUE(VerifyGraph(graph, {.states_need_initializers = false}).ok());
}

TEST(VerifierTest, InitialValuesGoInNoCircle) {
  Graph graph;
  const Value zero = Constant(graph, 0.0);
  const Value a = State(graph, "a", zero);
  const Value b = State(graph, "b", a);
  const Value c = State(graph, "c", b);
  EXPECT_TRUE(VerifyGraph(graph).ok());
  EXPECT_FALSE(FindCircularInitializer(graph).valid());
  // b and c depend on each other, a on them.
  const Value d = State(graph, "d", c);
  ASSERT_TRUE(graph.SetInitializer(a.node(), d).ok());
  ASSERT_TRUE(graph.SetInitializer(b.node(), c).ok());
  EXPECT_EQ(FindCircularInitializer(graph).name(), "c");
  EXPECT_NE(Message(VerifyGraph(graph))
                .find("c: the initial value of the state depends on the state "
                      "itself"),
            std::string_view::npos)
      << VerifyGraph(graph);
}

// A type rule that changes its mind stands for a graph that became wrong.
TEST(VerifierTest, ComparesTypesWithTheRule) {
  static int64_t size = 3;
  static int outputs = 1;
  static const OpDef* const op = new OpDef{
      .name = "moody",
      .infer_type =
          [](const InferContext&) -> absl::StatusOr<std::vector<TensorType>> {
        if (size < 0) return InvalidArgument("no mood");
        return std::vector<TensorType>(static_cast<size_t>(outputs),
                                       F32({size}));
      }};
  Graph graph;
  graph.Add(*op, {}, {}, {.location = {"model.cc", 5}});
  EXPECT_TRUE(VerifyGraph(graph).ok());
  size = 4;
  EXPECT_EQ(Message(VerifyGraph(graph)),
            "model.cc:5: moody: output 0 has type f32[3], its type rule gives "
            "f32[4]");
  size = -1;
  EXPECT_EQ(Message(VerifyGraph(graph)), "model.cc:5: moody: no mood");
  size = 3;
  outputs = 2;
  EXPECT_EQ(Message(VerifyGraph(graph)),
            "model.cc:5: moody: has 1 output(s), its type rule gives 2");
}

}  // namespace
}  // namespace evengrad
