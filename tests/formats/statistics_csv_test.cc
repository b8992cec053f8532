#include "evengrad/formats/statistics_csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

StatisticsRecord Record() {
  return {.step = 7,
          .loss = 0.5,
          .gradient_norm = 2,
          .clipped_norm = std::nan(""),
          .layers = {{.name = "one,\"a\"",
                      .output = {.elements = 4,
                                 .mean = 0.25,
                                 .deviation = 1,
                                 .minimum = -HUGE_VAL,
                                 .maximum = 3,
                                 .norm = 1e-7,
                                 .zero_share = 0.5,
                                 .nans = 1,
                                 .infinities = 2},
                      .parameters = {{.name = "one,\"a\"/weights",
                                      .update = {.elements = 2, .norm = 3},
                                      .update_ratio = 0.001}},
                      .saturated_share = 0.75,
                      .dead_units = 3}}};
}

TEST(StatisticsCsvTest, Lines) {
  EXPECT_EQ(StatisticsCsvLines(Record()),
            "7,,loss,,0.5,,,,,,,,,,,\n"
            "7,,gradient,,,,,,2,,,,,,,\n"
            "7,,clipped gradient,,,,,,nan,,,,,,,\n"
            "7,\"one,\"\"a\"\"\",output,4,0.25,1,-inf,3,1e-07,0.5,1,2,0.75,3,,"
            "\n"
            "7,\"one,\"\"a\"\"\",weights update,2,0,0,0,0,3,0,0,0,,,,0.001\n");
}

std::string Written(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/statistics_csv_read.csv";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// What is read prints as the same lines, whatever the names.
TEST(StatisticsCsvTest, ReadsWhatItWrites) {
  StatisticsRecord second = Record();
  second.step = 8;
  second.layers[0].parameters[0].value = {.elements = 2, .mean = 1, .norm = 2};
  second.layers[0].parameters[0].gradient = {.elements = 2, .norm = 1e-300};
  second.layers.push_back(
      {.name = "line\nfeed",
       .output_gradient = {.elements = 9, .mean = HUGE_VAL, .infinities = 9},
       .parameters = {{.name = "line\nfeed/output",
                       .value = {.elements = 1, .minimum = -2}}},
       .gradient_ratio = 0.5});
  const std::string text = StatisticsCsvHeader() +
                           StatisticsCsvLines(Record()) +
                           StatisticsCsvLines(second);
  const auto records = ReadStatisticsCsv(Written(text));
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(StatisticsCsvHeader() + StatisticsCsvLines((*records)[0]) +
                StatisticsCsvLines((*records)[1]),
            text);
  EXPECT_EQ((*records)[1].layers[1].name, "line\nfeed");
  EXPECT_TRUE(std::isnan((*records)[0].clipped_norm));
  EXPECT_EQ((*records)[0].layers[0].dead_units, 3);
}

TEST(StatisticsCsvTest, WhatIsNoStatisticsFileIsRefused) {
  const std::string header = StatisticsCsvHeader();
  auto error = [](const std::string& text) {
    const std::string path = Written(text);
    const absl::Status status = ReadStatisticsCsv(path).status();
    const std::string message(Message(status));
    return message.substr(std::min(message.size(), path.size() + 2));
  };
  const std::string no_file =
      "is no statistics file: its first line is not the one that evengrad "
      "train --csv writes";
  EXPECT_EQ(error(""), no_file);
  EXPECT_EQ(error("a,b,label\n1,2,3\n"), no_file);
  EXPECT_EQ(error(header), "has no record of statistics");
  EXPECT_EQ(error(header + "1,,loss,,0.5\n"),
            "line 2: expected 16 cells, found 5");
  EXPECT_EQ(error(header + "x,,loss,,0.5,,,,,,,,,,,\n"),
            "line 2: column step: 'x' is no number");
  EXPECT_EQ(error(header + "-1,,loss,,0.5,,,,,,,,,,,\n"),
            "line 2: column step: '-1' is no count");
  EXPECT_EQ(error(header + "1,,gradient,,,,,,2,,,,,,,\n"),
            "line 2: 'gradient' of no layer");
  EXPECT_EQ(error(header + "1,a,output,4,0,0,0,0,0,0,0,0,,,,\n"),
            "line 2: a layer of step 1 before that step's loss");
  EXPECT_EQ(error(header + "1,,loss,,1,,,,,,,,,,,\n"
                           "1,a,output,4,0,0,0,0,0,0,1e99,0,,,,\n"),
            "line 3: column nans: '1e99' is no count");
  EXPECT_EQ(error(header + "1,\"a,loss\n"),
            "line 2: a quote that does not end where the cell does");
  EXPECT_NE(ReadStatisticsCsv("/no/such/file.csv")
                .status()
                .ToString()
                .find("/no/such/file.csv"),
            std::string::npos);
  EXPECT_FALSE(ReadStatisticsCsv(Written(header), 10).ok());
}

TEST(StatisticsCsvTest, TheFileAppearsWhenItIsFinished) {
  const std::string path = ::testing::TempDir() + "/statistics_csv_test.csv";
  std::filesystem::remove(path);
  absl::StatusOr<StatisticsCsvWriter> writer = StatisticsCsvWriter::Open(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->Write(Record()).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(writer->Finish().ok());
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}),
            StatisticsCsvHeader() + StatisticsCsvLines(Record()));
  EXPECT_FALSE(StatisticsCsvWriter::Open("/no/such/folder/x.csv").ok());
}

}  // namespace
}  // namespace evengrad
