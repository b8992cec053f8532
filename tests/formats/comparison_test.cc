#include "evengrad/formats/comparison.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

ComparedRun MakeRun(std::string activation, int64_t depth, int64_t seed,
                    double accuracy) {
  return {.choice = {.activation = std::move(activation),
                     .initializer = "auto",
                     .depth = depth,
                     .batch_norm = "none",
                     .clip = "none"},
          .seed = seed,
          .shared = "width 8",
          .accuracy = accuracy,
          .step_microseconds = 10};
}

// Seeds around `accuracy` with that spread.
void AddRuns(const std::string& activation, int64_t depth, double accuracy,
             double spread, std::vector<ComparedRun>& runs) {
  for (int64_t seed = 1; seed <= 3; ++seed) {
    runs.push_back(MakeRun(activation, depth, seed,
                           accuracy + spread * static_cast<double>(seed - 2)));
  }
}

TEST(ComparisonTest, ARunReadsBack) {
  ComparedRun run = MakeRun("leaky_relu:0.3", 20, 2, 0.8125);
  run.epochs_to_target = 3;
  run.first_flow = 1.5e-9;
  run.finding = "vanishing";
  run.error = "step 3: \"x\"\n";
  const std::string path =
      WriteContents(PathForTest("run.json"), ToJson(run).ToString() + "\n");
  const absl::StatusOr<ComparedRun> read = ReadComparedRun(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->choice == run.choice);
  EXPECT_EQ(read->seed, 2);
  EXPECT_EQ(read->shared, "width 8");
  EXPECT_EQ(read->accuracy, 0.8125);
  EXPECT_EQ(read->epochs_to_target, 3);
  EXPECT_EQ(read->step_microseconds, 10);
  EXPECT_EQ(read->first_flow, 1.5e-9);
  EXPECT_FALSE(read->last_flow.has_value());
  EXPECT_EQ(read->finding, "vanishing");
  EXPECT_EQ(read->error, run.error);
}

TEST(ComparisonTest, BrokenFilesAreRefused) {
  const std::string path = PathForTest("bad.json");
  for (const char* text :
       {"", "{", "[]", "{\"activation\":1}", "{\"accuracy\":nan}",
        "{\"accuracy\":-}", "{\"accuracy\":\"1\"}", "{\"depth\":1.5}",
        "{\"epochs_to_target\":1e30}",
        "{\"epochs_to_target\":9115295314873015295}", "{\"other\":1}", "{}",
        "{\"activation\":\"relu\"} x"}) {
    WriteContents(path, text);
    const absl::Status status = ReadComparedRun(path).status();
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_TRUE(Message(status).starts_with(path + ": ")) << status;
  }
  EXPECT_FALSE(ReadComparedRun(path + ".none").ok());
}

TEST(ComparisonTest, MeansSpreadAndRanks) {
  std::vector<ComparedRun> runs;
  AddRuns("relu", 5, 0.80, 0.01, runs);
  AddRuns("selu", 5, 0.85, 0.01, runs);
  AddRuns("elu", 5, 0.845, 0.02, runs);
  AddRuns("tanh", 20, 0.5, 0, runs);
  runs[0].epochs_to_target = 2;
  runs[1].epochs_to_target = 3;
  runs[0].last_flow = 1e-2;
  runs[1].last_flow = 1e-4;
  runs[2].error = "diverged";
  const std::vector<ComparisonRow> rows = Summarize(runs);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].choice.activation, "selu");
  EXPECT_EQ(rows[0].rank, 1);
  EXPECT_NEAR(rows[0].accuracy, 0.85, 1e-12);
  EXPECT_NEAR(rows[0].deviation.value_or(0), 0.01, 1e-12);
  EXPECT_NEAR(rows[0].least, 0.84, 1e-12);
  EXPECT_NEAR(rows[0].most, 0.86, 1e-12);
  // Within the spread of the first.
  EXPECT_EQ(rows[1].choice.activation, "elu");
  EXPECT_EQ(rows[1].rank, 1);
  EXPECT_EQ(rows[2].choice.activation, "relu");
  EXPECT_EQ(rows[2].rank, 3);
  EXPECT_EQ(rows[2].failed, 1);
  EXPECT_NEAR(rows[2].accuracy, 0.795, 1e-12);  // of those that did not
  EXPECT_EQ(rows[2].reached, 2);
  EXPECT_NEAR(*rows[2].epochs_to_target, 2.5, 1e-12);
  EXPECT_NEAR(*rows[2].last_flow, 1e-3, 1e-15);
  EXPECT_EQ(rows[3].choice.depth, 20);
  EXPECT_EQ(rows[3].rank, 1);
}

TEST(ComparisonTest, WhereTheTextbookHolds) {
  std::vector<ComparedRun> runs;
  AddRuns("selu", 50, 0.80, 0.01, runs);
  AddRuns("elu", 50, 0.84, 0.01, runs);         // the other way round
  AddRuns("leaky_relu", 50, 0.60, 0.01, runs);  // elu wins
  AddRuns("rrelu", 50, 0.64, 0.01, runs);
  AddRuns("relu", 50, 0.60, 0.05, runs);  // within the spread
  AddRuns("swish", 50, 0.9, 0.01, runs);  // no part of the ranking
  const std::vector<ComparisonRow> rows = Summarize(runs);
  const std::vector<RankingPair> pairs = CheckClassicalRanking(rows);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].better, "selu");
  EXPECT_EQ(pairs[0].worse, "elu");
  EXPECT_EQ(pairs[0].holds, RankingHolds::kNo);
  EXPECT_EQ(pairs[1].holds, RankingHolds::kYes);
  EXPECT_EQ(pairs[1].worse, "rrelu, leaky_relu");
  EXPECT_NEAR(pairs[1].worse_accuracy, 0.62, 1e-12);
  EXPECT_EQ(pairs[2].holds, RankingHolds::kUndecided);
  const std::vector<std::string> words = RankingInWords(pairs);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0],
            "Of 3 neighbours in the classical ranking, 1 stands on this data "
            "as in the textbook, 1 stands the other way round, and 1 cannot be "
            "told apart.");
  EXPECT_EQ(words[1],
            "50 layers: as in the textbook, elu (84.0 %) beats rrelu, "
            "leaky_relu (62.0 %). The other way round, selu (80.0 %) loses to "
            "elu (84.0 %). No difference beyond the spread: rrelu, leaky_relu "
            "(62.0 %) and relu (60.0 %).");
}

