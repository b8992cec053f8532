#include "evengrad/formats/statistics_csv.h"

#include <gtest/gtest.h>

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
