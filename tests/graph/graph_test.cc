#include "evengrad/graph/graph.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

// out = all inputs, which must have one type.
const OpDef& JoinOp() {
  static const OpDef* const op = new OpDef{
      .name = "join",
      .inputs = {"first", "others..."},
      .attributes = {{.name = "weight", .fallback = 1.0, .minimum = 0.0}},
      .infer_type = [](const InferContext& context)
          -> absl::StatusOr<std::vector<TensorType>> {
        for (int i = 1; i < context.num_inputs(); ++i) {
          if (context.input(i) == context.input(0)) continue;
          return InvalidArgument("types differ: ", context.Describe(0), ", ",
                                 context.Describe(i));
        }
        return std::vector<TensorType>{context.input(0)};
      }};
  return *op;
}

const OpDef& SplitOp() {
  static const OpDef* const op =
      new OpDef{.name = "split",
                .inputs = {"input"},
                .outputs = {"low", "high"},
                .infer_type = [](const InferContext& context)
                    -> absl::StatusOr<std::vector<TensorType>> {
                  return std::vector<TensorType>(2, context.input(0));
                }};
  return *op;
}

const OpDef& NoiseOp() {
  static const OpDef* const op =
      new OpDef{.name = "noise",
                .inputs = {"like"},
                .attributes = {{.name = "stream", .fallback = int64_t{-1}}},
                .infer_type = SameAsInput,
                .random = true};
  return *op;
}

Value Join(const Value& a, const Value& b, std::string_view name = "",
           SourceLocation location = Here()) {
  return AddNode(JoinOp(), {a, b}, {}, {.name = name, .location = location})
      .output();
}

SourceLocation Line(int line) { return {"/home/user/model.cc", line}; }

TEST(GraphTest, NodesKnowWhatTheyAreMadeOf) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 4}), Line(3));
  const Value y = Join(x, x, "both", Line(5));
  ASSERT_TRUE(graph.status().ok());
  ASSERT_EQ(graph.num_nodes(), 2);
  EXPECT_EQ(y.name(), "both");
  EXPECT_EQ(y.type(), F32({"batch", 4}));
  const Node node = y.node();
  EXPECT_EQ(node.id(), 1);
  EXPECT_EQ(&node.op(), &JoinOp());
  EXPECT_EQ(node.num_inputs(), 2);
  EXPECT_EQ(node.input(1), x);
  EXPECT_EQ(node.location().line, 5);
  EXPECT_EQ(node.attribute<double>("weight"), 1.0);
  EXPECT_EQ(node.ErrorPrefix(), "model.cc:5: both: ");
  EXPECT_EQ(graph.FindNode("both").id(), 1);
  EXPECT_FALSE(graph.FindNode("bot").valid());
  EXPECT_FALSE(graph.value({7, 0}).valid());
  EXPECT_FALSE(graph.value({1, 1}).valid());
}

TEST(GraphTest, LaterOutputsAreNumbered) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const Node split = AddNode(SplitOp(), {x});
  EXPECT_EQ(split.output(0).name(), "split");
  EXPECT_EQ(split.output(1).name(), "split:1");
}

TEST(GraphTest, TheFirstErrorStays) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 4}), Line(3));
  const Value y = Placeholder(graph, "y", F32({"batch", 5}), Line(4));
  std::optional<NameScope> scope(std::in_place, graph, "hidden3");
  const Value bad = Join(x, y, "join", Line(27));
  EXPECT_FALSE(bad.valid());
  const std::string expected =
      "model.cc:27: hidden3/join: types differ: first f32[batch,4], input 1 "
      "f32[batch,5]";
  EXPECT_EQ(Message(graph.status()), expected);
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kInvalidArgument);
  // What builds on the mistake is quiet, and so is the next mistake.
  EXPECT_FALSE(Join(bad, x, "next", Line(28)).valid());
  EXPECT_FALSE(Join(y, x, "other", Line(29)).valid());
  EXPECT_EQ(Message(graph.status()), expected);
  EXPECT_EQ(graph.num_nodes(), 2);
  // A correct call still works.
  EXPECT_TRUE(Join(x, x, "good", Line(30)).valid());
}

