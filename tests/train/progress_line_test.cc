#include "evengrad/train/progress_line.h"

#include <gtest/gtest.h>

namespace evengrad {
namespace {

const StepReport kReport = {
    .epoch = 2, .step = 50, .steps = 100, .loss = 0.43211, .accuracy = 0.84132};

TEST(ProgressLineTest, ShowsABarThatFits) {
  const std::string text = ProgressText(kReport, 80, /*color=*/false);
  EXPECT_EQ(text,
            "epoch 2 [===============>              ] 50/100  loss 0.4321  "
            "accuracy 0.8413");
  EXPECT_LT(text.size(), 80u);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(ProgressText(kReport, 80, /*color=*/true).find("\x1b[32m"),
            std::string::npos);
}

TEST(ProgressLineTest, NarrowTerminals) {
  EXPECT_EQ(ProgressText(kReport, 50, false),
            "epoch 2 50/100  loss 0.4321  accuracy 0.8413");
  for (int columns = 0; columns < 100; ++columns) {
    EXPECT_LE(ProgressText(kReport, columns, false).size(),
              static_cast<size_t>(std::max(0, columns - 1)));
  }
}

}  // namespace
}  // namespace evengrad
