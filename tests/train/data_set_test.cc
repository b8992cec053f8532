#include "evengrad/train/data_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Four examples of three bytes, of which the second is constant in the first
// three examples.
DataSet Small() {
  return *DataSet::Create(
      *Tensor::Of<uint8_t>({4, 3}, {0, 9, 10, 10, 9, 20, 20, 9, 30, 30, 8, 0}),
      *Tensor::Of<uint8_t>({4}, {3, 2, 1, 0}));
}

std::vector<float> Example(const DataSet& data, int64_t i) {
  std::vector<float> features(data.num_features());
  data.CopyExample(i, features);
  return features;
}

TEST(DataSetTest, BytesFloatsAndLabels) {
  const DataSet data = Small();
  EXPECT_EQ(data.size(), 4);
  EXPECT_EQ(data.num_features(), 3);
  EXPECT_EQ(data.label(0), 3);
  EXPECT_EQ(Example(data, 1), (std::vector<float>{10, 9, 20}));

  const absl::StatusOr<DataSet> floats =
      DataSet::Create(*Tensor::Of<float>({2, 1, 2}, {1.5f, 2, 3, -4}),
                      *Tensor::Of<int64_t>({2}, {0, 1}));
  ASSERT_TRUE(floats.ok()) << floats.status();
  EXPECT_EQ(floats->num_features(), 2);
  EXPECT_EQ(floats->example_sizes().size(), 2u);
  EXPECT_EQ(Example(*floats, 0), (std::vector<float>{1.5f, 2}));
}

TEST(DataSetTest, UnitScaling) {
  const absl::StatusOr<DataSet> data = Small().Scaled(UnitScaling());
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(Example(*data, 1),
            (std::vector<float>{10.0f * (1.0f / 255), 9.0f * (1.0f / 255),
                                20.0f * (1.0f / 255)}));
}

TEST(DataSetTest, StandardScalingUsesOnlyItsDataAndStaysFinite) {
  const DataSet all = Small();
  const DataSet training = *all.Slice(0, 3);
  const Scaling scaling = StandardScaling(training);
  const DataSet scaled = *training.Scaled(scaling);
  const float deviation = std::sqrt(200.0f / 3);
  EXPECT_FLOAT_EQ(Example(scaled, 0)[0], -10 / deviation);
  EXPECT_FLOAT_EQ(Example(scaled, 2)[2], 10 / deviation);
  // The constant pixel is 0, also where it is another value.
  EXPECT_EQ(Example(scaled, 0)[1], 0.0f);
  EXPECT_EQ(Example(*all.Scaled(scaling), 3)[1], 0.0f);
  EXPECT_FLOAT_EQ(Example(*all.Scaled(scaling), 3)[0], 20 / deviation);
  // A scaling replaces the one before: its statistics are of the raw values.
  EXPECT_EQ(StandardScaling(scaled).shift, scaling.shift);
}

TEST(DataSetTest, SplitFirstAndLast) {
  const absl::StatusOr<DataSplit> first = SplitValidation(Small(), {.size = 1});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->validation.size(), 1);
  EXPECT_EQ(first->validation.label(0), 3);
  EXPECT_EQ(first->training.size(), 3);
  EXPECT_EQ(first->training.label(0), 2);
  EXPECT_EQ(Example(first->training, 0), (std::vector<float>{10, 9, 20}));

  const absl::StatusOr<DataSplit> last =
      SplitValidation(Small(), {.size = 1, .side = ValidationSide::kLast});
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last->validation.label(0), 0);
  EXPECT_EQ(last->training.label(0), 3);

  EXPECT_EQ(SplitValidation(Small(), {.size = 0})->validation.size(), 0);
  EXPECT_EQ(Message(SplitValidation(Small(), {.size = 4}).status()),
            "a validation part of 4 examples does not fit: there are 4, and "
            "some must be left to train on");
  EXPECT_FALSE(SplitValidation(Small(), {.size = -1}).ok());
}

