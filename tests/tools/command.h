// Runs the command line and keeps what it said.
#ifndef EVENGRAD_TESTS_TOOLS_COMMAND_H_
#define EVENGRAD_TESTS_TOOLS_COMMAND_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace evengrad {

struct CommandResult {
  int exit_code = -1;
  std::string output;
  std::string error;
};

inline std::string FileContents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// `evengrad <arguments>`, where the shell reads the arguments; `before` stands
// in front of the program ("timeout 5").
inline CommandResult RunEvengrad(const std::string& arguments,
                                 const std::string& before = "") {
  const std::string base =
      ::testing::TempDir() + "/evengrad_" + std::to_string(getpid());
  const std::string line = before + " " EVENGRAD_COMMAND " " + arguments +
                           " > " + base + ".out 2> " + base + ".err";
  const int status = std::system(line.c_str());
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .output = FileContents(base + ".out"),
          .error = FileContents(base + ".err")};
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_TOOLS_COMMAND_H_
