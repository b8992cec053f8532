// Which nodes become one kernel, when they run, and where their values live.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/schedule.h"

namespace evengrad {
namespace {

// The names of the nodes of each group.
std::set<std::set<std::string>> Names(const Program& program,
                                      const FusionPlan& plan) {
  std::set<std::set<std::string>> groups;
  for (const Group& group : plan.groups) {
    std::set<std::string> names;
    for (int id : group.nodes) names.insert(program.graph.node(id).name());
    groups.insert(names);
  }
  return groups;
}

TEST(FusionPlanTest, AChainIsOneLoop) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Program program{.graph = graph, .fetches = {{"y", Tanh(Exp(x) * x)}}};
  EXPECT_EQ(Names(program, PlanFusion(program, true)),
            (std::set<std::set<std::string>>{{"exp", "multiply", "tanh"}}));
  EXPECT_EQ(PlanFusion(program, false).groups.size(), 3u);
}

TEST(FusionPlanTest, BiasAndActivationJoinTheProduct) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value w = Placeholder(graph, "w", F32({8, 3}));
  const Value b = Placeholder(graph, "b", F32({3}));
  const Program program{.graph = graph,
                        .fetches = {{"y", Relu(MatMul(x, w) + b)}}};
  const FusionPlan plan = PlanFusion(program, true);
  EXPECT_EQ(Names(program, plan),
            (std::set<std::set<std::string>>{{"matmul", "add", "relu"}}));
  EXPECT_EQ(plan.groups[0].kind, GroupKind::kEpilogue);
}

TEST(FusionPlanTest, APathThatLeavesAndComesBackStaysApart) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 4}));
  const Value a = Exp(x);
  const Value outside = Transpose(a);
  const Program program{.graph = graph, .fetches = {{"y", a + outside}}};
  EXPECT_EQ(Names(program, PlanFusion(program, true)),
            (std::set<std::set<std::string>>{{"exp"}, {"transpose"}, {"add"}}));
}

TEST(FusionPlanTest, ASumEndsALoopAndIsNotReadInIt) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value y = Exp(x);
  const Value sum = ReduceSum(y, {.axes = {0}, .keep_dimensions = true});
  const Program program{.graph = graph, .fetches = {{"y", y}, {"z", y / sum}}};
  EXPECT_EQ(
      Names(program, PlanFusion(program, true)),
      (std::set<std::set<std::string>>{{"exp", "reduce_sum"}, {"divide"}}));
}

TEST(FusionPlanTest, OtherShapesAreOtherLoops) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value row = Placeholder(graph, "row", F32({8}));
  const Program program{.graph = graph, .fetches = {{"y", x * Exp(row)}}};
  EXPECT_EQ(PlanFusion(program, true).groups.size(), 2u);
}

// Names of a group's nodes in their order.
std::vector<std::string> Ordered(const Program& program, const Group& group) {
  std::vector<std::string> names;
  for (int id : group.nodes) names.push_back(program.graph.node(id).name());
  return names;
}

TEST(FusionPlanTest, WhatWatchesComesLastInTheLoopItWatches) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value y = Exp(x);
  const Value watching = Statistics(Square(y)).summary;
  Program program{.graph = graph, .fetches = {{"y", Tanh(y)}}};
  program.observations = {{.name = "o", .values = {watching}}};
  const FusionPlan plan = PlanFusion(program, true);
  ASSERT_EQ(plan.groups.size(), 1u);
  EXPECT_EQ(Ordered(program, plan.groups[0]),
            (std::vector<std::string>{"exp", "tanh", "square", "statistics"}));
}

TEST(FusionPlanTest, WhatWatchesDelaysNothing) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({8, 8}));
  const Value y = Exp(x);
  Program program{.graph = graph, .fetches = {{"y", Tanh(y)}}};
  // It would have to wait for the other value.
  program.observations = {{.name = "o", .values = {y * Transpose(x)}}};
  EXPECT_EQ(Names(program, PlanFusion(program, true)),
            (std::set<std::set<std::string>>{
                {"exp", "tanh"}, {"transpose"}, {"multiply"}}));
}

TEST(FusionPlanTest, WhatWatchesJoinsALoopThatReadsTheSame) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value sum = ReduceSum(x, {.axes = {0}});
  Program program{.graph = graph, .fetches = {{"y", Tanh(sum)}}};
  program.observations = {{.name = "o", .values = {Statistics(sum).summary}}};
  EXPECT_EQ(Names(program, PlanFusion(program, true)),
            (std::set<std::set<std::string>>{{"reduce_sum"},
                                             {"tanh", "statistics"}}));
}