TEST(DataSetTest, SlicesOfSlicesAndShapes) {
  const DataSet middle = *Small().Slice(1, 4)->Slice(1, 2);
  EXPECT_EQ(middle.size(), 1);
  EXPECT_EQ(middle.label(0), 1);
  EXPECT_EQ(Example(middle, 0), (std::vector<float>{20, 9, 30}));
  EXPECT_FALSE(Small().Slice(2, 5).ok());
  EXPECT_FALSE(Small().Slice(-1, 2).ok());
  EXPECT_FALSE(Small().Slice(3, 2).ok());
  EXPECT_EQ(Small().Reshaped({1, 3, 1})->example_sizes().size(), 3u);
  EXPECT_FALSE(Small().Reshaped({4}).ok());
  EXPECT_FALSE(Small().Reshaped({-1, -3}).ok());
}

TEST(DataSetTest, SelectsClasses) {
  const DataSet part = *Small().Slice(1, 4);  // labels 2, 1, 0
  const std::vector<int32_t> classes = {0, 2};
  const absl::StatusOr<DataSet> selected =
      part.Scaled({.shift = {1}})->SelectClasses(classes);
  ASSERT_TRUE(selected.ok()) << selected.status();
  ASSERT_EQ(selected->size(), 2);
  EXPECT_EQ(selected->label(0), 1);
  EXPECT_EQ(selected->label(1), 0);
  EXPECT_EQ(Example(*selected, 0), (std::vector<float>{9, 8, 19}));
  EXPECT_EQ(Example(*selected, 1), (std::vector<float>{29, 7, -1}));
  const std::vector<int32_t> absent = {0, 3};
  EXPECT_EQ(Message(part.SelectClasses(absent).status()),
            "class 3 is selected, and no example has it");
  const std::vector<int32_t> twice = {0, 0};
  EXPECT_EQ(Message(part.SelectClasses(twice).status()),
            "class 0 is selected twice");
}

TEST(DataSetTest, ReadCsv) {
  const std::string path = ::testing::TempDir() + "/data_set_test.csv";
  std::ofstream(path) << "a,label,b\n1,2,3\n4,1,6\n";
  const absl::StatusOr<DataSet> data = DataSet::ReadCsv(path, {.classes = 3});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->size(), 2);
  EXPECT_EQ(data->label(0), 2);
  EXPECT_EQ(Example(*data, 1), (std::vector<float>{4, 6}));
  EXPECT_EQ(Message(DataSet::ReadCsv(path, {.classes = 2}).status()),
            path + ": label 2 of example 0 is not in [0, 2)");
}

TEST(DataSetTest, Errors) {
  const Tensor inputs = *Tensor::Of<uint8_t>({2, 1}, {1, 2});
  const Tensor labels = *Tensor::Of<int32_t>({2}, {0, 11});
  auto message = [](const absl::StatusOr<DataSet>& data) {
    return std::string(Message(data.status()));
  };
  EXPECT_EQ(message(DataSet::Create(inputs, labels, {.classes = 10})),
            "label 11 of example 1 is not in [0, 10)");
  EXPECT_EQ(
      message(DataSet::Create(inputs, *Tensor::Of<int32_t>({2}, {-1, 0}))),
      "label -1 of example 0 is not in [0, 2147483647)");
  EXPECT_EQ(message(DataSet::Create(inputs, *Tensor::Of<int32_t>({1}, {0}))),
            "there are 2 inputs and 1 labels");
  EXPECT_EQ(message(DataSet::Create(*Tensor::Of<double>({1, 1}, {1}),
                                    *Tensor::Of<int32_t>({1}, {0}))),
            "inputs have type f64[1,1], expected u8 or f32 of rank 2 or more");
  EXPECT_EQ(message(DataSet::Create(inputs, *Tensor::Of<float>({2}, {0, 1}))),
            "labels have type f32[2], expected u8, i32 or i64 of rank 1");
  EXPECT_FALSE(DataSet::Create(Tensor(), labels).ok());
  EXPECT_FALSE(Small().Scaled({.shift = {1, 2}}).ok());
}

}  // namespace
}  // namespace evengrad
