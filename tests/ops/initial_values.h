// What a session starts with, and its moments.
#ifndef EVENGRAD_TESTS_OPS_INITIAL_VALUES_H_
#define EVENGRAD_TESTS_OPS_INITIAL_VALUES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

// The numbers a state starts with.
inline std::vector<double> Draw(const Initializer& initializer,
                                const TensorType& type,
                                const InitializerOptions& options = {},
                                uint64_t seed = 3) {
  Graph graph;
  State(graph, "w", AddInitializer(graph, initializer, type, options));
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = seed});
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return {};
  return session->Read("w")->ToDoubles();
}

struct Moments {
  double mean = 0;
  double variance = 0;  // about the mean
  double least = 0;
  double largest = 0;
};

inline Moments MomentsOf(const std::vector<double>& values) {
  const double count = static_cast<double>(values.size());
  Moments moments = {.least = values[0], .largest = values[0]};
  for (double x : values) {
    moments.mean += x / count;
    moments.least = std::min(moments.least, x);
    moments.largest = std::max(moments.largest, x);
  }
  for (double x : values) {
    moments.variance += (x - moments.mean) * (x - moments.mean) / count;
  }
  return moments;
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_OPS_INITIAL_VALUES_H_