TEST(GraphTest, WrongInputsAreErrors) {
  auto error_of = [](auto build) {
    Graph graph;
    build(graph, Placeholder(graph, "x", F32({4})));
    return std::string(Message(graph.status()));
  };
  EXPECT_EQ(error_of([](Graph& graph, const Value&) {
              graph.Add(JoinOp(), {}, {}, {.location = Line(9)});
            }),
            "model.cc:9: join: join takes at least 1 input(s), 0 given");
  EXPECT_EQ(error_of([](Graph& graph, const Value& x) {
              graph.Add(SplitOp(), {x, x}, {}, {.location = Line(9)});
            }),
            "model.cc:9: split: split takes 1 input(s), 2 given");
  EXPECT_EQ(error_of([](Graph&, const Value& x) {
              Join(x, Value(), "sum", Line(9));
            }),
            "model.cc:9: sum: input 1 is an empty value, made by no op");
  EXPECT_EQ(error_of([](Graph&, const Value& x) {
              Graph other;
              Join(x, Placeholder(other, "w", F32({4})), "sum", Line(9));
            }),
            "model.cc:9: sum: input 1 ('w') is a value of another graph; build "
            "both in one graph");
  EXPECT_EQ(error_of([](Graph& graph, const Value& x) {
              graph.Add(JoinOp(), {x}, {{"wieght", 2.0}}, {});
            }),
            "join: unknown attribute 'wieght'; did you mean 'weight'?");
  EXPECT_EQ(error_of([](Graph& graph, const Value&) {
              Placeholder(graph, "images", F32({-3, 4}), Line(2));
            }),
            "model.cc:2: images: negative size in shape [-3,4]");
}

TEST(GraphTest, EmptyValuesAloneHaveNoGraph) {
  EXPECT_FALSE(Join(Value(), Value()).valid());
  EXPECT_FALSE(Graph::Of(Value()).has_value());
}

TEST(GraphTest, NamesAreUnique) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  EXPECT_EQ(Join(x, x).name(), "join");
  EXPECT_EQ(Join(x, x).name(), "join_1");
  EXPECT_EQ(Join(x, x, "join_2").name(), "join_2");
  EXPECT_EQ(Join(x, x).name(), "join_3");
  EXPECT_TRUE(graph.status().ok());
  graph.AddNamed(JoinOp(), std::vector<Value>{x}, {}, "x", Line(8));
  EXPECT_EQ(Message(graph.status()),
            "model.cc:8: x: another node already has this name");
}

TEST(GraphTest, ScopesNestAndEnd) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  {
    const NameScope outer(graph, "encoder");
    {
      const NameScope inner(graph, "layer1");
      const NameScope none(graph, "");
      const Value y = Join(x, x);
      EXPECT_EQ(y.name(), "encoder/layer1/join");
      EXPECT_EQ(y.node().scope(), "encoder/layer1");
    }
    EXPECT_EQ(Join(x, x).name(), "encoder/join");
  }
  EXPECT_EQ(Join(x, x).name(), "join");
  EXPECT_EQ(x.node().scope(), "");
}

TEST(GraphTest, TheOutermostLocationCounts) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  {
    const LocationScope caller(graph, Line(40));
    const LocationScope inner(graph, Line(50));
    EXPECT_EQ(Join(x, x, "", Line(60)).node().location().line, 40);
  }
  {
    const LocationScope unknown(graph, {});
    const LocationScope inner(graph, Line(50));
    EXPECT_FALSE(Join(x, x, "", Line(60)).node().location().known());
  }
  EXPECT_EQ(Join(x, x, "", Line(60)).node().location().line, 60);
}

