#include "evengrad/train/statistics_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

StatisticsRecord Record(int layers) {
  StatisticsRecord record = {
      .step = 200, .loss = 0.54321, .gradient_norm = 2.5, .clipped_norm = 1};
  for (int i = 1; i <= layers; ++i) {
    record.layers.push_back(
        {.name = StrCat("hidden", i),
         .activation = "tanh",
         .output = {.elements = 100, .mean = 0.01, .deviation = 0.9},
         .output_gradient = {.elements = 100, .norm = 0.1},
         .parameters = {{.name = StrCat("hidden", i, "/weights"),
                         .is_matrix = true,
                         .update_ratio = 0.001}},
         .saturated_share = 0.25});
    if (i < layers) record.layers.back().gradient_ratio = 0.5;
  }
  return record;
}

TEST(StatisticsTableTest, OneLineALayer) {
  EXPECT_EQ(
      StatisticsTable(Record(2), {}),
      "step 200: loss 0.5432, gradient norm 2.5, clipped to 1\n"
      "layer        mean     dev. sat/dead  gradient    ratio   update\n"
      "hidden1      0.01      0.9      25%  1.00e-02      0.5  1.0e-03\n"
      "hidden2      0.01      0.9      25%  1.00e-02        -  1.0e-03\n");
}

TEST(StatisticsTableTest, LargeNumbersStandApart) {
  StatisticsRecord record = Record(2);
  record.layers[0].output.mean = -1234;
  record.layers[0].gradient_ratio = 123456;
  const std::string table = StatisticsTable(record, {});
  EXPECT_NE(table.find(" -1.23e+03 "), std::string::npos) << table;
  EXPECT_NE(table.find(" 1.00e-02 1.23e+05 "), std::string::npos) << table;
}

TEST(StatisticsTableTest, FindingsAndFolding) {
  const std::vector<Finding> findings = {{.kind = FindingKind::kSaturated,
                                          .layer = "hidden2",
                                          .step = 200,
                                          .since = 40,
                                          .text = "hidden2: too much",
                                          .cure = "less"}};
  const std::string plain =
      StatisticsTable(Record(30), findings, {.max_rows = 4});
  EXPECT_EQ(std::count(plain.begin(), plain.end(), '\n'), 2 + 4 + 1 + 2);
  EXPECT_NE(plain.find("\n… 26 more\n"), std::string::npos) << plain;
  EXPECT_NE(plain.find("\n! hidden2: too much, since step 40\n  cure: less\n"),
            std::string::npos)
      << plain;
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  const std::string color =
      StatisticsTable(Record(2), findings, {.color = true});
  EXPECT_NE(color.find("\x1b[33mhidden2"), std::string::npos);
  EXPECT_EQ(color.find("\x1b[33mhidden1"), std::string::npos);
}

TEST(StatisticsTableTest, AKindOfFindingIsToldOnce) {
  std::vector<Finding> findings;
  for (const char* layer : {"hidden1", "hidden2", "hidden3"}) {
    findings.push_back({.kind = FindingKind::kSaturated,
                        .layer = layer,
                        .step = 200,
                        .since = 200,
                        .text = StrCat(layer, ": too much"),
                        .cure = "less"});
  }
  findings.push_back({.kind = FindingKind::kSmallUpdates,
                      .layer = "hidden1",
                      .step = 200,
                      .since = 200,
                      .text = "hidden1: too small",
                      .cure = "more"});
  const std::string table = StatisticsTable(Record(3), findings);
  EXPECT_TRUE(
      table.ends_with("\n! hidden1: too much; likewise 2 more layers\n"
                      "  cure: less\n"
                      "! hidden1: too small\n"
                      "  cure: more\n"))
      << table;
}

TEST(StatisticsTableTest, LinesFitTheTerminal) {
  for (const int columns : {0, 30, 40, 79}) {
    const std::string table =
        StatisticsTable(Record(3), {}, {.columns = columns});
    size_t start = 0;
    for (size_t end; (end = table.find('\n', start)) != std::string::npos;
         start = end + 1) {
      EXPECT_LE(end - start, static_cast<size_t>(std::max(columns - 1, 20)));
    }
  }
}

}  // namespace
}  // namespace evengrad
