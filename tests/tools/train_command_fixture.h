// evengrad train on a small data set of its own.
#ifndef EVENGRAD_TESTS_TOOLS_TRAIN_COMMAND_FIXTURE_H_
#define EVENGRAD_TESTS_TOOLS_TRAIN_COMMAND_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/tools/command.h"
#include "tests/tools/small_data.h"

namespace evengrad {

class TrainCommandTest : public SmallDataTest {
 protected:
  CommandResult Train(const std::string& flags,
                      const std::string& before = "") {
    return RunEvengrad(Arguments(flags), before);
  }
  // Of a training that would take hours, when its second epoch is over.
  CommandResult Interrupt(int signal, int times, const std::string& flags) {
    return CommandRun(Arguments("--epochs=1000000 " + flags))
        .Interrupted(signal, "\n    2 ", times);
  }
  std::string Arguments(const std::string& flags) {
    return "train --data=" + folder_ +
           " --hidden=2x8 --validation=30 --epochs=3 --learning-rate=0.01 " +
           flags;
  }
  // 90 rows of three numbers; the largest is that of the class.
  std::string WriteCsv(const std::string& name) {
    std::string rows = "label,a,b,c\n";
    for (int i = 0; i < 90; ++i) {
      const int label = i % 3;
      rows += std::to_string(label);
      for (int j = 0; j < 3; ++j) {
        rows += "," +
                std::to_string((i * 31 + j * 17) % 50 + (j == label ? 100 : 0));
      }
      rows += "\n";
    }
    Write(name, rows);
    return Path(name);
  }
  void ExpectUsageError(const std::string& flags, const std::string& text) {
    const std::string json = Path("never.json");
    ExpectComplaint(Train("--json=" + json + " " + flags), 2, text);
    ExpectNoJson(json);
  }
  void ExpectFailure(const std::string& flags, const std::string& text) {
    const std::string json = Path("never.json");
    ExpectComplaint(Train("--json=" + json + " " + flags), 1, text);
    ExpectNoJson(json);
  }
  void ExpectNoJson(const std::string& json) {
    EXPECT_FALSE(std::filesystem::exists(json));
    EXPECT_FALSE(std::filesystem::exists(json + ".partial"));
  }
};

// JSON lines without the last member, the seconds, which differ between runs.
inline std::string WithoutSeconds(const std::string& text) {
  std::string kept;
  std::string line;
  for (std::istringstream lines(text); std::getline(lines, line);) {
    kept += line.substr(0, line.find(",\"seconds\"")) + "\n";
  }
  return kept;
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_TOOLS_TRAIN_COMMAND_FIXTURE_H_
