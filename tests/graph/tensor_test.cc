#include "evengrad/graph/tensor.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(TensorTest, ZerosAreAlignedAndZero) {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(F32({3, 5}));
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->type(), F32({3, 5}));
  EXPECT_EQ(tensor->num_elements(), 15);
  EXPECT_EQ(tensor->byte_size(), 60);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % 64, 0u);
  for (double value : tensor->ToDoubles()) EXPECT_EQ(value, 0);
}

TEST(TensorTest, EmptyAndScalarTensors) {
  absl::StatusOr<Tensor> empty = Tensor::Zeros(F32({3, 0}));
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->valid());
  EXPECT_EQ(empty->byte_size(), 0);
  EXPECT_TRUE(empty->ToDoubles().empty());
  absl::StatusOr<Tensor> scalar = Tensor::Of<double>({}, {2.5});
  ASSERT_TRUE(scalar.ok());
  EXPECT_EQ(*scalar->scalar<double>(), 2.5);
  EXPECT_FALSE(Tensor().valid());
}

TEST(TensorTest, ImpossibleSizesAreErrors) {
  EXPECT_EQ(Message(Tensor::Zeros(F32({"batch"})).status()),
            "dimension batch of [batch] has no size yet");
  EXPECT_EQ(
      Message(Tensor::Zeros(F32({-1})).status()),
      "negative size in shape [-1]; an unknown size is Dimension::Unknown(), "
      "one that is known when fed has a name, such as \"batch\"");
  const int64_t big = int64_t{1} << 32;
  EXPECT_FALSE(Tensor::Zeros(F32({big, big})).ok());
  EXPECT_FALSE(Tensor::Zeros(F64({big, big / 8})).ok());
  EXPECT_EQ(Tensor::Zeros(F32({big, big / 16})).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(Tensor::Wrap(F32({2}), nullptr).status()),
            "Tensor::Wrap: the buffer for f32[2] is null");
  EXPECT_EQ(AllocateAligned(-1), nullptr);
  EXPECT_EQ(AllocateAligned(std::numeric_limits<int64_t>::max()), nullptr);
}

TEST(TensorTest, TakesValuesOfItsType) {
  absl::StatusOr<Tensor> tensor = Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4});
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ((*tensor->values<int32_t>())[3], 4);
  EXPECT_EQ(Message(tensor->values<float>().status()),
            "the tensor has type i32[2,2], not f32");
  EXPECT_EQ(Message(tensor->scalar<int32_t>().status()),
            "a tensor of type i32[2,2] is not a single number");
  EXPECT_EQ(Message(Tensor::Of<float>({2, 2}, {1}).status()),
            "1 values given for a tensor of type f32[2,2], which has 4");
  EXPECT_EQ(Message(Tensor().values<float>().status()), "the tensor is empty");
}

TEST(TensorTest, CopiesShareClonesDoNot) {
  Tensor tensor = *Tensor::Of<float>({2}, {1, 2});
  Tensor copy = tensor;
  const Tensor clone = *tensor.Clone();
  (*copy.mutable_values<float>())[0] = 9;
  EXPECT_EQ((*tensor.values<float>())[0], 9);
  EXPECT_EQ((*clone.values<float>())[0], 1);
  EXPECT_TRUE(tensor == copy);
  EXPECT_FALSE(tensor == clone);
}

TEST(TensorTest, EqualityLooksAtTypeAndBytes) {
  EXPECT_TRUE(Tensor() == Tensor());
  EXPECT_FALSE(Tensor() == *Tensor::Of<float>({}, {0}));
  EXPECT_FALSE(*Tensor::Of<float>({2, 1}, {1, 2}) ==
               *Tensor::Of<float>({1, 2}, {1, 2}));
  EXPECT_FALSE(*Tensor::Of<float>({1}, {0}) == *Tensor::Of<int32_t>({1}, {0}));
}

TEST(TensorTest, NumbersAreRoundedTruncatedOrSaturated) {
  auto stored = [](DType dtype, double value) {
    Tensor tensor = *Tensor::Zeros({dtype, {}});
    StoreFromDouble(dtype, tensor.mutable_data(), 0, value);
    return LoadAsDouble(dtype, tensor.data(), 0);
  };
  EXPECT_EQ(stored(DType::kF64, 0.1), 0.1);
  EXPECT_EQ(stored(DType::kF32, 0.1), static_cast<double>(0.1f));
  EXPECT_EQ(stored(DType::kF32, 1e300), kInfinity);
  EXPECT_EQ(stored(DType::kI32, -2.9), -2);
  EXPECT_EQ(stored(DType::kI32, 1e30), 2147483647);
  EXPECT_EQ(stored(DType::kI32, -kInfinity), -2147483648.0);
  EXPECT_EQ(stored(DType::kI32, std::nan("")), 0);
  EXPECT_EQ(stored(DType::kI64, 9e15), 9e15);
  EXPECT_EQ(stored(DType::kI64, 1e300), 9223372036854775807.0);
  EXPECT_EQ(stored(DType::kU8, -4), 0);
  EXPECT_EQ(stored(DType::kU8, 300), 255);
  EXPECT_EQ(stored(DType::kBool, -0.5), 1);
  EXPECT_EQ(stored(DType::kBool, 0), 0);
}

TEST(BFloat16Test, RoundsToNearestEven) {
  EXPECT_EQ(ToFloat(ToBFloat16(1.0f)), 1.0f);
  const float step = 1.0f / 128;  // between 1 and 2
  EXPECT_EQ(ToFloat(ToBFloat16(1 + step * 0.4f)), 1.0f);
  EXPECT_EQ(ToFloat(ToBFloat16(1 + step * 0.5f)), 1.0f);
  EXPECT_EQ(ToFloat(ToBFloat16(1 + step * 1.5f)), 1 + 2 * step);
  EXPECT_EQ(ToFloat(ToBFloat16(-1 - step * 0.6f)), -1 - step);
  EXPECT_EQ(ToFloat(ToBFloat16(std::numeric_limits<float>::max())),
            std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(ToFloat(ToBFloat16(std::nanf("")))));
}

}  // namespace
}  // namespace evengrad
