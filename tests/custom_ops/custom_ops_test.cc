// What the ops of examples/custom_op do in a program, and what a program says
// about wrong ones.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "examples/custom_op/my_ops.h"

namespace my_ops {
namespace {

using eg::F32;

using eg::Graph;
using eg::Node;
using eg::OpDef;
using eg::Session;
using eg::Tensor;
using eg::Value;

Tensor Ramp(std::vector<int64_t> sizes) {
  Tensor tensor = Tensor::Zeros({eg::DType::kF32, eg::Shape(sizes)}).value();
  int i = 0;
  for (float& x : tensor.mutable_values<float>().value()) {
    x = 0.25f * static_cast<float>(i++ % 17 - 8);
  }
  return tensor;
}

// What compiling and running `value` with `x` fed gives.
struct Ran {
  absl::Status status;
  eg::CompiledStatistics statistics;
  Tensor tensor;
};

Ran RunValue(const Value& value, const Value& x, const Tensor& fed) {
  absl::StatusOr<Session> session =
      Session::Create(*Graph::Of(value), {.num_threads = 1});
  if (!session.ok()) return {session.status(), {}, {}};
  absl::StatusOr<eg::RunResult> result = session->Run({value}, {{x, fed}});
  if (!result.ok()) return {result.status(), {}, {}};
  return {absl::OkStatus(), session->last_compiled(), result->values()[0]};
}

bool GuideShows(const std::string& text) {
  std::ifstream file(EVENGRAD_SOURCE_DIR "/docs/custom_ops.md");
  const std::string guide{std::istreambuf_iterator<char>(file), {}};
  return guide.find(text) != std::string::npos;
}

TEST(CustomOpsTest, AnExpressionFusesWithBuiltinOps) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 8}));
  const Value y = Exp(PenalizedTanh(Negate(x))) * 2;
  const Ran ran = RunValue(y, x, Ramp({5, 8}));
  ASSERT_TRUE(ran.status.ok()) << ran.status;
  EXPECT_EQ(ran.statistics.num_kernels, 1);
}

TEST(CustomOpsTest, AnExpressionRunsInTheEpilogueOfAProduct) {
  auto kernels = [](bool custom) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({"batch", 8}));
    const Value layer = Dense(x, 16);
    const Ran ran =
        RunValue(custom ? PenalizedTanh(layer) : Tanh(layer), x, Ramp({5, 8}));
    EXPECT_TRUE(ran.status.ok()) << ran.status;
    return ran.statistics.num_kernels;
  };
  EXPECT_EQ(kernels(true), kernels(false));
}

TEST(CustomOpsTest, HadamardKeepsTheNormOfActivationsAndGradients) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 64}));
  const Value y = Hadamard(x);
  const Value loss = 0.5 * ReduceSum(Square(y));
  const std::vector<Value> gradient =
      eg::Gradients(loss, std::vector<Value>{x}).value();
  // d loss / d x = H (H x) = x.
  const Tensor fed = Ramp({3, 64});
  const Ran ran = RunValue(gradient[0], x, fed);
  ASSERT_TRUE(ran.status.ok()) << ran.status;
  const std::vector<double> expected = fed.ToDoubles();
  const std::vector<double> found = ran.tensor.ToDoubles();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-5);
  }
}

TEST(CustomOpsTest, ASizeThatIsKnownWhenFedIsCheckedThen) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", "width"}));
  const Value y = Hadamard(x);
  const Ran ran = RunValue(y, x, Ramp({3, 12}));
  EXPECT_NE(eg::Message(ran.status)
                .find(": hadamard: the last axis must be a power of two, found "
                      "input f32[3,12]"),
            std::string_view::npos)
      << ran.status;
  EXPECT_EQ(eg::Message(ran.status).substr(0, 20), "custom_ops_test.cc:1");
}

// The gradient of unit_rms computes the root that its decomposition has
// computed: one node in the end.
TEST(CustomOpsTest, EqualPartsOfDecompositionAndGradientAreShared) {
  auto nodes = [](const OpDef& op) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({"batch", 8}));
    const Value y = AddNode(op, {x}).output();
    const Value loss = ReduceSum(Exp(y));
    const std::vector<Value> gradient =
        eg::Gradients(loss, std::vector<Value>{x}).value();
    absl::StatusOr<Session> session = Session::Create(graph);
    const absl::StatusOr<eg::RunResult> result =
        session->Run({loss, gradient[0]}, {{x, Ramp({5, 8})}});
    EXPECT_TRUE(result.ok()) << result.status();
    return session->last_compiled().num_nodes;
  };
  OpDef other_root = UnitRmsOp();
  other_root.decompose = [](const Node& node) {
    const Value x = node.input(0);
    const Value squares =
        ReduceMean(Abs(x) * Abs(x), {.axes = {-1}, .keep_dimensions = true});
    return std::vector<Value>{
        x / Sqrt(squares + node.attribute<double>("epsilon"))};
  };
  // abs, multiply, mean, add and sqrt a second time.
  EXPECT_EQ(nodes(UnitRmsOp()) + 5, nodes(other_root));
}

// ---- Wrong ones ------------------------------------------------------------

