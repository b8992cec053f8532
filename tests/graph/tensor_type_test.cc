#include "evengrad/graph/tensor_type.h"

#include <limits>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

const Dimension kUnknown = Dimension::Unknown();

TEST(DimensionTest, IntegerSymbolOrUnknown) {
  EXPECT_TRUE(Dimension(7).is_integer());
  EXPECT_EQ(Dimension(7).size(), 7);
  const Dimension batch = "batch";
  EXPECT_TRUE(batch.is_symbol());
  EXPECT_EQ(batch.symbol(), "batch");
  EXPECT_TRUE(kUnknown.is_unknown());
  EXPECT_TRUE(Dimension().is_unknown());
  EXPECT_EQ(Dimension(std::string("batch").c_str()), batch);
  EXPECT_EQ(batch.ToString() + Dimension(3).ToString() + kUnknown.ToString(),
            "batch3?");
}

TEST(DimensionTest, EqualityOfSizes) {
  const Dimension batch = "batch";
  EXPECT_TRUE(CertainlyEqual(batch, "batch"));
  EXPECT_FALSE(CertainlyEqual(batch, "time"));
  EXPECT_FALSE(CertainlyEqual(kUnknown, kUnknown));
  EXPECT_FALSE(CertainlyEqual(batch, 3));
  EXPECT_TRUE(MayBeEqual(kUnknown, kUnknown));
  EXPECT_TRUE(MayBeEqual(batch, kUnknown));
  EXPECT_FALSE(MayBeEqual(batch, Dimension("time")));
  EXPECT_FALSE(MayBeEqual(Dimension(3), Dimension(4)));
  EXPECT_EQ(Refine(kUnknown, 3), Dimension(3));
  EXPECT_EQ(Refine(batch, kUnknown), batch);
}

TEST(ShapeTest, DescribesItself) {
  const Shape shape = {"batch", 28, kUnknown};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.ToString(), "[batch,28,?]");
  EXPECT_FALSE(shape.is_static());
  EXPECT_EQ(Message(shape.Sizes().status()),
            "dimension batch of [batch,28,?] has no size yet");
  EXPECT_EQ(Shape().ToString(), "[]");
  EXPECT_EQ(*Shape({2, 3}).Sizes(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(Shape(std::vector<int64_t>{2, 3}), Shape({2, 3}));
}

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(*Shape().NumElements(), 1);
  EXPECT_EQ(*Shape({3, 4}).NumElements(), 12);
  EXPECT_EQ(*Shape({3, 0, 4}).NumElements(), 0);
  EXPECT_FALSE(Shape({"batch"}).NumElements().ok());
}

TEST(ShapeTest, OverflowIsAnError) {
  const int64_t big = int64_t{1} << 32;
  EXPECT_EQ(Message(Shape({big, big}).NumElements().status()),
            "the number of elements of [4294967296,4294967296] overflows 64 "
            "bits");
  EXPECT_FALSE(Shape({big, "batch", big}).Validate().ok());
  EXPECT_FALSE(Shape({0, big, big}).NumElements().ok());
  const int64_t half = int64_t{1} << 62;
  EXPECT_TRUE(Shape({half}).Validate().ok());
  EXPECT_EQ(Message(F32({half}).ByteSize().status()),
            "the size of f32[4611686018427387904] overflows 64 bits");
  EXPECT_EQ(*U8({half}).ByteSize(), half);
}

TEST(ShapeTest, Validates) {
  EXPECT_TRUE(Shape({1, "a_1", kUnknown, 0}).Validate().ok());
  EXPECT_EQ(
      Message(Shape({2, -1}).Validate()),
      "negative size in shape [2,-1]; an unknown size is Dimension::Unknown(), "
      "one that is known when fed has a name, such as \"batch\"");
  EXPECT_FALSE(
      Shape({std::numeric_limits<int64_t>::min() + 1}).Validate().ok());
  EXPECT_EQ(Message(Shape({"1st"}).Validate()),
            "dimension name '1st' is not an identifier");
  EXPECT_EQ(Message(Shape({""}).Validate()),
            "dimension name '' is not an identifier");
  EXPECT_FALSE(Shape({"a b"}).Validate().ok());
  EXPECT_TRUE(Shape({1, 1, 1, 1, 1, 1, 1, 1}).Validate().ok());
  EXPECT_EQ(Message(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}).Validate()),
            "shape [1,1,1,1,1,1,1,1,1] has 9 dimensions; at most 8 are "
            "supported");
}