TEST(GraphTest, LayerIsTheInnermostScopeWithAParameter) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const NameScope model(graph, "model");
  Value weights;
  Value inside;
  {
    const NameScope layer(graph, "hidden1");
    weights = Parameter(graph, "weights", Constant(graph, 0.0));
    const NameScope activation(graph, "activation");
    inside = Join(x, x);
  }
  const Value outside = Join(x, x);
  EXPECT_EQ(LayerOf(weights.node()), "model/hidden1");
  EXPECT_EQ(LayerOf(inside.node()), "model/hidden1");
  EXPECT_EQ(LayerOf(outside.node()), "model");
  // A gradient belongs to the layer of the node whose gradient it is.
  const NameScope gradient(graph, "gradient");
  const GradientScope of(graph, inside.id().node);
  const Value first = Join(x, x);
  EXPECT_EQ(first.node().gradient_of(), inside.id().node);
  EXPECT_EQ(LayerOf(first.node()), "model/hidden1");
  const GradientScope of_gradient(graph, first.id().node);
  EXPECT_EQ(LayerOf(Join(x, x).node()), "model/hidden1");
}

TEST(GraphTest, CopiesByNameTakeTheCurrentGradientLink) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const std::vector<Value> inputs = {x};
  EXPECT_EQ(graph.AddNamed(JoinOp(), inputs, {}, "a", {}).gradient_of(), -1);
  const GradientScope scope(graph, 0);
  EXPECT_EQ(graph.AddNamed(JoinOp(), inputs, {}, "b", {}).gradient_of(), 0);
  EXPECT_EQ(graph.AddNamed(JoinOp(), inputs, {}, "c", {}, 1).gradient_of(), 1);
}

TEST(GraphTest, StatesHaveInitializersOfTheirType) {
  Graph graph;
  const Value initial = Constant(graph, 0.5);
  const Value state = State(graph, "count", initial, {}, Line(4));
  EXPECT_TRUE(IsState(state.node()));
  EXPECT_FALSE(IsParameter(state.node()));
  EXPECT_EQ(state.node().initializer(), initial);
  const Value wrong = Constant(graph, 1, DType::kI32);
  EXPECT_EQ(Message(graph.SetInitializer(state.node(), wrong)),
            "model.cc:4: count: the state has type f32[], its initializer "
            "constant_1 has type i32[]");
  EXPECT_EQ(state.node().initializer(), initial);
  EXPECT_EQ(States(graph).size(), 1u);
  EXPECT_TRUE(Parameters(graph).empty());

  const Value batch = Placeholder(graph, "x", F32({"batch"}));
  EXPECT_FALSE(State(graph, "moving", batch, {}, Line(7)).valid());
  EXPECT_EQ(Message(graph.status()),
            "model.cc:7: moving: a state's dimensions must be integers, not "
            "[batch]");
}

TEST(GraphTest, AStateNeedsAValue) {
  Graph graph;
  EXPECT_FALSE(State(graph, "w", Value(), {}, Line(7)).valid());
  EXPECT_EQ(Message(graph.status()),
            "model.cc:7: w: the initial value is empty or comes from a failed "
            "call");
}

