// Fused programs compute what unfused ones and the reference executor compute.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"

namespace evengrad {
namespace {

using testing::CheckClose;
using testing::NumberSource;
using testing::Tolerance;

constexpr Tolerance kFloatTolerance = {.absolute = 2e-5, .relative = 1e-5};

// The values of `program`, and the number of kernels they took.
struct Outcome {
  std::vector<ReferenceTensor> values = {};
  int num_kernels = 0;
};

absl::StatusOr<Outcome> Run(const Program& program,
                            const std::vector<Feed>& feeds, bool fuse) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(program.graph,
                      {.seed = 3, .num_threads = 2, .fuse = fuse}));
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                            session.Run(program, feeds));
  Outcome outcome = {.num_kernels = session.last_compiled().num_kernels};
  for (const Tensor& tensor : result.values()) {
    outcome.values.push_back(ToReference(tensor));
  }
  return outcome;
}

absl::Status CheckAllClose(const Program& program, const Outcome& outcome,
                           const std::vector<ReferenceTensor>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CheckClose(outcome.values[i], expected[i], kFloatTolerance),
                 StrCat(program.fetches[i].name, ": ")));
  }
  return absl::OkStatus();
}

struct Kernels {
  int fused = 0;
  int unfused = 0;
};

// OK when `program` gives the same values fused, unfused and by reference.
absl::StatusOr<Kernels> Compare(const Program& program,
                                const std::vector<Feed>& feeds) {
  std::vector<ReferenceFeed> reference_feeds;
  reference_feeds.reserve(feeds.size());
  for (const Feed& feed : feeds) {
    reference_feeds.push_back({feed.value, ToReference(feed.tensor)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const ReferenceResult expected,
      RunReference(program, reference_feeds, {.seed = 3}));
  EVENGRAD_ASSIGN_OR_RETURN(const Outcome fused, Run(program, feeds, true));
  EVENGRAD_ASSIGN_OR_RETURN(const Outcome unfused, Run(program, feeds, false));
  EVENGRAD_RETURN_IF_ERROR(
      Prefixed(CheckAllClose(program, unfused, expected.fetches), "unfused: "));
  EVENGRAD_RETURN_IF_ERROR(
      Prefixed(CheckAllClose(program, fused, expected.fetches), "fused: "));
  return Kernels{fused.num_kernels, unfused.num_kernels};
}

Tensor Draw(const TensorType& type, NumberSource& numbers) {
  Tensor tensor = *Tensor::Zeros(type);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    StoreFromDouble(type.dtype, tensor.mutable_data(), i,
                    numbers.Uniform(-2, 2));
  }
  return tensor;
}

void Fetch(Program& program, const std::string& name, const Value& value) {
  program.fetches.push_back({.name = name, .value = value});
}

// ---- Networks ---------------------------------------------------------------

// Loss, logits and all gradients of three layers with `activation`.
absl::StatusOr<Kernels> CompareNetwork(
    const std::function<Value(const Value&)>& activation, int64_t batch) {
  Program program;
  const Graph& graph = program.graph;
  const Value images = Placeholder(graph, "images", F32({"batch", 30}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value x = images;
  for (int64_t units : {int64_t{40}, int64_t{24}}) {
    const NameScope layer(graph, StrCat("hidden", units));
    x = activation(Dense(x, units));
  }
  const Value logits = Dense(x, 10);
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  Fetch(program, "loss", loss);
  Fetch(program, "logits", logits);
  const std::vector<Value> parameters = Parameters(graph);
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> gradients,
                            Gradients(loss, parameters));
  for (size_t i = 0; i < gradients.size(); ++i) {
    Fetch(program, StrCat("gradient of ", parameters[i].name()), gradients[i]);
  }
  NumberSource numbers(11);
  Tensor classes = *Tensor::Zeros(I32({batch}));
  for (int64_t i = 0; i < batch; ++i) {
    StoreFromDouble(DType::kI32, classes.mutable_data(), i,
                    static_cast<double>(numbers.Index(10)));
  }
  return Compare(
      program, {{images, Draw(F32({batch, 30}), numbers)}, {labels, classes}});
}

TEST(FusionTest, NetworksOfEveryActivation) {
  const std::pair<std::string, std::function<Value(const Value&)>>
      activations[] = {
          {"sigmoid", [](const Value& x) { return Sigmoid(x); }},
          {"tanh", [](const Value& x) { return Tanh(x); }},
          {"relu", [](const Value& x) { return Relu(x); }},
          {"leaky_relu", [](const Value& x) { return LeakyRelu(x, 0.3); }},
          {"elu", [](const Value& x) { return Elu(x); }},
          {"selu", [](const Value& x) { return Selu(x); }},
          {"gelu", [](const Value& x) { return Gelu(x); }},
          {"mish", [](const Value& x) { return Mish(x); }}};
  for (const auto& [name, activation] : activations) {
    for (int64_t batch : {1, 7, 64}) {
      const absl::StatusOr<Kernels> kernels = CompareNetwork(activation, batch);
      ASSERT_TRUE(kernels.ok())
          << name << ", batch " << batch << ": " << kernels.status();
      EXPECT_LT(kernels->fused, kernels->unfused) << name;
    }
  }
}

// ---- Shapes of fusion -------------------------------------------------------

TEST(FusionTest, EverythingAroundAProduct) {
  Program program;
  const Graph& graph = program.graph;
  const Value a = Placeholder(graph, "a", F32({33, 20}));
  const Value b = Placeholder(graph, "b", F32({20, 17}));
  const Value row = Placeholder(graph, "row", F32({17}));
  const Value column = Placeholder(graph, "column", F32({33, 1}));
  const Value full = Placeholder(graph, "full", F32({33, 17}));
  const Value product = MatMul(a, b);
  const Value biased = Tanh(product + row);
  Fetch(program, "product", product);
  Fetch(program, "biased", biased);
  Fetch(program, "scaled", biased * column - full * Exp(row));
  Fetch(program, "sum", ReduceSum(biased * full, {.axes = {0}}));
  NumberSource numbers(5);
  std::vector<Feed> feeds;
  for (const Value& value : {a, b, row, column, full}) {
    feeds.push_back({value, Draw(value.type(), numbers)});
  }
  const absl::StatusOr<Kernels> kernels = Compare(program, feeds);
  ASSERT_TRUE(kernels.ok()) << kernels.status();
  EXPECT_LT(kernels->fused, kernels->unfused);
}

// `sum` and `scaled` run as one loop, which reads `row`; so `shifted`, which
// reads `sum`, must not join `row`, although `sum` is the oldest of them.
TEST(FusionTest, AGroupIsNotEnteredAgainThroughAnOlderNode) {
  Program program;
  const Graph& graph = program.graph;
  const Value x = Placeholder(graph, "x", F32({4, 6}));
  const Value y = Placeholder(graph, "y", F32({1, 6}));
  const Value power = Exp(x);
  const Value sum = ReduceSum(power, {.axes = {0}, .keep_dimensions = true});
  const Value row = Tanh(y);
  Fetch(program, "scaled", power * row);
  Fetch(program, "shifted", row + sum);
  NumberSource numbers(8);
  const absl::StatusOr<Kernels> kernels = Compare(
      program, {{x, Draw(x.type(), numbers)}, {y, Draw(y.type(), numbers)}});
  ASSERT_TRUE(kernels.ok()) << kernels.status();
}

TEST(FusionTest, MixedElementTypes) {
  Program program;
  const Graph& graph = program.graph;
  const Value x = Placeholder(graph, "x", F32({6, 50}));
  const Value n = Placeholder(graph, "n", I32({50}));
  const Value wide = Placeholder(graph, "wide", F64({6, 1}));
  const Value mask =
      LogicalAnd(Greater(x, 0), NotEqual(Cast(n, DType::kF32), 1));
  Fetch(program, "selected", Select(mask, x * 2, Cast(n * n, DType::kF32)));
  Fetch(program, "as f64", Cast(x, DType::kF64) * wide + 1);
  Fetch(program, "as bf16", Cast(x + 1, DType::kBF16));
  Fetch(program, "count", ReduceSum(Cast(mask, DType::kI64)));
  NumberSource numbers(6);
  std::vector<Feed> feeds;
  for (const Value& value : {x, n, wide}) {
    feeds.push_back({value, Draw(value.type(), numbers)});
  }
  const absl::StatusOr<Kernels> kernels = Compare(program, feeds);
  ASSERT_TRUE(kernels.ok()) << kernels.status();
  EXPECT_LT(kernels->fused, kernels->unfused);
}

// ---- Random graphs ----------------------------------------------------------

// A value made from those that exist, none of which grows beyond bounds.
Value GrowRandomly(const std::vector<Value>& values, NumberSource& numbers) {
  auto any = [&] {
    return values[numbers.Index(static_cast<int64_t>(values.size()))];
  };
  const Value a = any();
  const Value b = any();
  switch (numbers.Index(14)) {
    case 0:
      return Tanh(a + b);
    case 1:
      return Sigmoid(a) * b;
    case 2:
      return a - Tanh(b);
    case 3:
      return Maximum(a, b);
    case 4:
      return Select(Less(a, b), a, Minimum(b, 1));
    case 5:
      return Selu(Clamp(a, -2, 2));
    case 6:
      return a / (1 + Square(b));
    case 7:
      return SumToLike(Tanh(a) * b, any());
    case 8:
      return ReduceMean(a,
                        {.axes = {numbers.Index(2)}, .keep_dimensions = true}) +
             b;
    case 9:
      return ReduceMax(a,
                       {.axes = {numbers.Index(2)}, .keep_dimensions = true}) *
             Tanh(b);
    case 10:
      return BroadcastLike(Negate(a), a * b);
    case 11:
      return Reshape(Tanh(a), a.shape());
    case 12:
      return Cast(Cast(a, DType::kF64) * Cast(Tanh(b), DType::kF64),
                  DType::kF32);
    default:
      return Elu(a * 0.5) + Abs(b);
  }
}

// Twelve nodes or more over [4,6], [1,6] and [4,1], and the gradient of their
// sum.
absl::Status CompareRandomGraph(uint64_t seed) {
  NumberSource numbers(seed);
  Program program;
  std::vector<Value> values;
  std::vector<Feed> feeds;
  for (const Shape& shape :
       {Shape({4, 6}), Shape({1, 6}), Shape({4, 1}), Shape({4, 6})}) {
    values.push_back(Placeholder(program.graph, "x", F32(shape)));
    feeds.push_back({values.back(), Draw(F32(shape), numbers)});
  }
  while (values.size() < 14) {
    Graph attempt = program.graph.Clone();
    std::vector<Value> clones;
    clones.reserve(values.size());
    for (const Value& value : values) clones.push_back(*attempt.Resolve(value));
    const Value grown = GrowRandomly(clones, numbers);
    if (!grown.valid()) continue;  // a sum to a larger shape
    program.graph = attempt;
    values = clones;
    values.push_back(grown);
  }
  Value loss = ReduceMean(values.back());
  for (size_t i = 10; i < 13; ++i) loss = loss + ReduceMean(Tanh(values[i]));
  std::vector<Value> wrt(values.begin(), values.begin() + 4);
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<Value> gradients,
      Gradients(loss, wrt, {.zeros_for_unreached = true}));
  Fetch(program, "last", values.back());
  Fetch(program, "loss", loss);
  for (size_t i = 0; i < gradients.size(); ++i) {
    Fetch(program, StrCat("gradient ", i), gradients[i]);
  }
  return Compare(program, feeds).status();
}

// Fused or not, what is stored in a narrower type is read as it was stored.
TEST(FusionTest, NarrowerTypesRoundAndSaturateInsideOfLoops) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({5}));
  const Value wide = Placeholder(graph, "wide", F64({5}));
  const Value whole = Placeholder(graph, "whole", I32({5}));
  const Value narrow = Cast(x * 1.0, DType::kBF16);
  const Value single = Cast(wide * 1.0, DType::kF32);
  Program program{.graph = graph,
                  .fetches = {{"bf16", -Cast(narrow, DType::kF32) + x},
                              {"f32", -Cast(single, DType::kF64) + wide},
                              {"chain", (narrow + narrow) + narrow},
                              {"i64", Cast(whole + whole, DType::kI64) * 3}}};
  const std::vector<double> numbers = {1.001, -2.017, 0.1, 3.14159, 1e-3};
  Tensor floats = *Tensor::Zeros(F32({5}));
  Tensor doubles = *Tensor::Zeros(F64({5}));
  for (int64_t i = 0; i < 5; ++i) {
    StoreFromDouble(DType::kF32, floats.mutable_data(), i, numbers[i]);
    StoreFromDouble(DType::kF64, doubles.mutable_data(), i, numbers[i]);
  }
  const std::vector<int32_t> large = {1, -1, 2000000000, -2000000000, 7};
  const std::vector<Feed> feeds = {
      {x, floats}, {wide, doubles}, {whole, *Tensor::Of<int32_t>({5}, large)}};
  const absl::StatusOr<Outcome> fused = evengrad::Run(program, feeds, true);
  const absl::StatusOr<Outcome> unfused = evengrad::Run(program, feeds, false);
  ASSERT_TRUE(fused.ok()) << fused.status();
  ASSERT_TRUE(unfused.ok()) << unfused.status();
  EXPECT_LT(fused->num_kernels, unfused->num_kernels);
  for (size_t i = 0; i < program.fetches.size(); ++i) {
    EXPECT_EQ(fused->values[i].values, unfused->values[i].values)
        << program.fetches[i].name;
  }
  EXPECT_NE(fused->values[0].values[0], 0);
  EXPECT_NE(fused->values[1].values[0], 0);
  EXPECT_EQ(fused->values[3].values[2], 3 * 2147483647.0);
}

