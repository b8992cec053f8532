// Normalization, losses and products against libtorch, in double: outputs,
// gradients and what they change.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/ops/builtin_ops.h"
#include "torch_functions.h"

namespace evengrad {
namespace {

// A number in [-1, 1) for each n, with no pattern that matters.
double Scatter(int64_t n) {
  const double x = std::sin(static_cast<double>(n) * 12.9898) * 43758.5453;
  return 2 * (x - std::floor(x)) - 1;
}

// Elements around `center`, other ones for each `salt`.
TorchArray Draw(std::vector<int64_t> sizes, int64_t salt, double center = 0,
                double spread = 2) {
  TorchArray array = {std::move(sizes), {}};
  int64_t count = 1;
  for (int64_t size : array.sizes) count *= size;
  for (int64_t i = 0; i < count; ++i) {
    array.values.push_back(center + spread * Scatter(1000 * salt + i));
  }
  return array;
}

void ExpectNear(const TorchArray& expected, const Tensor& found,
                const std::string& what) {
  EXPECT_EQ(expected.sizes,
            std::vector<int64_t>(found.sizes().begin(), found.sizes().end()))
      << what;
  const std::vector<double> values = found.ToDoubles();
  ASSERT_EQ(values.size(), expected.values.size()) << what;
  for (size_t i = 0; i < values.size(); ++i) {
    const double size = std::fabs(expected.values[i]);
    EXPECT_NEAR(values[i], expected.values[i], 1e-11 * (1 + size))
        << what << ", element " << i;
  }
}

// The nodes that are to compute the same: of placeholders for the call's
// inputs, and of labels[batch].
using Build =
    std::function<Value(const std::vector<Value>& inputs, const Value& labels)>;

// Output, gradients of the inputs that libtorch differentiates, and `states`.
void Compare(
    const TorchCall& call, const Build& build, Mode mode = Mode::kTraining,
    const std::map<std::string, std::function<Value(Value)>>& states = {}) {
  SCOPED_TRACE(call.function);
  const TorchAnswer expected = CallTorch(call);
  Graph graph;
  std::vector<Value> inputs;
  std::vector<Feed> feeds;
  for (const TorchArray& input : call.inputs) {
    inputs.push_back(Placeholder(graph, "input", F64(Shape(input.sizes))));
    feeds.push_back(
        {inputs.back(), *Tensor::Of<double>(input.sizes, input.values)});
  }
  const int64_t batch = static_cast<int64_t>(call.labels.size());
  const Value labels = Placeholder(graph, "labels", I64({batch}));
  feeds.push_back({labels, *Tensor::Of<int64_t>({batch}, call.labels)});
  const Value output = build(inputs, labels);
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  const Value weights = Placeholder(graph, "weights", output.type());
  Tensor sines = *Tensor::Zeros(output.type());
  for (int64_t i = 0; i < sines.num_elements(); ++i) {
    StoreFromDouble(DType::kF64, sines.mutable_data(), i,
                    std::sin(1.0 + static_cast<double>(i)));
  }
  feeds.push_back({weights, sines});
  const auto gradients = Gradients(ReduceSum(weights * output), inputs,
                                   {.zeros_for_unreached = true});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  Program program = {.graph = graph, .mode = mode};
  program.fetches.push_back({"output", output});
  for (size_t i = 0; i < inputs.size(); ++i) {
    program.fetches.push_back({StrCat("gradient ", i), (*gradients)[i]});
  }
  for (const auto& [name, of_output] : states) {
    program.fetches.push_back({name, of_output(output)});
  }
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<RunResult> result = session->Run(program, feeds);
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectNear(expected.output, *result->Get("output"), "output");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (expected.gradients[i].sizes.empty() &&
        expected.gradients[i].values.empty()) {
      continue;
    }
    const std::string name = StrCat("gradient ", i);
    ExpectNear(expected.gradients[i], *result->Get(name), name);
  }
  for (const auto& [name, unused] : states) {
    ExpectNear(expected.states.at(name), *result->Get(name), name);
  }
}

// ---- Normalization ----------------------------------------------------------

void CompareBatchNorm(const std::vector<int64_t>& sizes, double momentum,
                      double epsilon) {
  const int64_t channels = sizes[1];
  const TorchCall call = {
      .function = "batch_norm",
      .inputs = {Draw(sizes, 1, 3), Draw({channels}, 2), Draw({channels}, 3),
                 Draw({channels}, 4), Draw({channels}, 5, 1, 0.5)},
      .numbers = {{"momentum", momentum}, {"epsilon", epsilon}}};
  const Build build = [&](const std::vector<Value>& inputs, const Value&) {
    return AddNode(BatchNormOp(), inputs,
                   {{"momentum", momentum}, {"epsilon", epsilon}})
        .output();
  };
  Compare(call, build, Mode::kTraining,
          {{"running_mean", [](Value y) { return y.node().output(3); }},
           {"running_variance", [](Value y) { return y.node().output(4); }}});
  TorchCall inference = call;
  inference.numbers["training"] = 0;
  Compare(inference, build, Mode::kInference);
}

TEST(FunctionsTest, BatchNorm) {
  CompareBatchNorm({6, 4}, 0.1, 1e-5);
  CompareBatchNorm({3, 2, 4}, 0.3, 1e-3);
  CompareBatchNorm({2, 3, 4, 5}, 0.1, 1e-5);
}

TEST(FunctionsTest, LayerNorm) {
  for (const std::vector<int64_t>& last :
       {std::vector<int64_t>{5}, std::vector<int64_t>{4, 5}}) {
    Compare(
        {.function = "layer_norm",
         .inputs = {Draw({3, 4, 5}, 1, 3), Draw(last, 2), Draw(last, 3)},
         .numbers = {{"epsilon", 1e-3}}},
        [](const std::vector<Value>& inputs, const Value&) {
          return AddNode(LayerNormOp(), inputs, {{"epsilon", 1e-3}}).output();
        });
  }
}

TEST(FunctionsTest, Prelu) {
  Compare({.function = "prelu", .inputs = {Draw({5, 3}, 1), Draw({3}, 2)}},
          [](const std::vector<Value>& inputs, const Value&) {
            return Prelu(inputs[0], inputs[1]);
          });
}

// ---- Losses -----------------------------------------------------------------

const std::pair<std::string, LossReduction> kReductions[] = {
    {"mean", LossReduction::kMean},
    {"sum", LossReduction::kSum},
    {"none", LossReduction::kNone}};

void CompareSparse(double smoothing, bool weighted, bool ignoring,
                   const std::string& name, LossReduction reduction) {
  SCOPED_TRACE(StrCat(smoothing, weighted ? " weighted" : "",
                      ignoring ? " ignoring" : "", " ", name));
  TorchCall call = {.function = "cross_entropy",
                    .inputs = {Draw({5, 3}, 1)},
                    .labels = {0, 2, 1, 2, 1},
                    .numbers = {{"label_smoothing", smoothing}},
                    .reduction = name};
  if (weighted) call.inputs.push_back(Draw({3}, 2, 1, 0.5));
  if (ignoring) call.numbers["ignore_index"] = 2;
  Compare(call, [&](const std::vector<Value>& inputs, const Value& labels) {
    SparseCrossEntropyOptions options = {.reduction = reduction,
                                         .label_smoothing = smoothing};
    if (weighted) options.class_weights = inputs[1];
    if (ignoring) options.ignore_index = 2;
    return SparseSoftmaxCrossEntropy(inputs[0], labels, options);
  });
}

TEST(FunctionsTest, SparseSoftmaxCrossEntropy) {
  for (double smoothing : {0.0, 0.1}) {
    for (bool weighted : {false, true}) {
      for (bool ignoring : {false, true}) {
        for (const auto& [name, reduction] : kReductions) {
          CompareSparse(smoothing, weighted, ignoring, name, reduction);
        }
      }
    }
  }
}

TEST(FunctionsTest, SoftmaxCrossEntropy) {
  for (double smoothing : {0.0, 0.1}) {
    for (bool weighted : {false, true}) {
      for (const auto& [name, reduction] : kReductions) {
        TorchCall call = {.function = "dense_cross_entropy",
                          .inputs = {Draw({5, 3}, 1), Draw({5, 3}, 2, 1, 0.5)},
                          .numbers = {{"label_smoothing", smoothing}},
                          .reduction = name};
        if (weighted) call.inputs.push_back(Draw({3}, 3, 1, 0.5));
        Compare(call, [&](const std::vector<Value>& inputs, const Value&) {
          return SoftmaxCrossEntropy(
              inputs[0], inputs[1],
              {.reduction = reduction,
               .label_smoothing = smoothing,
               .class_weights = weighted ? inputs[2] : Value()});
        });
      }
    }
  }
}

TEST(FunctionsTest, NegativeLogLikelihood) {
  for (bool weighted : {false, true}) {
    for (const auto& [name, reduction] : kReductions) {
      TorchCall call = {.function = "negative_log_likelihood",
                        .inputs = {Draw({5, 3}, 1)},
                        .labels = {0, 2, 1, 2, 1},
                        .numbers = {{"ignore_index", 1}},
                        .reduction = name};
      if (weighted) call.inputs.push_back(Draw({3}, 2, 1, 0.5));
      Compare(call, [&](const std::vector<Value>& inputs, const Value& labels) {
        return NegativeLogLikelihood(
            inputs[0], labels,
            {.reduction = reduction,
             .class_weights = weighted ? inputs[1] : Value(),
             .ignore_index = 1});
      });
    }
  }
}

TEST(FunctionsTest, LossesOfElements) {
  for (const auto& [name, reduction] : kReductions) {
    TorchCall call = {.inputs = {Draw({4, 3}, 1), Draw({4, 3}, 2)},
                      .reduction = name};
    call.function = "mean_squared_error";
    Compare(call, [&](const std::vector<Value>& inputs, const Value&) {
      return MeanSquaredError(inputs[0], inputs[1], reduction);
    });
    call.function = "mean_absolute_error";
    Compare(call, [&](const std::vector<Value>& inputs, const Value&) {
      return MeanAbsoluteError(inputs[0], inputs[1], reduction);
    });
    call.function = "huber";
    call.numbers["delta"] = 0.7;
    Compare(call, [&](const std::vector<Value>& inputs, const Value&) {
      return Huber(inputs[0], inputs[1],
                   {.reduction = reduction, .delta = 0.7});
    });
    call.function = "sigmoid_cross_entropy";
    call.inputs[1] = Draw({4, 3}, 3, 0.5, 0.5);
    for (double weight : {1.0, 2.5}) {
      call.numbers["positive_weight"] = weight;
      Compare(call, [&](const std::vector<Value>& inputs, const Value&) {
        return SigmoidCrossEntropy(
            inputs[0], inputs[1],
            {.reduction = reduction, .positive_weight = weight});
      });
    }
  }
}

// ---- Products ---------------------------------------------------------------

TEST(FunctionsTest, BatchedMatMul) {
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>
      sizes = {{{2, 3, 4}, {2, 4, 5}},
               {{2, 3, 4}, {4, 5}},
               {{3, 4}, {2, 4, 5}},
               {{2, 1, 3, 4}, {5, 4, 2}}};
  for (const auto& [left, right] : sizes) {
    Compare({.function = "matmul", .inputs = {Draw(left, 1), Draw(right, 2)}},
            [](const std::vector<Value>& inputs, const Value&) {
              return MatMul(inputs[0], inputs[1]);
            });
  }
}

TEST(FunctionsTest, Einsum) {
  for (const char* equation :
       {"bij,bjk->bik", "bij,bkj->kib", "bij,cij->bc", "bij,jk->bik"}) {
    const bool last = std::string(equation) == "bij,jk->bik";
    const std::vector<int64_t> right =
        last ? std::vector<int64_t>{3, 3} : std::vector<int64_t>{3, 3, 3};
    Compare({.function = "einsum",
             .inputs = {Draw({3, 3, 3}, 1), Draw(right, 2)},
             .equation = equation},
            [&](const std::vector<Value>& inputs, const Value&) {
              return Einsum(equation, inputs);
            });
  }
}

}  // namespace
}  // namespace evengrad
