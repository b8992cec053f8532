#include "evengrad/formats/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

using ::testing::TempDir;

std::string Header(uint8_t type, const std::vector<uint32_t>& sizes) {
  std::string bytes = {0, 0, static_cast<char>(type),
                       static_cast<char>(sizes.size())};
  for (uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(size >> shift);
    }
  }
  return bytes;
}

std::string WriteFile(const std::string& name, const std::string& bytes) {
  const std::string path = TempDir() + "/idx_test_" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string WriteGzip(const std::string& name, const std::string& bytes) {
  const std::string path = TempDir() + "/idx_test_" + name + ".gz";
  gzFile file = gzopen(path.c_str(), "wb9");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The message of the error of reading `path`, after "<path>: ".
std::string ErrorOf(const std::string& path, const IdxOptions& options = {}) {
  const absl::StatusOr<Tensor> tensor = ReadIdx(path, options);
  if (tensor.ok()) return "read without an error";
  std::string message(Message(tensor.status()));
  EXPECT_TRUE(message.starts_with(path + ": ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message.substr(std::min(message.size(), path.size() + 2));
}

TEST(IdxTest, ReadsPlainAndGzippedBytes) {
  const std::string bytes = Header(8, {2, 3}) + "abcdef";
  for (const std::string& path :
       {WriteFile("bytes", bytes), WriteGzip("bytes", bytes)}) {
    const absl::StatusOr<Tensor> tensor = ReadIdx(path);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->ToString(), "u8[2,3]");
    EXPECT_EQ(tensor->ToDoubles(),
              (std::vector<double>{'a', 'b', 'c', 'd', 'e', 'f'}));
  }
}

TEST(IdxTest, ReadsBigEndianElements) {
  const std::string ints =
      Header(12, {2}) + std::string("\0\0\1\2\xff\xff\xff\xff", 8);
  const absl::StatusOr<Tensor> tensor = ReadIdx(WriteFile("ints", ints));
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->ToString(), "i32[2]");
  EXPECT_EQ(tensor->ToDoubles(), (std::vector<double>{258, -1}));

  const std::string floats =
      Header(13, {1}) + std::string("\x3f\xc0\0\0", 4);  // 1.5
  const absl::StatusOr<Tensor> one = ReadIdx(WriteFile("floats", floats));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->ToDoubles(), std::vector<double>{1.5});
}

TEST(IdxTest, ReadsATensorWithoutElements) {
  const absl::StatusOr<Tensor> tensor =
      ReadIdx(WriteFile("none", Header(8, {0, 28})));
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->ToString(), "u8[0,28]");
}

TEST(IdxTest, MissingFileAndFolder) {
  EXPECT_EQ(ErrorOf(TempDir() + "/no/such/file"),
            "cannot be read: No such file or directory");
  EXPECT_TRUE(ErrorOf(TempDir()).starts_with("cannot be read: "));
}

TEST(IdxTest, WrongMagic) {
  EXPECT_EQ(ErrorOf(WriteFile("text", "hello, world")),
            "no IDX file: it starts with bytes 104 101 108 108, expected 0 0, "
            "an element type and a rank of 1 to 8");
  EXPECT_EQ(ErrorOf(WriteFile("rank", Header(8, {}) + "abcd")),
            "no IDX file: it starts with bytes 0 0 8 0, expected 0 0, an "
            "element type and a rank of 1 to 8");
  EXPECT_EQ(ErrorOf(WriteFile("type", Header(11, {1}) + "ab")),
            "IDX element type 11 is not supported; known are 8 (u8), 12 "
            "(i32), 13 (f32) and 14 (f64)");
}

TEST(IdxTest, TruncatedAtEveryByte) {
  const std::string bytes = Header(8, {2, 3}) + "abcdef";
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string path = WriteFile("short", bytes.substr(0, size));
    EXPECT_TRUE(ErrorOf(path).starts_with("truncated: ")) << size;
    EXPECT_TRUE(
        ErrorOf(WriteGzip("short", bytes.substr(0, size))).starts_with("trun"))
        << size;
  }
  const std::string gzip = Contents(WriteGzip("whole", bytes));
  for (size_t size = 0; size < gzip.size(); ++size) {
    EXPECT_NE(ErrorOf(WriteFile("cut.gz", gzip.substr(0, size))),
              "read without an error")
        << size;
  }
}

TEST(IdxTest, DamagedGzip) {
  std::string gzip =
      Contents(WriteGzip("fine", Header(8, {300}) + std::string(150, 'x') +
                                     std::string(150, 'y')));
  gzip[gzip.size() - 6] ^= 1;  // the checksum
  EXPECT_TRUE(ErrorOf(WriteFile("crc.gz", gzip)).starts_with("damaged: "));
}

TEST(IdxTest, MoreDataThanAnnouncedIsNotInflated) {
  const std::string bomb = Header(8, {2, 3}) + std::string(50'000'000, '\0');
  EXPECT_EQ(ErrorOf(WriteGzip("bomb", bomb)),
            "holds more data than its header announces");
}

TEST(IdxTest, AHeaderAloneAllocatesNothing) {
  const std::string announced = Header(8, {30'000, 28, 28}) + "abc";
  EXPECT_EQ(ErrorOf(WriteFile("large", announced)),
            "truncated: its header announces u8[30000,28,28] (23520000 "
            "bytes), which a file of this size cannot hold");
  EXPECT_TRUE(ErrorOf(WriteGzip("large", announced)).starts_with("truncated"));
}

TEST(IdxTest, SizesBeyondTheLimitAndOverflow) {
  EXPECT_EQ(ErrorOf(WriteFile("limit", Header(8, {11}) + "0123456789a"),
                    {.max_bytes = 10}),
            "its header announces u8[11], which is more than the limit of 10 "
            "bytes");
  const uint32_t most = 0xffffffffu;
  EXPECT_NE(ErrorOf(WriteFile("overflow",
                              Header(14, {most, most, most, most}) + "abc"))
                .find("more than the limit"),
            std::string::npos);
}

}  // namespace
}  // namespace evengrad