TEST(FusionPlanTest, CountsEndLoopsAndProducts) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value w = Placeholder(graph, "w", F32({8, 3}));
  const Value z = Placeholder(graph, "z", F64({5}));
  const Value product = MatMul(x, w);
  const Value loop = Exp(z);
  const Program program{.graph = graph,
                        .fetches = {{"a", SumOfSquares(product)},
                                    {"b", FiniteTest(product)},
                                    {"c", SumOfSquares(loop)},
                                    {"d", FiniteTest(loop)}}};
  const FusionPlan plan = PlanFusion(program, true);
  EXPECT_EQ(Names(program, plan),
            (std::set<std::set<std::string>>{
                {"matmul", "sum_of_squares", "finite_test"},
                {"exp", "sum_of_squares_1", "finite_test_1"}}));
  EXPECT_EQ(plan.groups[0].kind, GroupKind::kEpilogue);
}

TEST(FusionPlanTest, StatisticsOfAProductEndIt) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 8}));
  const Value w = Placeholder(graph, "w", F32({8, 3}));
  const Value y = MatMul(x, w);
  Program program{.graph = graph, .fetches = {{"y", y}}};
  program.observations = {{.name = "o", .values = {Statistics(y).summary}}};
  const FusionPlan plan = PlanFusion(program, true);
  ASSERT_EQ(plan.groups.size(), 1u);
  EXPECT_EQ(plan.groups[0].kind, GroupKind::kEpilogue);
}

TEST(SchedulePlanTest, AStateThatIsWatchedIsOverwrittenInItsLoop) {
  Graph graph;
  const Value w =
      State(graph, "w", Constant(graph, *Tensor::Zeros(F32({64, 64}))));
  const Value next = w - 0.1 * Exp(w);
  Program program{.graph = graph, .updates = {{w, next}}};
  program.observations = {
      {.name = "o",
       .values = {Statistics(w).summary, Statistics(next - w).summary}}};
  const FusionPlan fusion = PlanFusion(program, true);
  const absl::StatusOr<StageSchedule> schedule = PlanSchedule(program, fusion);
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_TRUE(schedule->in_place[0]);
  EXPECT_EQ(fusion.group_of[next.id().node], fusion.groups.size() - 1);
}

TEST(SchedulePlanTest, AStateIsOverwrittenAfterItsReaders) {
  Graph graph;
  const Value w = State(graph, "w", Constant(graph, 1.0));
  const Value next = w - 0.1;
  const Value reader = Exp(w);  // made after the writer
  const Program program{
      .graph = graph, .fetches = {{"r", reader}}, .updates = {{w, next}}};
  const FusionPlan fusion = PlanFusion(program, false);
  const absl::StatusOr<StageSchedule> schedule = PlanSchedule(program, fusion);
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_TRUE(schedule->in_place[0]);
  EXPECT_LT(schedule->stage_of[fusion.group_of[reader.id().node]],
            schedule->stage_of[fusion.group_of[next.id().node]]);
}

TEST(SchedulePlanTest, AReaderThatNeedsTheNewValuePreventsOverwriting) {
  Graph graph;
  const Value w = State(graph, "w", Constant(graph, 1.0));
  const Value next = w - 0.1;
  const Value reader = next * Exp(w) + w;
  const Program program{
      .graph = graph, .fetches = {{"r", reader}}, .updates = {{w, next}}};
  const absl::StatusOr<StageSchedule> schedule =
      PlanSchedule(program, PlanFusion(program, false));
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_FALSE(schedule->in_place[0]);
}

// The stage of each of `values`.
std::vector<int> StagesOf(const Graph& graph, const std::vector<Value>& fetched,
                          const std::vector<Value>& values) {
  Program program{.graph = graph};
  for (const Value& value : fetched) {
    program.fetches.push_back({value.name(), value});
  }
  const FusionPlan fusion = PlanFusion(program, true);
  const absl::StatusOr<StageSchedule> schedule = PlanSchedule(program, fusion);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  std::vector<int> stages;
  for (const Value& value : values) {
    if (!schedule.ok()) break;
    stages.push_back(schedule->stage_of[fusion.group_of[value.id().node]]);
  }
  return stages;
}

