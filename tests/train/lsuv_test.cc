// LSUV, held against variances that the test computes from the products.
#include "evengrad/train/lsuv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

constexpr int64_t kFeatures = 20;
constexpr int64_t kBatch = 64;

double Variance(const Numbers& numbers) {
  double mean = 0, squares = 0;
  for (double x : numbers) mean += x / static_cast<double>(numbers.size());
  for (double x : numbers) {
    squares += (x - mean) * (x - mean) / static_cast<double>(numbers.size());
  }
  return squares;
}

Tensor Examples() {
  std::vector<float> values;
  for (int i = 0; i < kBatch * kFeatures; ++i) {
    values.push_back(static_cast<float>(5 * std::sin(0.7 * i * i + 1)));
  }
  return *Tensor::Of<float>({kBatch, kFeatures}, values);
}

// A deep network with weights that are far too small, and biases that are not
// 0.
struct Net {
  Net() {
    x = Placeholder(graph, "x", F32({"batch", kFeatures}));
    Value hidden = x;
    for (int i = 1; i <= 8; ++i) {
      const Value layer = Dense(hidden, i % 2 == 0 ? 30 : 16,
                                {.name = StrCat("hidden", i),
                                 .initializer = NormalInitializer(0, 1e-3),
                                 .bias_initializer = ConstantInitializer(0.1)});
      products.push_back(
          graph.FindNode(StrCat("hidden", i, "/matmul")).output());
      hidden = i % 3 == 0 ? Tanh(layer) : Relu(layer);
    }
    output = hidden;
    session = Session::Create(graph, {.seed = 11});
  }
  Graph graph;
  Value x, output;
  std::vector<Value> products;
  absl::StatusOr<Session> session;
};

TEST(LsuvTest, GivesEveryProductVarianceOne) {
  Net net;
  const absl::StatusOr<std::vector<LsuvLayer>> layers =
      InitializeLsuv(*net.session, net.output, {{net.x, Examples()}});
  ASSERT_TRUE(layers.ok()) << layers.status();
  ASSERT_EQ(layers->size(), 8);
  const absl::StatusOr<RunResult> result =
      net.session->Run(net.products, std::vector<Feed>{{net.x, Examples()}});
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t i = 0; i < 8; ++i) {
    const LsuvLayer& layer = (*layers)[i];
    EXPECT_EQ(layer.weights, StrCat("hidden", i + 1, "/weights"));
    const double variance = Variance(result->values()[i].ToDoubles());
    EXPECT_NEAR(variance, 1, 0.02) << i;
    EXPECT_NEAR(layer.variance, variance, 1e-4) << i;
    EXPECT_LT(layer.variance_before, 0.01) << i;
    EXPECT_EQ(layer.iterations, 1) << i;  // products are linear in the weights
  }
}

// A scaled matrix with orthonormal rows or columns.
TEST(LsuvTest, KeepsWeightsOrthogonal) {
  Net net;
  ASSERT_TRUE(
      InitializeLsuv(*net.session, net.output, {{net.x, Examples()}}).ok());
  const Tensor weights = *net.session->Read("hidden2/weights");  // [16, 30]
  const Numbers w = weights.ToDoubles();
  auto product = [&](int a, int b) {
    double sum = 0;
    for (int k = 0; k < 30; ++k) sum += w[a * 30 + k] * w[b * 30 + k];
    return sum;
  };
  for (int a = 0; a < 16; ++a) {
    EXPECT_NEAR(product(a, a), product(0, 0), 1e-5 * product(0, 0));
    for (int b = 0; b < a; ++b) {
      EXPECT_NEAR(product(a, b), 0, 1e-5 * product(0, 0));
    }
  }
}

