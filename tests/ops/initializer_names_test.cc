// Initializers by name, and the conventions of other libraries.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "tests/ops/initial_values.h"

namespace evengrad {
namespace {

// ---- Names ------------------------------------------------------------------

struct Convention {
  std::string_view name;
  double variance;   // of a weight[300, 500]
  bool uniform;      // bounded by sqrt(3 variance)
  double bound = 0;  // of the others, in deviations; 0: none below 3.5
};

TEST(InitializerNamesTest, ConventionsByName) {
  const double truncated = 2 / 0.87962566103423978;
  const Convention conventions[] = {
      {"he_normal", 2.0 / 300, false, truncated},
      {"he_normal:0.3", 2 / 1.09 / 300, false, truncated},
      {"he_uniform", 2.0 / 300, true},
      {"glorot_uniform", 2.0 / 800, true},
      {"lecun_uniform", 1.0 / 300, true},
      {"pytorch_default", 1.0 / 900, true},
      {"pytorch_kaiming_normal", 2.0 / 300, false},
      {"pytorch_kaiming_uniform:2", 2.0 / 5 / 300, true},
      {"pytorch_xavier_normal:2", 4 * 2.0 / 800, false},
      {"pytorch_xavier_uniform", 2.0 / 800, true},
      {"keras_default", 2.0 / 800, true},
      {"keras_random_normal", 0.0025, false},
      {"keras_random_uniform", 0.0025 / 3, true},
      {"keras_truncated_normal", std::pow(0.05 * 0.87962566103423978, 2), false,
       truncated},
      {"mlx_he_normal", 1.0 / 300, false},
      {"tinygrad_kaiming_normal", 2 / 1.0001 / 300, false},
      {"tinygrad_kaiming_uniform", 2 / 1.0001 / 300, true},
      {"tiny_dnn_lecun", 1.0 / 900, true},
      {"uniform:0.3", 0.03, true},
      {"normal:0.3", 0.09, false},
      {"truncated_normal:0.3", 0.09, false, truncated},
  };
  for (const Convention& expected : conventions) {
    const absl::StatusOr<Initializer> initializer =
        InitializerByName(expected.name);
    ASSERT_TRUE(initializer.ok()) << initializer.status();
    const Moments found = MomentsOf(Draw(*initializer, F32({300, 500})));
    const double deviation = std::sqrt(expected.variance);
    EXPECT_NEAR(found.variance / expected.variance, 1, 0.02) << expected.name;
    EXPECT_NEAR(found.mean / deviation, 0, 0.015) << expected.name;
    const double reach = std::max(found.largest, -found.least) / deviation;
    const double bound = expected.uniform ? std::sqrt(3) : expected.bound;
    if (bound > 0) {
      EXPECT_LE(reach, bound * (1 + 1e-5)) << expected.name;
      EXPECT_GE(reach, bound * 0.99) << expected.name;
    } else {
      EXPECT_GT(reach, 3.5) << expected.name;
    }
  }
}

TEST(InitializerNamesTest, EveryNameIsKnown) {
  for (std::string_view name : InitializerNames()) {
    const absl::StatusOr<Initializer> plain = InitializerByName(name);
    if (plain.ok()) {
      EXPECT_TRUE(plain->kind == Initializer::Kind::kAuto ||
                  !Draw(*plain, F32({4, 3})).empty())
          << name;
    } else {
      EXPECT_TRUE(InitializerByName(StrCat(name, ":0.5")).ok()) << name;
    }
  }
}

TEST(InitializerNamesTest, Arguments) {
  EXPECT_EQ(*InitializerByName("orthogonal:1.5"), OrthogonalInitializer(1.5));
  EXPECT_EQ(*InitializerByName("keras_orthogonal"),
            OrthogonalInitializer(1, Flattening::kLastAxis));
  EXPECT_EQ(*InitializerByName("identity"), IdentityInitializer());
  EXPECT_EQ(*InitializerByName("sparse:0.9"), SparseInitializer(0.9));
  EXPECT_EQ(*InitializerByName("constant:-2"), ConstantInitializer(-2));
  auto message = [](std::string_view name) {
    return std::string(Message(InitializerByName(name).status()));
  };
  EXPECT_EQ(message("sparse"),
            "initializer 'sparse' wants its share of zeros, as in "
            "'sparse:0.1'");
  EXPECT_EQ(message("sparse:1.5"),
            "initializer 'sparse': '1.5' is no share of zeros, expected a "
            "finite number from 0 to 1");
  EXPECT_EQ(message("orthogonal:0"),
            "initializer 'orthogonal': '0' is no gain, expected a finite "
            "number above 0");
  EXPECT_EQ(message("normal:wide"),
            "initializer 'normal': 'wide' is no standard deviation, expected a "
            "finite number of at least 0");
  EXPECT_EQ(message("he_normal:nan"),
            "initializer 'he_normal': 'nan' is no slope of the leaky ReLU, "
            "expected a finite number");
  EXPECT_EQ(message("zeros:1"),
            "initializer 'zeros' takes no argument, given '1'");
  EXPECT_EQ(message("orthogonl:2"),
            "unknown initializer 'orthogonl'; did you mean 'orthogonal'?");
}

// ---- Layers -----------------------------------------------------------------

TEST(InitializerNamesTest, LibraryDefaultsOfWholeLayers) {
  const LayerInitializers pytorch = *LayerInitializersByName("pytorch_default");
  EXPECT_TRUE(pytorch.last_layer);
  EXPECT_EQ(pytorch.bias, PyTorchDefault());
  const LayerInitializers keras = *LayerInitializersByName("keras_default");
  EXPECT_TRUE(keras.last_layer);
  EXPECT_EQ(keras.bias, Zeros());
  EXPECT_FALSE(LayerInitializersByName("he_normal")->last_layer);
  EXPECT_FALSE(LayerInitializersByName("he_norml").ok());

  // The bias has the fans of its weights.
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 400}));
  Dense(x, 5000,
        {.initializer = pytorch.weights, .bias_initializer = pytorch.bias});
  const absl::StatusOr<Session> session = Session::Create(graph, {.seed = 3});
  ASSERT_TRUE(session.ok()) << session.status();
  const Moments bias = MomentsOf(session->Read("bias")->ToDoubles());
  EXPECT_LE(bias.largest, 0.05);
  EXPECT_GE(bias.least, -0.05);
  EXPECT_NEAR(bias.variance, 0.0025 / 3, 0.0025 / 3 * 0.05);
}

}  // namespace
}  // namespace evengrad
