#include "evengrad/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

Tensor Labels(const std::vector<int32_t>& labels) {
  return *Tensor::Of<int32_t>({static_cast<int64_t>(labels.size())}, labels);
}

TEST(MetricsTest, CountCorrectTakesTheFirstLargest) {
  const Tensor logits = *Tensor::Of<float>({3, 2}, {1, 1, 0, 2, 3, 0});
  EXPECT_EQ(*CountCorrect(logits, Labels({0, 1, 1})), 2);
  EXPECT_EQ(*CountCorrect(logits, Labels({1, 0, 9})), 0);
  EXPECT_FALSE(CountCorrect(logits, Labels({0, 1})).ok());
  EXPECT_FALSE(CountCorrect(logits, *Tensor::Of<int64_t>({3}, {0, 1, 1})).ok());
}

TEST(MetricsTest, TopKCountsTheRankOfTheLabel) {
  const float nan = std::nanf("");
  // Ranks of the labels: 1 (of 4), 3, 2 (behind an equal one), no class, NaN.
  const Tensor logits = *Tensor::Of<float>(
      {5, 4}, {9, 1, 2, 3, 4, 5, 1, 6, 7, 7, 0, 1, 1, 2, 3, 4, nan, 1, 2, 3});
  const Tensor labels = Labels({0, 0, 1, 4, 0});
  EXPECT_EQ(*CountInTopK(logits, labels, 1), 1);
  EXPECT_EQ(*CountInTopK(logits, labels, 2), 2);
  EXPECT_EQ(*CountInTopK(logits, labels, 3), 3);
  EXPECT_EQ(*CountInTopK(logits, labels, 100), 3);
  EXPECT_EQ(Message(CountInTopK(logits, labels, 0).status()),
            "top 0: expected at least 1");
  EXPECT_EQ(Message(CountInTopK(logits, Labels({0}), 1).status()),
            "logits of type f32[5,4] do not fit labels of type i32[1]");
}

TEST(MetricsTest, TopOneIsCorrect) {
  std::vector<double> values;
  std::vector<int32_t> labels;
  for (int i = 0; i < 60; ++i) values.push_back((i * 7919) % 5);
  for (int i = 0; i < 20; ++i) labels.push_back(i % 3);
  const Tensor logits = *Tensor::Of<double>({20, 3}, values);
  const int64_t correct = *CountCorrect(logits, Labels(labels));
  EXPECT_EQ(*CountInTopK(logits, Labels(labels), 1), correct);
  EXPECT_EQ(*CountInTopK(logits, Labels(labels), 3), 20);
}

TEST(ConfusionMatrixTest, CountsAndShares) {
  ConfusionMatrix matrix(3);
  // Predictions 0, 1, 1, 2.
  const Tensor logits =
      *Tensor::Of<float>({4, 3}, {1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1});
  ASSERT_TRUE(matrix.Add(logits, Labels({0, 0, 1, 0})).ok());
  ASSERT_TRUE(matrix.Add(logits, Labels({0, 0, 1, 0})).ok());
  EXPECT_EQ(matrix.examples(), 8);
  EXPECT_EQ(matrix.count(0, 0), 2);
  EXPECT_EQ(matrix.count(0, 1), 2);
  EXPECT_EQ(matrix.count(0, 2), 2);
  EXPECT_EQ(matrix.count(1, 1), 2);
  EXPECT_EQ(matrix.count(1, 0), 0);
  EXPECT_EQ(matrix.Accuracy(), 0.5);
  EXPECT_NEAR(matrix.Recall(0), 1.0 / 3, 1e-15);
  EXPECT_EQ(matrix.Recall(1), 1);
  EXPECT_TRUE(std::isnan(matrix.Recall(2)));
  EXPECT_EQ(matrix.Precision(0), 1);
  EXPECT_EQ(matrix.Precision(1), 0.5);
  EXPECT_EQ(matrix.Precision(2), 0);
  EXPECT_EQ(matrix.ToString(),
            " label     0     1     2  recall\n"
            "     0     2     2     2  0.3333\n"
            "     1     0     2     0  1.0000\n"
            "     2     0     0     0  -\n");
}

TEST(ConfusionMatrixTest, ErrorsCountNothing) {
  ConfusionMatrix matrix(2);
  const Tensor logits = *Tensor::Of<float>({2, 2}, {1, 0, 0, 1});
  EXPECT_EQ(Message(matrix.Add(logits, Labels({0, 2}))),
            "label 2 is not in [0, 2)");
  EXPECT_EQ(Message(ConfusionMatrix(3).Add(logits, Labels({0, 1}))),
            "a confusion matrix of 3 classes takes no logits of type f32[2,2]");
  EXPECT_FALSE(matrix.Add(logits, Labels({0})).ok());
  EXPECT_EQ(matrix.examples(), 0);
}

}  // namespace
}  // namespace evengrad