TEST(LsuvTest, ExemptWeightsAndBiasesKeepTheirBits) {
  Net net;
  const Tensor weights = *net.session->Read("hidden3/weights");
  const Tensor bias = *net.session->Read("hidden1/bias");
  const absl::StatusOr<std::vector<LsuvLayer>> layers =
      InitializeLsuv(*net.session, net.output, {{net.x, Examples()}},
                     {.exempt = {"hidden3/*"}});
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_EQ(layers->size(), 7);
  EXPECT_TRUE(*net.session->Read("hidden3/weights") == weights);
  EXPECT_TRUE(*net.session->Read("hidden1/bias") == bias);
}

// A penalty reads the weights, too; the product is what depends on the data.
TEST(LsuvTest, APenaltyOnWeightsIsNoProduct) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"batch", kFeatures}));
  const Value w = Parameter(
      graph, "w", AddInitializer(graph, HeNormal(), F64({kFeatures, 5})));
  const Value penalty = ReduceSum(Square(w));
  const Value product = MatMul(x, Square(Tanh(w)) + w);
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<double> examples = Examples().ToDoubles();
  const Tensor batch = *Tensor::Of<double>({kBatch, kFeatures}, examples);
  const absl::StatusOr<std::vector<LsuvLayer>> layers =
      InitializeLsuv(*session, ReduceSum(product) + penalty, {{x, batch}},
                     {.tolerance = 1e-6, .max_iterations = 60});
  ASSERT_TRUE(layers.ok()) << layers.status();
  // The product is not linear in w here, which takes iterations.
  const absl::Status status =
      InitializeLsuv(*session, product, {{x, batch}},
                     {.tolerance = 1e-6, .max_iterations = 1})
          .status();
  EXPECT_NE(Message(status).find("matmul: InitializeLsuv: the variance over "
                                 "the batch is still "),
            std::string_view::npos)
      << status;
  EXPECT_GT((*layers)[0].iterations, 1);
  EXPECT_NEAR(
      Variance(session->Run({product}, {{x, batch}})->values()[0].ToDoubles()),
      1, 1e-5);
}

TEST(LsuvTest, AnErrorLeavesTheStates) {
  Net net;
  std::vector<Tensor> before;
  for (const std::string& name : net.session->StateNames()) {
    before.push_back(*net.session->Read(name));
  }
  const absl::Status status =
      InitializeLsuv(*net.session, net.output,
                     {{net.x, *Tensor::Zeros(F32({kBatch, kFeatures}))}})
          .status();
  EXPECT_NE(Message(status).find("hidden1/matmul: InitializeLsuv: the variance "
                                 "over the batch is 0, expected a finite "
                                 "number above 0; feed different examples"),
            std::string_view::npos)
      << status;
  EXPECT_NE(Message(status).find("lsuv_test.cc:"), std::string_view::npos);
  size_t i = 0;
  for (const std::string& name : net.session->StateNames()) {
    EXPECT_TRUE(*net.session->Read(name) == before[i++]) << name;
  }
}

TEST(LsuvTest, Errors) {
  Net net;
  auto message = [&](const Value& output, LsuvOptions options = {}) {
    return std::string(Message(
        InitializeLsuv(*net.session, output, {{net.x, Examples()}}, options)
            .status()));
  };
  EXPECT_EQ(message(Value()), "InitializeLsuv: the output is an empty value");
  EXPECT_NE(message(net.x).find("depends on no weights to initialize"),
            std::string::npos);
  EXPECT_NE(message(net.output, {.exempt = {"*"}}).find("no weights"),
            std::string::npos);
  EXPECT_NE(message(net.output, {.max_iterations = 0}).find("0 iterations"),
            std::string::npos);
  EXPECT_NE(message(net.output, {.tolerance = NAN}).find("tolerance of nan"),
            std::string::npos);
  const Value alone = Parameter(
      net.graph, "alone", AddInitializer(net.graph, HeNormal(), F32({2, 3})));
  EXPECT_NE(message(ReduceSum(Square(alone)))
                .find("alone: InitializeLsuv: no "
                      "product of the weights"),
            std::string::npos);
}

}  // namespace
}  // namespace evengrad