TEST(GraphTest, ClonesGrowApart) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}), Line(1));
  const Value y = Join(x, x, "y", Line(2));
  Graph copy = graph.Clone();
  EXPECT_FALSE(copy == graph);
  EXPECT_EQ(copy.num_nodes(), 2);
  EXPECT_EQ(copy.node(1).name(), "y");
  EXPECT_EQ(copy.node(1).location().line, 2);
  EXPECT_TRUE(copy.IsRelatedTo(graph));
  EXPECT_FALSE(copy.IsRelatedTo(Graph()));

  absl::StatusOr<Value> resolved = copy.Resolve(y);
  ASSERT_TRUE(resolved.ok());
  EXPECT_TRUE(copy.Owns(*resolved));
  EXPECT_FALSE(copy.Owns(y));
  EXPECT_EQ(resolved->id(), y.id());
  EXPECT_EQ(*copy.Resolve(*resolved), *resolved);

  // What is added on one side is unknown on the other.
  const Value late = Join(x, x, "late");
  Join(*resolved, *resolved, "other");
  EXPECT_EQ(graph.num_nodes(), 3);
  EXPECT_EQ(copy.num_nodes(), 3);
  EXPECT_FALSE(copy.FindNode("late").valid());
  const std::string message =
      "'late' is a value of another graph, or was added after the program was "
      "made from it";
  EXPECT_EQ(Message(copy.Resolve(late).status()), message);
  EXPECT_FALSE(graph.Resolve(*resolved).ok());
  EXPECT_FALSE(copy.Resolve(Value()).ok());
  EXPECT_FALSE(copy.Resolve(copy.Invalid()).ok());

  // A clone of a clone knows the values of both.
  const Graph second = copy.Clone();
  EXPECT_TRUE(second.Resolve(x).ok());
  EXPECT_TRUE(second.Resolve(copy.node(2).output()).ok());
  EXPECT_FALSE(second.Resolve(late).ok());
}

TEST(GraphTest, ClonesKeepInitializersAndErrors) {
  Graph graph;
  const Value state = State(graph, "s", Constant(graph, 1.0));
  Graph copy = graph.Clone();
  EXPECT_EQ(copy.node(state.id().node).initializer().id(),
            state.node().initializer().id());
  const Value other = Constant(copy, 2.0);
  ASSERT_TRUE(copy.SetInitializer(copy.node(state.id().node), other).ok());
  EXPECT_EQ(state.node().initializer().name(), "constant");
  graph.Fail(InvalidArgument("broken"), "here: ");
  EXPECT_TRUE(copy.status().ok());
  EXPECT_EQ(Message(graph.Clone().status()), "here: broken");
}

TEST(GraphTest, RandomNodesGetAStreamFromTheirName) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  auto stream = [&](std::string_view name, Attributes attributes) {
    return graph.Add(NoiseOp(), {x}, std::move(attributes), {.name = name})
        .attribute<int64_t>("stream");
  };
  const int64_t first = stream("a", {});
  EXPECT_GE(first, 0);
  EXPECT_NE(stream("b", {}), first);
  EXPECT_EQ(stream("c", {{"stream", int64_t{5}}}), 5);
  Graph again;
  const Value y = Placeholder(again, "unrelated", F32({9}));
  EXPECT_EQ(
      again.Add(NoiseOp(), {y}, {}, {.name = "a"}).attribute<int64_t>("stream"),
      first);
}

TEST(GraphTest, ScalarConstantsAreRead) {
  Graph graph;
  EXPECT_EQ(ScalarConstant(Constant(graph, 2.5)), 2.5);
  EXPECT_EQ(ScalarConstant(Constant(graph, 3, DType::kI64)), 3.0);
  EXPECT_EQ(ScalarConstant(Placeholder(graph, "x", F32({}))), std::nullopt);
  EXPECT_EQ(ScalarConstant(Value()), std::nullopt);
  const Value row = Constant(graph, *Tensor::Of<float>({2}, {1, 2}));
  EXPECT_EQ(ScalarConstant(row), std::nullopt);
  EXPECT_EQ(row.type(), F32({2}));
}

TEST(SourceLocationTest, ShowsFileAndLine) {
  EXPECT_EQ(Line(27).ToString(), "model.cc:27");
  EXPECT_EQ(SourceLocation{}.ToString(), "");
  std::string file = "a/b.cc";
  const SourceLocation kept = SourceLocation::Interned(file, 3);
  file.assign("zzzzzz");
  EXPECT_EQ(kept.ToString(), "b.cc:3");
  const SourceLocation here = Here();
  EXPECT_EQ(here.line, __LINE__ - 1);
}

}  // namespace
}  // namespace evengrad
