#include "evengrad/formats/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

std::string Bytes(const std::vector<int>& values) {
  std::string bytes;
  for (int value : values) bytes += static_cast<char>(value);
  return bytes;
}

// The record of "foo", as TensorBoard's own writer (2.21) makes it.
TEST(TensorBoardTest, TheFramingOfARecord) {
  EXPECT_EQ(TfRecord("foo"),
            Bytes({3, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e}) + "foo" +
                Bytes({0x61, 0x8a, 0xbe, 0xfe}));
}

// A bitwise CRC32C of its own, so that a fault of the table is seen.
uint32_t SlowCrc(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

uint64_t Little(const std::string& bytes, size_t at, int size) {
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; --i) {
    value = value << 8 |
            static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
  }
  return value;
}

// The payloads of a file whose lengths and checksums are right.
std::vector<std::string> Payloads(const std::string& file) {
  std::vector<std::string> payloads;
  auto expect_crc = [&](size_t at, const std::string& of) {
    const uint32_t crc = SlowCrc(of);
    EXPECT_EQ(Little(file, at, 4), ((crc >> 15 | crc << 17) + 0xa282ead8u));
  };
  for (size_t at = 0; at < file.size();) {
    const uint64_t length = Little(file, at, 8);
    if (at + 16 + length > file.size()) {
      ADD_FAILURE() << "a record is cut";
      break;
    }
    expect_crc(at + 8, file.substr(at, 8));
    payloads.push_back(file.substr(at + 12, length));
    expect_crc(at + 12 + length, payloads.back());
    at += 16 + length;
  }
  return payloads;
}

std::string FloatBytes(float value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}
std::string DoubleBytes(double value) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &value, 8);
  return bytes;
}

TEST(TensorBoardTest, EventsOfAFile) {
  const std::string folder = PathForTest("events");
  absl::StatusOr<TensorBoardWriter> writer = TensorBoardWriter::Open(folder);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->WriteScalars(300, {{"a/b", 0.5}, {"c", -2}}).ok());
  // What has been written is there before the file is closed.
  const std::vector<std::string> events = Payloads(ContentsOf(writer->path()));
  ASSERT_EQ(events.size(), 3u);
  // wall_time = 1, then file_version = 3.
  EXPECT_EQ(events[0].substr(0, 1), Bytes({0x09}));
  EXPECT_EQ(events[0].substr(9), Bytes({0x1a, 13}) + "brain.Event:2");
  // step = 2: 300; session_log = 7: status START.
  EXPECT_EQ(events[1].substr(9), Bytes({0x10, 0xac, 0x02, 0x3a, 2, 0x08, 1}));
  // summary = 5: two values of a tag = 1 and a simple_value = 2.
  const std::string a =
      Bytes({0x0a, 3}) + "a/b" + Bytes({0x15}) + FloatBytes(0.5);
  const std::string c = Bytes({0x0a, 1}) + "c" + Bytes({0x15}) + FloatBytes(-2);
  EXPECT_EQ(events[2].substr(9),
            Bytes({0x10, 0xac, 0x02, 0x2a, 2 + 10 + 2 + 8}) +
                Bytes({0x0a, 10}) + a + Bytes({0x0a, 8}) + c);
  std::filesystem::remove_all(folder);
}

TEST(TensorBoardTest, AHistogramOfALayer) {
  const std::string folder = PathForTest("events");
  absl::StatusOr<TensorBoardWriter> writer = TensorBoardWriter::Open(folder);
  ASSERT_TRUE(writer.ok()) << writer.status();
  StatisticsRecord record = {.step = 1, .loss = 2};
  record.layers.push_back({.name = "one",
                           .output = {.elements = 8,
                                      .mean = 0.25,
                                      .deviation = 0.5,
                                      .minimum = -1,
                                      .maximum = 1,
                                      .histogram = {3, 1}}});
  ASSERT_TRUE(writer->WriteStatistics(record).ok());
  const std::vector<std::string> events = Payloads(ContentsOf(writer->path()));
  ASSERT_EQ(events.size(), 3u);
  // histo = 5 of "output/one": min, max, num, sum, sum_squares, then the
  // limits, of which the last is above the maximum, and the counts, packed.
  const std::string histogram =
      Bytes({0x09}) + DoubleBytes(-1) + Bytes({0x11}) + DoubleBytes(1) +
      Bytes({0x19}) + DoubleBytes(4) + Bytes({0x21}) + DoubleBytes(1) +
      Bytes({0x29}) + DoubleBytes(4 * (0.25 + 0.0625)) + Bytes({0x32, 16}) +
      DoubleBytes(0) + DoubleBytes(std::nextafter(1.0, 2.0)) +
      Bytes({0x3a, 16}) + DoubleBytes(3) + DoubleBytes(1);
  EXPECT_NE(events[2].find(Bytes({0x0a, 10}) + "output/one" +
                           Bytes({0x2a, static_cast<int>(histogram.size())}) +
                           histogram),
            std::string::npos);
  EXPECT_NE(events[2].find("output_deviation/one"), std::string::npos);
  EXPECT_EQ(events[2].find("saturated_share"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(TensorBoardTest, TwoWritersOfAFolderHaveAFileEach) {
  const std::string folder = PathForTest("events");
  absl::StatusOr<TensorBoardWriter> one = TensorBoardWriter::Open(folder);
  absl::StatusOr<TensorBoardWriter> two = TensorBoardWriter::Open(folder);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->path(), two->path());
  std::filesystem::remove_all(folder);
}

TEST(TensorBoardTest, ErrorsNameThePath) {
  const std::string file = WriteContents(PathForTest("file"), "x");
  const absl::Status status = TensorBoardWriter::Open(file + "/runs").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(Message(status).find(file), std::string_view::npos) << status;
  std::filesystem::remove_all(file);
}

}  // namespace
}  // namespace evengrad
