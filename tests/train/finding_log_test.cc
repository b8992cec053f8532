#include "evengrad/runtime/hooks/finding_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace evengrad {
namespace {

Finding Of(FindingKind kind, std::string layer, std::string text) {
  return {.kind = kind, .layer = std::move(layer), .text = std::move(text)};
}

TEST(FindingLogTest, OneEntryALayerAndKind) {
  FindingLog log;
  log.Add(10,
          std::vector<Finding>{Of(FindingKind::kSaturated, "a", "first"),
                               Of(FindingKind::kVanishing, "", "vanishes")});
  log.Add(20, std::vector<Finding>{});
  log.Add(30, std::vector<Finding>{Of(FindingKind::kSaturated, "b", "other"),
                                   Of(FindingKind::kSaturated, "a", "last")});
  EXPECT_EQ(log.records(), 3);
  const std::vector<LoggedFinding> sorted = log.Sorted();
  ASSERT_EQ(sorted.size(), 3u);
  EXPECT_EQ(sorted[0].finding.layer, "a");
  EXPECT_EQ(sorted[0].finding.text, "last");
  EXPECT_EQ(sorted[0].first_step, 10);
  EXPECT_EQ(sorted[0].last_step, 30);
  EXPECT_EQ(sorted[0].records, 2);
  EXPECT_TRUE(sorted[0].holds);
  EXPECT_EQ(sorted[1].finding.layer, "b");
  // It weighs more, and has passed.
  EXPECT_EQ(sorted[2].finding.kind, FindingKind::kVanishing);
  EXPECT_FALSE(sorted[2].holds);
  EXPECT_EQ(sorted[2].last_step, 10);
}

}  // namespace
}  // namespace evengrad