// The error of the gradient of the sum of `op`'s output.
std::string GradientError(const OpDef& op) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 8}));
  const Value y = AddNode(op, {x}, {}, {.location = {"net.cc", 9}}).output();
  return std::string(
      eg::Message(eg::Gradients(ReduceSum(y), std::vector<Value>{x}).status()));
}

void ExpectTold(const std::string& error, const std::string& expected) {
  EXPECT_EQ(error, expected);
  EXPECT_TRUE(GuideShows(expected)) << "docs/custom_ops.md lacks: " << expected;
}

TEST(WrongOpsTest, NoGradient) {
  OpDef op = PenalizedTanhOp();
  op.gradient = {};
  ExpectTold(GradientError(op),
             "no gradient is defined for penalized_tanh 'penalized_tanh' "
             "(net.cc:9); give the op's OpDef a gradient, or put "
             "stop_gradient between it and the parameters");
}

TEST(WrongOpsTest, AGradientOfAnotherType) {
  OpDef op = PenalizedTanhOp();
  op.gradient = [](const Node&, std::span<const Value> gradients) {
    return std::vector<Value>{ReduceSum(gradients[0])};
  };
  ExpectTold(GradientError(op),
             "net.cc:9: penalized_tanh: gradient of op 'penalized_tanh' has "
             "type f32[] for input 'input' of type f32[batch,8]");
}

TEST(WrongOpsTest, TooManyGradients) {
  OpDef op = PenalizedTanhOp();
  op.gradient = [](const Node&, std::span<const Value> gradients) {
    return std::vector<Value>{gradients[0], gradients[0]};
  };
  ExpectTold(GradientError(op),
             "net.cc:9: penalized_tanh: gradient of op 'penalized_tanh' gives "
             "2 value(s) for 1 input(s)");
}

// The error of adding `op` to a graph.
std::string BuildError(const OpDef& op) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 8}));
  AddNode(op, {x}, {}, {.location = {"net.cc", 9}});
  return std::string(eg::Message(graph.status()));
}

TEST(WrongOpsTest, ATypeRuleOfAnotherShape) {
  OpDef op = PenalizedTanhOp();
  op.infer_type = [](const eg::InferContext&) -> eg::InferredTypes {
    return std::vector<eg::TensorType>{F32({8})};
  };
  ExpectTold(BuildError(op),
             "net.cc:9: penalized_tanh: the type rule of op 'penalized_tanh' "
             "gives f32[8], but input 0, f32[batch,8], does not broadcast to "
             "it, and the op is elementwise");
}

TEST(WrongOpsTest, ATypeRuleOfTwoOutputs) {
  OpDef op = HadamardOp();
  op.infer_type = [](const eg::InferContext& context) -> eg::InferredTypes {
    return std::vector<eg::TensorType>{context.input(0), context.input(0)};
  };
  ExpectTold(BuildError(op),
             "net.cc:9: hadamard: the type rule of op 'hadamard' gives 2 "
             "type(s) for 1 output(s)");
}

// The error of running `op`.
std::string RunError(const OpDef& op) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 8}));
  const Value y = AddNode(op, {x}, {}, {.location = {"net.cc", 9}}).output();
  return std::string(eg::Message(RunValue(y, x, Ramp({5, 8})).status));
}

TEST(WrongOpsTest, ADecompositionOfAnotherType) {
  OpDef op = UnitRmsOp();
  op.decompose = [](const Node& node) {
    return std::vector<Value>{ReduceMean(node.input(0))};
  };
  ExpectTold(RunError(op),
             "net.cc:9: unit_rms: op 'unit_rms' decomposes into f32[] where "
             "its type rule infers f32[5,8]");
}

TEST(WrongOpsTest, ADecompositionOfAnotherNumberOfValues) {
  OpDef op = UnitRmsOp();
  op.decompose = [](const Node& node) {
    return std::vector<Value>{node.input(0), node.input(0)};
  };
  EXPECT_EQ(RunError(op),
            "net.cc:9: unit_rms: op 'unit_rms' decomposes into 2 value(s) for "
            "1 output(s)");
}

TEST(WrongOpsTest, ADecompositionIntoAValueOfAnotherGraph) {
  static Graph other;
  OpDef op = UnitRmsOp();
  op.decompose = [](const Node&) {
    return std::vector<Value>{Placeholder(other, "y", F32({5, 8}))};
  };
  EXPECT_EQ(RunError(op),
            "net.cc:9: unit_rms: op 'unit_rms' decomposes into a value of "
            "another graph");
}

TEST(WrongOpsTest, NoKernel) {
  OpDef op = HadamardOp();
  op.make_kernel = [](const eg::KernelRequest&)
      -> absl::StatusOr<std::unique_ptr<eg::Kernel>> { return nullptr; };
  EXPECT_EQ(RunError(op),
            "net.cc:9: hadamard: make_kernel of op 'hadamard' gives no kernel");
}

TEST(WrongOpsTest, ANameThatIsTaken) {
  OpDef op = PenalizedTanhOp();
  op.name = "selu";
  eg::OpRegistry registry = eg::BuiltinOps();
  ExpectTold(std::string(eg::Message(registry.Register(op))),
             "op 'selu' is already registered; choose another name");
}

}  // namespace
}  // namespace my_ops