TEST(ShapeTest, Broadcasts) {
  struct Case {
    Shape a, b, expected;
  };
  const std::vector<Case> cases = {
      {{}, {}, {}},
      {{3}, {}, {3}},
      {{"batch", 4}, {4}, {"batch", 4}},
      {{"batch", 1}, {1, 5}, {"batch", 5}},
      {{"batch"}, {"batch"}, {"batch"}},
      {{kUnknown}, {3}, {3}},
      {{kUnknown}, {1}, {kUnknown}},
      {{0}, {1}, {0}},
      {{2, 1, 3}, {5, 1}, {2, 5, 3}},
  };
  for (const Case& c : cases) {
    for (const auto& result :
         {BroadcastShapes(c.a, c.b), BroadcastShapes(c.b, c.a)}) {
      ASSERT_TRUE(result.ok()) << Message(result.status());
      EXPECT_EQ(*result, c.expected);
    }
  }
  EXPECT_EQ(Message(BroadcastShapes({2, 3}, {4}).status()),
            "shapes [2,3] and [4] do not broadcast: 3 against 4 in dimension 1 "
            "of the result");
  EXPECT_FALSE(BroadcastShapes({"batch"}, {"time"}).ok());
  EXPECT_FALSE(BroadcastShapes({"batch"}, {32}).ok());
  EXPECT_FALSE(BroadcastShapes({0}, {2}).ok());
}

TEST(ShapeTest, ShapesThatMayBeEqual) {
  EXPECT_TRUE(MayBeEqual(Shape({"a", kUnknown}), Shape({"a", 3})));
  EXPECT_FALSE(MayBeEqual(Shape({"a"}), Shape({"a", 1})));
  EXPECT_FALSE(MayBeEqual(Shape({"a", 2}), Shape({"a", 3})));
}

TEST(ShapeTest, AxesMayCountFromTheBack) {
  EXPECT_EQ(*NormalizeAxis(1, 3), 1);
  EXPECT_EQ(*NormalizeAxis(-1, 3), 2);
  EXPECT_EQ(*NormalizeAxis(-3, 3), 0);
  EXPECT_EQ(Message(NormalizeAxis(3, 3).status()),
            "axis 3 is out of range for rank 3");
  EXPECT_FALSE(NormalizeAxis(-4, 3).ok());
  EXPECT_FALSE(NormalizeAxis(0, 0).ok());
  EXPECT_FALSE(NormalizeAxis(std::numeric_limits<int64_t>::min(), 3).ok());
}

TEST(TensorTypeTest, DescribesItself) {
  EXPECT_EQ(F32({"batch", 784}).ToString(), "f32[batch,784]");
  EXPECT_EQ(Bool({}).ToString(), "bool[]");
  EXPECT_EQ(*BF16({3, 4}).ByteSize(), 24);
  EXPECT_FALSE(F32({"batch"}).ByteSize().ok());
  EXPECT_FALSE(F32({2}) == F64({2}));
}

TEST(DTypeTest, NamesAreInverses) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kI32,
                      DType::kI64, DType::kU8, DType::kBool, DType::kOpaque}) {
    EXPECT_EQ(ParseDType(Name(dtype)), dtype);
    EXPECT_GT(SizeOf(dtype), 0u);
  }
  EXPECT_EQ(ParseDType("f16"), std::nullopt);
  EXPECT_EQ(ParseDType(""), std::nullopt);
  EXPECT_TRUE(IsFloating(DType::kBF16));
  EXPECT_FALSE(IsFloating(DType::kI32));
  EXPECT_TRUE(IsInteger(DType::kU8));
  EXPECT_FALSE(IsInteger(DType::kBool));
  static_assert(DTypeOf<float> == DType::kF32);
  static_assert(DTypeOf<int64_t> == DType::kI64);
}

}  // namespace
}  // namespace evengrad