// Each is as good as the one before it, and the last not as the first.
TEST(ComparisonTest, ARankIsThatOfItsFirst) {
  std::vector<ComparedRun> runs;
  AddRuns("selu", 50, 0.90, 0.01, runs);
  AddRuns("elu", 50, 0.89, 0.01, runs);
  AddRuns("relu", 50, 0.88, 0.01, runs);
  AddRuns("tanh", 50, 0.87, 0.01, runs);
  const std::vector<ComparisonRow> rows = Summarize(runs);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].rank, 1);
  EXPECT_EQ(rows[1].rank, 1);
  EXPECT_GT(rows[3].rank, 1);
  EXPECT_EQ(rows[3].choice.activation, "tanh");
}

TEST(ComparisonTest, ASingleRunTellsOfNoSpread) {
  Comparison comparison = {.title = "one", .shared = "width 8", .target = 0.8};
  comparison.runs = {MakeRun("selu", 5, 1, 0.9), MakeRun("elu", 5, 1, 0.5)};
  const std::vector<ComparisonRow> rows = Summarize(comparison.runs);
  EXPECT_FALSE(rows[0].deviation.has_value());
  EXPECT_EQ(rows[0].rank, 0);
  EXPECT_TRUE(CheckClassicalRanking(rows).empty());
  const std::string table = PrintComparisonTable(comparison);
  EXPECT_NE(table.find(" 90.0 - "), std::string::npos) << table;
  EXPECT_EQ(table.find("+-"), std::string::npos) << table;
  const std::string why =
      "2 of 2 networks are not ranked: that takes two seeds at least";
  EXPECT_NE(table.find(why), std::string::npos) << table;
  const std::string html = PrintComparisonReport(comparison);
  EXPECT_NE(html.find(why), std::string::npos);
  EXPECT_EQ(html.find("textbook ranking holds"), std::string::npos);
}

TEST(ComparisonTest, WhatFailedStandsLastWithoutAnAccuracy) {
  Comparison comparison = {.title = "some", .shared = "width 8", .target = 0.8};
  AddRuns("selu", 5, 0, 0, comparison.runs);
  for (ComparedRun& run : comparison.runs) run.error = "not finite";
  AddRuns("tanh", 5, 0, 0, comparison.runs);
  AddRuns("relu", 5, 0.8, 0.01, comparison.runs);
  const std::vector<ComparisonRow> rows = Summarize(comparison.runs);
  EXPECT_EQ(rows[1].choice.activation, "tanh");
  EXPECT_EQ(rows[2].choice.activation, "selu");
  EXPECT_EQ(rows[2].rank, 3);
  const std::string table = PrintComparisonTable(comparison);
  EXPECT_NE(table.find("selu                           - "), std::string::npos)
      << table;
}

TEST(ComparisonTest, LongChoicesKeepTheirColumns) {
  Comparison comparison = {.title = "wide", .shared = "x", .target = 0.8};
  AddRuns("sigmoid", 20, 0.8, 0.01, comparison.runs);
  AddRuns("relu", 20, 0.8, 0.01, comparison.runs);
  for (size_t i = 3; i < 6; ++i) {
    comparison.runs[i].choice.batch_norm = "before:keras";
    comparison.runs[i].choice.clip = "global_norm:1";
  }
  const std::string table = PrintComparisonTable(comparison);
  const size_t head = table.find("layers rank");
  const size_t column = table.find(" accuracy", head) - head;
  for (const char* row : {"\n    20    1  sigmoid", "\n    20    1  relu"}) {
    const size_t line = table.find(row);
    ASSERT_NE(line, std::string::npos) << table;
    EXPECT_EQ(table.find("80.0 +- 1.0", line) - line - 1, column - 2) << table;
  }
}

TEST(ComparisonTest, TheTableAndTheReport) {
  Comparison comparison = {
      .title = "a < b", .shared = "width <8>", .target = 0.8, .missing = 2};
  AddRuns("selu", 5, 0.85, 0.01, comparison.runs);
  AddRuns("relu", 5, 0.80, 0.01, comparison.runs);
  comparison.runs.back().choice.clip = "value:1";
  const std::string table = PrintComparisonTable(comparison);
  EXPECT_NE(table.find("     5    1  selu "), std::string::npos) << table;
  EXPECT_NE(table.find("85.0 +- 1.0"), std::string::npos) << table;
  EXPECT_NE(table.find("clip value:1"), std::string::npos) << table;
  const std::string html = PrintComparisonReport(comparison);
  for (const char* text :
       {"<title>a &lt; b</title>", "width &lt;8&gt;", "2 runs of the grid",
        "aria-label=\"84.0 to 86.0 %\"", "5 layers, clip value:1",
        "ranking holds for 1 of 1"}) {
    EXPECT_NE(html.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace evengrad
