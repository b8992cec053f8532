#include "evengrad/formats/run_history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

const RunCell& Of(const RunColumn& column, RunQuantity quantity) {
  return column.run[static_cast<size_t>(quantity)];
}
const RunCell& Of(const RunColumn& column, size_t layer,
                  LayerQuantity quantity) {
  return column.layers[layer][static_cast<size_t>(quantity)];
}

// Two layers; the loss is the step's number, and the gradient of the first
// layer 1/100 of the second's.
StatisticsRecord Record(int64_t step) {
  auto layer = [](std::string name, double gradient) {
    return LayerRecord{.name = std::move(name),
                       .output = {.elements = 4, .mean = 0.5, .deviation = 0.1},
                       .output_gradient = {.elements = 4, .norm = 2 * gradient},
                       .parameters = {{.is_matrix = true,
                                       .gradient = {.elements = 4, .norm = 3},
                                       .update_ratio = 1e-3},
                                      {.is_matrix = true,
                                       .gradient = {.elements = 1, .norm = 4},
                                       .update_ratio = 1e-2}},
                       .saturated_share = 0.25};
  };
  return {.step = step,
          .loss = static_cast<double>(step),
          .gradient_norm = 100,
          .clipped_norm = 1,
          .layers = {layer("one", 1e-4), layer("two", 1e-2)}};
}

TEST(RunHistoryTest, NumbersOfARecord) {
  RunHistory history;
  history.Add(Record(7));
  ASSERT_EQ(history.columns().size(), 1u);
  const RunColumn& column = history.columns()[0];
  EXPECT_EQ(column.first_step, 7);
  EXPECT_EQ(column.last_step, 7);
  EXPECT_EQ(Of(column, RunQuantity::kLoss).mean(), 7);
  EXPECT_NEAR(Of(column, RunQuantity::kGradientNorm).mean(), 2, 1e-12);
  EXPECT_NEAR(Of(column, RunQuantity::kClippedNorm).mean(), 0, 1e-12);
  auto one = [&](LayerQuantity quantity) {
    return Of(column, 0, quantity).mean();
  };
  EXPECT_NEAR(one(LayerQuantity::kOutputGradient), -4, 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kGradientRatio), -2, 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kParameterGradient), std::log10(5), 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kDeviation), -1, 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kMean), 0.5, 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kBadShare), 0.25, 1e-12);
  EXPECT_NEAR(one(LayerQuantity::kUpdateRatio), -2, 1e-12);
  EXPECT_TRUE(history.layers()[0].saturates);
  EXPECT_FALSE(history.layers()[0].can_die);
}

TEST(RunHistoryTest, ALongRunIsMergedAndLosesNoRecord) {
  RunHistory history(/*max_columns=*/10);
  for (int64_t step = 1; step <= 1000; ++step) {
    history.Add(Record(step));
    ASSERT_LE(history.columns().size(), 10u);
    ASSERT_GE(static_cast<int64_t>(history.columns().size()),
              std::min<int64_t>(step, 5));
  }
  EXPECT_EQ(history.records(), 1000);
  EXPECT_EQ(history.latest().step, 1000);
  double sum = 0;
  uint32_t count = 0;
  int64_t next = 1;
  for (const RunColumn& column : history.columns()) {
    EXPECT_EQ(column.first_step, next);
    next = column.last_step + 1;
    const RunCell& loss = Of(column, RunQuantity::kLoss);
    EXPECT_EQ(loss.minimum, static_cast<float>(column.first_step));
    EXPECT_EQ(loss.maximum, static_cast<float>(column.last_step));
    EXPECT_EQ(loss.count, Of(column, 1, LayerQuantity::kMean).count);
    sum += loss.sum;
    count += loss.count;
  }
  EXPECT_EQ(next, 1001);
  EXPECT_EQ(count, 1000u);
  EXPECT_EQ(sum, 1000 * 1001 / 2);
}

TEST(RunHistoryTest, DeepNetworksHaveFewerColumns) {
  RunHistory history(/*max_columns=*/240, /*max_cells=*/20);
  for (int64_t step = 1; step <= 100; ++step) history.Add(Record(step));
  EXPECT_LE(history.columns().size(), 10u);
  EXPECT_GE(history.columns().size(), 5u);
}

TEST(RunHistoryTest, WhatIsNotFiniteIsCountedApart) {
  RunHistory history(/*max_columns=*/2);
  for (int64_t step = 1; step <= 4; ++step) {
    StatisticsRecord record = Record(step);
    if (step == 2) {
      record.loss = std::nan("");
      record.layers[0].output.nans = 1;
      record.layers[1].output_gradient.norm = 0;
    }
    history.Add(record);
  }
  ASSERT_EQ(history.columns().size(), 2u);
  const RunColumn& first = history.columns()[0];
  EXPECT_EQ(Of(first, RunQuantity::kLoss).count, 1u);
  EXPECT_EQ(Of(first, RunQuantity::kLoss).not_finite, 1u);
  EXPECT_EQ(Of(first, RunQuantity::kLoss).mean(), 1);
  EXPECT_EQ(Of(first, 0, LayerQuantity::kMean).not_finite, 1u);
  // A gradient of 0 has a logarithm too; what is divided by it has none.
  EXPECT_EQ(Of(first, 1, LayerQuantity::kOutputGradient).minimum, -45);
  EXPECT_EQ(Of(first, 0, LayerQuantity::kGradientRatio).count, 1u);
}

TEST(RunHistoryTest, MergedColumns) {
  RunHistory history;
  for (int64_t step = 1; step <= 7; ++step) history.Add(Record(step));
  const std::vector<RunColumn> merged = MergedColumns(history.columns(), 3);
  ASSERT_EQ(merged.size(), 3u);
  EXPECT_EQ(merged[0].last_step, 3);
  EXPECT_EQ(merged[2].first_step, 7);
  EXPECT_EQ(Of(merged[1], RunQuantity::kLoss).mean(), 5);
  EXPECT_EQ(MergedColumns(history.columns(), 100).size(), 7u);
}

}  // namespace
}  // namespace evengrad
