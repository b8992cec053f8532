// A small data set for tests of commands that train.
#ifndef EVENGRAD_TESTS_TOOLS_SMALL_DATA_H_
#define EVENGRAD_TESTS_TOOLS_SMALL_DATA_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace evengrad {

// The header of an IDX file of unsigned bytes.
inline std::string Header(const std::vector<uint32_t>& sizes) {
  std::string bytes = {0, 0, 8, static_cast<char>(sizes.size())};
  for (uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(size >> shift);
    }
  }
  return bytes;
}

// A folder with `count` images of 4 x 4 pixels to train on and as many to test:
// image i is of class i % 3, and that row of it is bright.
class SmallDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "/" + test->test_suite_name() + "_" +
              test->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    WritePart("train", 300);
    WritePart("t10k", 300);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  void WritePart(const std::string& part, uint32_t count) {
    std::string images = Header({count, 4, 4});
    std::string labels = Header({count});
    for (uint32_t i = 0; i < count; ++i) {
      labels += static_cast<char>(i % 3);
      for (uint32_t pixel = 0; pixel < 16; ++pixel) {
        const uint32_t noise = (i * 31 + pixel * 17) % 50;
        images += static_cast<char>(noise + (pixel / 4 == i % 3 ? 150 : 0));
      }
    }
    Write(part + "-images-idx3-ubyte", images);
    Write(part + "-labels-idx1-ubyte", labels);
  }

  std::string folder_;
};

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_TOOLS_SMALL_DATA_H_
