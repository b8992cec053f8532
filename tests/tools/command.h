// Runs the command line and keeps what it said.
#ifndef EVENGRAD_TESTS_TOOLS_COMMAND_H_
#define EVENGRAD_TESTS_TOOLS_COMMAND_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

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

// A run of `evengrad <arguments>`, where the shell reads the arguments;
// `before` stands in front of the program ("timeout 5").
class CommandRun {
 public:
  explicit CommandRun(const std::string& arguments,
                      const std::string& before = "")
      : base_(::testing::TempDir() + "/evengrad_" + std::to_string(getpid())),
        line_(before + " " EVENGRAD_COMMAND " " + arguments + " > " + base_ +
              ".out 2> " + base_ + ".err") {}

  CommandResult ToItsEnd() const { return Result(std::system(line_.c_str())); }

  // Sends a signal, so many times, when standard output contains `text`.
  CommandResult Interrupted(int signal, const std::string& text,
                            int times = 1) const {
    std::ofstream(base_ + ".out").close();
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/sh", "sh", "-c", ("exec " + line_).c_str(), nullptr);
      _exit(127);
    }
    const auto start = std::chrono::steady_clock::now();
    while (FileContents(base_ + ".out").find(text) == std::string::npos &&
           std::chrono::steady_clock::now() - start < std::chrono::minutes(1)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (int i = 0; i < times; ++i) kill(child, signal);
    int status = -1;
    waitpid(child, &status, 0);
    return Result(status);
  }

 private:
  CommandResult Result(int status) const {
    return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .output = FileContents(base_ + ".out"),
            .error = FileContents(base_ + ".err")};
  }

  std::string base_;
  std::string line_;
};

inline CommandResult RunEvengrad(const std::string& arguments,
                                 const std::string& before = "") {
  return CommandRun(arguments, before).ToItsEnd();
}

// One line on standard error that contains `text`, and that exit code.
inline void ExpectComplaint(const CommandResult& result, int exit_code,
                            const std::string& text) {
  EXPECT_EQ(result.exit_code, exit_code) << result.error;
  EXPECT_NE(result.error.find(text), std::string::npos)
      << "expected: " << text << "\nactual: " << result.error;
  EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1)
      << result.error;
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_TOOLS_COMMAND_H_