// Of values that loops and products compute, in several parts where they are
// large.
TEST(FusionTest, StatisticsEndLoopsAndProducts) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const int64_t rows : {3, 50, 640}) {
      NumberSource numbers(static_cast<uint64_t>(rows));
      const TensorType images = {dtype, {rows, 130}};
      const TensorType weights = {dtype, {130, 200}};
      Program program;
      const Graph& graph = program.graph;
      const Value x = Placeholder(graph, "x", images);
      const Value w = Placeholder(graph, "w", weights);
      const Value product = MatMul(x, w);
      const auto watch = [&](const std::string& name, const Value& value,
                             double limit) {
        const StatisticsValues statistics =
            Statistics(value, {.low = -limit, .high = limit, .bins = 16});
        Fetch(program, StrCat(name, " summary"), statistics.summary);
        // Between two bins rounding decides; the sum is the sample's size.
        Fetch(program, StrCat(name, " counted"),
              ReduceSum(statistics.histogram));
      };
      watch("x", x, 0.5);
      watch("product", product, 0);
      watch("tanh", Tanh(product + 1.0), 0);
      watch("loop", Exp(x) * 2.0, 0);
      const absl::StatusOr<Kernels> kernels = Compare(
          program, {{x, Draw(images, numbers)}, {w, Draw(weights, numbers)}});
      ASSERT_TRUE(kernels.ok()) << rows << ": " << kernels.status();
      EXPECT_LE(kernels->fused, kernels->unfused - 4) << rows;
    }
  }
}