TEST(SchedulePlanTest, WhatNobodyWaitsForRunsBesideWhatTakesAsLong) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({100, 100}));
  const Value first = MatMul(x, x);
  const Value aside = MatMul(first, x);  // could run with `small`
  const Value small = ReduceMean(first);
  const Value second = MatMul(x, Transpose(x) * small);
  const Value last = MatMul(second, x);
  const std::vector<int> stages =
      StagesOf(graph, {aside, last}, {first, small, aside, second, last});
  ASSERT_EQ(stages.size(), 5u);
  EXPECT_LT(stages[0], stages[1]);
  EXPECT_LT(stages[1], stages[2]);
  EXPECT_EQ(stages[2], stages[3]);
  EXPECT_LT(stages[3], stages[4]);
}

// What they read lives as long.
TEST(SchedulePlanTest, PutsOffNoMoreThanTwo) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({100, 100}));
  Value small = ReduceMean(x);
  std::vector<Value> products;
  for (int i = 0; i < 3; ++i) {
    products.push_back(MatMul(x, x * small));
    small = ReduceMean(Sqrt(x) * small);
  }
  std::vector<Value> fetched = products;
  fetched.push_back(small);
  const std::vector<int> stages = StagesOf(graph, fetched, products);
  ASSERT_EQ(stages.size(), 3u);
  EXPECT_EQ(stages[0], stages[1]);
  EXPECT_EQ(stages[1], stages[2]);
}

TEST(SchedulePlanTest, PutsOffForSomeStagesOnly) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({100, 100}));
  const Value product = MatMul(x, x);
  Value small = ReduceMean(x);
  for (int i = 0; i < 20; ++i) small = ReduceMean(Sqrt(x) * small);
  const std::vector<int> stages =
      StagesOf(graph, {product, small}, {product, small});
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_GT(stages[0], 3);
  EXPECT_LT(stages[0], stages[1] - 3);
}

TEST(SchedulePlanTest, ACircleOfGroupsIsAnError) {
  Graph graph;
  const Value first = Exp(Placeholder(graph, "x", F32({4})));
  const Value second = Exp(first);
  const Value third = Exp(second);
  const Program program{.graph = graph, .fetches = {{"y", third}}};
  const int ids[] = {first.id().node, second.id().node, third.id().node};
  FusionPlan fusion{.groups = {{GroupKind::kLoop, {ids[0], ids[2]}},
                               {GroupKind::kLoop, {ids[1]}}},
                    .group_of = std::vector<int>(graph.num_nodes(), -1)};
  fusion.group_of[ids[0]] = fusion.group_of[ids[2]] = 0;
  fusion.group_of[ids[1]] = 1;
  EXPECT_EQ(PlanSchedule(program, fusion).status().code(),
            absl::StatusCode::kInternal);
}

TEST(BufferPlanTest, AnOutputTakesThePlaceOfADyingInput) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({16, 16}));
  Value y = x;
  for (int i = 0; i < 6; ++i) y = Exp(y);
  const Program program{.graph = graph, .fetches = {{"y", y}}};
  const FusionPlan fusion = PlanFusion(program, false);
  const absl::StatusOr<StageSchedule> schedule = PlanSchedule(program, fusion);
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  const auto plan = PlanBuffers(program, fusion, *schedule);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->arena_bytes, 16 * 16 * 4);
}

// A state that the loop does not read may have its new value before.
TEST(SchedulePlanTest, WatchingAnotherStateDelaysNothing) {
  Graph graph;
  const Value w =
      State(graph, "w", Constant(graph, *Tensor::Zeros(F32({8, 8}))));
  const Value e =
      State(graph, "e", Constant(graph, *Tensor::Zeros(F32({8, 8}))));
  const Value next = w - 0.1 * Exp(w);
  const Value average = 0.9 * e + 0.1 * ReduceSum(Transpose(next));
  Program program{.graph = graph, .updates = {{w, next}, {e, average}}};
  program.observations = {{.name = "o", .values = {Statistics(e - w).summary}}};
  const absl::StatusOr<StageSchedule> schedule =
      PlanSchedule(program, PlanFusion(program, true));
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_TRUE(schedule->in_place[0]);
  EXPECT_TRUE(schedule->in_place[1]);
}

}  // namespace
}  // namespace evengrad
