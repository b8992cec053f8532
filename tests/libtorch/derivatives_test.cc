// First and second derivatives, compared with libtorch.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/runtime/reference_executor.h"
#include "torch_derivatives.h"

namespace evengrad {
namespace {

// Numbers in [-1, 1) with no pattern that matters.
std::vector<double> Scatter(int64_t count, int seed) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < count; ++i) {
    const double x =
        std::sin(static_cast<double>(i + 1000 * seed) * 12.9898) * 43758.5453;
    numbers.push_back(2 * (x - std::floor(x)) - 1);
  }
  return numbers;
}

DerivativeTask MakeTask() {
  DerivativeTask task = {.sizes = {4, 5, 3}, .batch = 6};
  task.x = Scatter(task.batch * task.sizes[0], 1);
  for (int64_t i = 0; i < task.batch; ++i) {
    task.labels.push_back(i * i % task.sizes[2]);
  }
  int seed = 2;
  for (size_t layer = 0; layer < 2; ++layer) {
    const int64_t in = task.sizes[layer];
    const int64_t out = task.sizes[layer + 1];
    for (int64_t count : {in * out, out}) {
      task.parameters.push_back(Scatter(count, seed++));
      task.directions.push_back(Scatter(count, seed++));
    }
  }
  return task;
}

// The network of DerivativeTask, its parameters and directions fed.
struct Network {
  explicit Network(const DerivativeTask& task) {
    const int64_t in = task.sizes[0];
    const int64_t width = task.sizes[1];
    const int64_t out = task.sizes[2];
    const Value x = Placeholder(graph, "x", F64({"batch", in}));
    const Value labels = Placeholder(graph, "labels", I32({"batch"}));
    AddFeed(x, {task.batch, in}, task.x);
    AddFeed(labels, {task.batch}, {task.labels.begin(), task.labels.end()});
    const std::vector<std::vector<int64_t>> shapes = {
        {in, width}, {width}, {width, out}, {out}};
    for (size_t i = 0; i < shapes.size(); ++i) {
      parameters.push_back(
          Placeholder(graph, "parameter", F64(Shape(shapes[i]))));
      directions.push_back(
          Placeholder(graph, "direction", F64(Shape(shapes[i]))));
      AddFeed(parameters[i], shapes[i], task.parameters[i]);
      AddFeed(directions[i], shapes[i], task.directions[i]);
    }
    const Value hidden = Tanh(MatMul(x, parameters[0]) + parameters[1]);
    logits = Silu(MatMul(hidden, parameters[2]) + parameters[3]);
    loss = SparseSoftmaxCrossEntropy(logits, labels);
  }

  void AddFeed(const Value& value, std::vector<int64_t> sizes,
               std::vector<double> numbers) {
    feeds.push_back(
        {value, {value.dtype(), std::move(sizes), std::move(numbers)}});
  }

  // What both the reference executor and a session compute, in double.
  void Expect(const absl::StatusOr<std::vector<Value>>& values,
              const std::vector<std::vector<double>>& expected) {
    ASSERT_TRUE(values.ok()) << values.status();
    ASSERT_EQ(values->size(), expected.size());
    const absl::StatusOr<std::vector<ReferenceTensor>> by_reference =
        RunReference(graph, *values, feeds);
    ASSERT_TRUE(by_reference.ok()) << by_reference.status();
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_TRUE(session.ok()) << session.status();
    std::vector<Feed> tensors;
    for (const ReferenceFeed& feed : feeds) {
      tensors.push_back({feed.value, *ToTensor(feed.tensor)});
    }
    const absl::StatusOr<RunResult> result = session->Run(
        std::span<const Value>(*values), std::span<const Feed>(tensors));
    ASSERT_TRUE(result.ok()) << result.status();
    for (size_t i = 0; i < expected.size(); ++i) {
      Compare((*by_reference)[i].values, expected[i], 1e-12);
      Compare(result->values()[i].ToDoubles(), expected[i], 1e-11);
    }
  }

  static void Compare(const std::vector<double>& found,
                      const std::vector<double>& expected, double tolerance) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t k = 0; k < expected.size(); ++k) {
      EXPECT_NEAR(found[k], expected[k], tolerance) << "element " << k;
    }
  }

  Graph graph;
  Value logits;
  Value loss;
  std::vector<Value> parameters;
  std::vector<Value> directions;
  std::vector<ReferenceFeed> feeds;
};

TEST(DerivativesTest, AgreeWithLibtorch) {
  const DerivativeTask task = MakeTask();
  const Derivatives expected = DifferentiateWithTorch(task);
  Network net(task);
  const absl::StatusOr<std::vector<Value>> gradient =
      Gradients(net.loss, net.parameters);
  net.Expect(gradient, expected.gradient);
  net.Expect(HessianVectorProduct(net.loss, net.parameters, net.directions),
             expected.hessian_vector);
  net.Expect(
      Jvp(std::vector<Value>{net.logits}, net.parameters, net.directions),
      {expected.logits_jvp});
  Value penalty;
  for (const Value& part : *gradient) {
    const Value squares = ReduceSum(Square(part));
    penalty = penalty.valid() ? penalty + squares : squares;
  }
  net.Expect(Gradients(penalty, std::vector<Value>{net.parameters[0]}),
             {expected.penalty_gradient});
}

}  // namespace
}  // namespace evengrad
