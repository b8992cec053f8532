// Values and difference quotients by the reference executor, in double.
#ifndef EVENGRAD_TESTS_AUTODIFF_DERIVATIVES_H_
#define EVENGRAD_TESTS_AUTODIFF_DERIVATIVES_H_

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {

using Doubles = std::vector<double>;

inline SourceLocation Line(int line) { return {"/home/user/model.cc", line}; }

inline ReferenceFeed FeedOf(const Value& value, std::vector<int64_t> sizes,
                            Doubles numbers) {
  return {value, {value.dtype(), std::move(sizes), std::move(numbers)}};
}

inline Doubles Evaluate(const Value& value,
                        const std::vector<ReferenceFeed>& feeds) {
  absl::StatusOr<std::vector<ReferenceTensor>> result =
      RunReference(*Graph::Of(value), std::vector<Value>{value}, feeds);
  EXPECT_TRUE(result.ok()) << Message(result.status());
  return result.ok() ? (*result)[0].values : Doubles();
}

// Central differences of `loss` (a scalar) by each element of feed `index`.
inline Doubles CentralDifferences(const Value& loss,
                                  std::vector<ReferenceFeed> feeds,
                                  size_t index) {
  constexpr double kStep = 1e-6;
  Doubles result;
  for (size_t i = 0; i < feeds[index].tensor.values.size(); ++i) {
    double& x = feeds[index].tensor.values[i];
    const double kept = x;
    x = kept + kStep;
    const double above = Evaluate(loss, feeds)[0];
    x = kept - kStep;
    const double below = Evaluate(loss, feeds)[0];
    x = kept;
    result.push_back((above - below) / (2 * kStep));
  }
  return result;
}

inline void ExpectNear(const Doubles& actual, const Doubles& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-5 + 1e-3 * std::abs(expected[i]))
        << "element " << i;
  }
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_AUTODIFF_DERIVATIVES_H_
