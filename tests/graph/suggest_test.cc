#include "evengrad/graph/suggest.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace evengrad {
namespace {

TEST(SuggestTest, NamesTheNearest) {
  const std::vector<std::string_view> names = {"relu", "selu", "elu",
                                               "leaky_relu"};
  EXPECT_EQ(DidYouMean("sellu", names), "; did you mean 'selu'?");
  EXPECT_EQ(DidYouMean("leakyrelu", names), "; did you mean 'leaky_relu'?");
  EXPECT_EQ(DidYouMean("rel", names), "; did you mean 'relu'?");
}

TEST(SuggestTest, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(DidYouMean("tanh", {"relu", "selu"}), "");
  EXPECT_EQ(DidYouMean("", {"relu"}), "");
  EXPECT_EQ(DidYouMean("relu", {}), "");
  EXPECT_EQ(DidYouMean(std::string(100000, 'a'), {"relu"}), "");
  EXPECT_EQ(DidYouMean("relu", {std::string_view()}), "");
}

}  // namespace
}  // namespace evengrad
