// Files of tests: under the test's temporary folder, in names of their own.
#ifndef EVENGRAD_TESTS_FORMATS_FILE_TESTING_H_
#define EVENGRAD_TESTS_FORMATS_FILE_TESTING_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace evengrad {

// A path for this test alone; nothing is there.
inline std::string PathForTest(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = ::testing::TempDir() + "/" +
                           test->test_suite_name() + "_" + test->name() + "_" +
                           std::to_string(getpid()) + "_" + name;
  std::filesystem::remove_all(path);
  std::filesystem::remove_all(path + ".partial");
  return path;
}

inline std::string ContentsOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string WriteContents(const std::string& path,
                                 const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_FORMATS_FILE_TESTING_H_