// Two values that are the same register are stored, one where the product
// lies, before the product is stored in another type.
TEST(FusionTest, AStoreOverwritesWhatAnotherStoreReads) {
  const TensorType type = F32({64, 64});
  NumberSource numbers(1);
  Program program;
  const Graph& graph = program.graph;
  const Value a = Placeholder(graph, "a", type);
  const Value b = Placeholder(graph, "b", type);
  const Value product = MatMul(a, b);
  const Value state = State(graph, "s", Constant(graph, Draw(type, numbers)));
  program.updates = {{state, Square(product)}};
  Fetch(program, "square", product * product);
  Fetch(program, "product", Cast(product, DType::kBF16));
  // Whole numbers, of which bf16 loses nothing.
  auto draw = [&] {
    Tensor tensor = *Tensor::Zeros(type);
    const std::span<float> values = *tensor.mutable_values<float>();
    for (float& value : values) {
      value = static_cast<float>(std::round(numbers.Uniform(-1.4, 1.4)));
    }
    return tensor;
  };
  const absl::StatusOr<Kernels> kernels =
      Compare(program, {{a, draw()}, {b, draw()}});
  ASSERT_TRUE(kernels.ok()) << kernels.status();
  EXPECT_EQ(kernels->fused, 1);
}

// Each part of a loop, and of a product, counts for itself, in each run anew.
TEST(FusionTest, CountsOfSeveralPartsAndRuns) {
  const TensorType wide = F32({640, 700});
  Program program;
  const Graph& graph = program.graph;
  const Value x = Placeholder(graph, "x", wide);
  const Value w = Placeholder(graph, "w", F32({700, 400}));
  const Value loop = x * 2.0;
  const Value product = MatMul(x, w);
  Fetch(program, "loop squares", SumOfSquares(loop));
  Fetch(program, "loop test", FiniteTest(loop));
  Fetch(program, "product squares", SumOfSquares(product));
  Fetch(program, "product test", FiniteTest(product));
  NumberSource numbers(1);
  const Tensor weights = Draw(w.type(), numbers);
  absl::StatusOr<Session> session = Session::Create(graph, {.num_threads = 2});
  ASSERT_TRUE(session.ok()) << session.status();
  for (const bool finite : {true, false, true}) {
    Tensor input = Draw(wide, numbers);
    if (!finite) {
      StoreFromDouble(DType::kF32, input.mutable_data(),
                      input.num_elements() - 1, NAN);
    }
    const absl::StatusOr<RunResult> result =
        session->Run(program, {{x, input}, {w, weights}});
    ASSERT_TRUE(result.ok()) << result.status();
    Outcome outcome;
    for (const Tensor& tensor : result->values()) {
      outcome.values.push_back(ToReference(tensor));
    }
    const std::vector<ReferenceFeed> feeds = {{x, ToReference(input)},
                                              {w, ToReference(weights)}};
    const absl::StatusOr<ReferenceResult> expected =
        RunReference(program, feeds, {.seed = 3});
    ASSERT_TRUE(expected.ok()) << expected.status();
    const absl::Status close =
        CheckAllClose(program, outcome, expected->fetches);
    EXPECT_TRUE(close.ok()) << close;
  }
}

TEST(FusionTest, RandomGraphs) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const absl::Status status = CompareRandomGraph(seed);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
}

}  // namespace
}  // namespace evengrad
