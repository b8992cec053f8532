#include "evengrad/graph/attributes.h"

#include <limits>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

std::vector<AttributeDef> Definitions() {
  return {
      {.name = "slope", .fallback = 0.5, .minimum = 0.0, .maximum = 1.0},
      {.name = "units",
       .fallback = int64_t{0},
       .required = true,
       .minimum = 1.0},
      {.name = "mode",
       .fallback = std::string("same"),
       .choices = {"same", "valid"}},
      {.name = "shape", .fallback = Shape()},
      {.name = "axes", .fallback = std::vector<int64_t>()},
  };
}

std::string ErrorOf(Attributes given) {
  return std::string(
      Message(CompleteAttributes(Definitions(), std::move(given)).status()));
}

TEST(AttributesTest, FallbacksCompleteWhatIsGiven) {
  absl::StatusOr<Attributes> complete =
      CompleteAttributes(Definitions(), {{"units", int64_t{3}}});
  ASSERT_TRUE(complete.ok());
  EXPECT_EQ(complete->size(), 5u);
  EXPECT_EQ(std::get<double>(complete->at("slope")), 0.5);
  EXPECT_EQ(std::get<int64_t>(complete->at("units")), 3);
  EXPECT_EQ(std::get<std::string>(complete->at("mode")), "same");
}

TEST(AttributesTest, IntegersServeAsNumbers) {
  absl::StatusOr<Attributes> complete = CompleteAttributes(
      Definitions(), {{"units", int64_t{3}}, {"slope", int64_t{1}}});
  ASSERT_TRUE(complete.ok());
  EXPECT_EQ(std::get<double>(complete->at("slope")), 1.0);
}

TEST(AttributesTest, MistakesAreNamed) {
  const AttributeValue units = int64_t{3};
  EXPECT_EQ(ErrorOf({}), "attribute units is missing");
  EXPECT_EQ(ErrorOf({{"units", units}, {"slop", 0.1}}),
            "unknown attribute 'slop'; did you mean 'slope'?");
  EXPECT_EQ(ErrorOf({{"units", units}, {"slope", true}}),
            "attribute slope is a bool, expected a number");
  EXPECT_EQ(ErrorOf({{"units", int64_t{0}}}),
            "attribute units = 0 is out of range: expected a number of at "
            "least 1");
  EXPECT_EQ(ErrorOf({{"units", units}, {"slope", 1.5}}),
            "attribute slope = 1.5 is out of range: expected a number of at "
            "least 0 and at most 1");
  EXPECT_EQ(ErrorOf({{"units", units},
                     {"slope", std::numeric_limits<double>::quiet_NaN()}}),
            "attribute slope = nan is out of range: expected a number of at "
            "least 0 and at most 1");
  EXPECT_EQ(ErrorOf({{"units", units}, {"mode", std::string("vald")}}),
            "attribute mode = 'vald' is not one of same, valid; did you mean "
            "'valid'?");
  EXPECT_EQ(ErrorOf({{"units", units}, {"shape", Shape({-2})}}),
            "negative size in shape [-2]");
}

TEST(AttributesTest, KindsHaveNames) {
  EXPECT_EQ(KindName(true), "bool");
  EXPECT_EQ(KindName(int64_t{1}), "integer");
  EXPECT_EQ(KindName(1.0), "number");
  EXPECT_EQ(KindName(std::string()), "string");
  EXPECT_EQ(KindName(std::vector<int64_t>()), "list of integers");
  EXPECT_EQ(KindName(std::vector<double>()), "list of numbers");
  EXPECT_EQ(KindName(DType::kF32), "dtype");
  EXPECT_EQ(KindName(Shape()), "shape");
  EXPECT_EQ(KindName(Tensor()), "tensor");
  EXPECT_EQ(KindName(HostObject()), "object");
}

}  // namespace
}  // namespace evengrad
