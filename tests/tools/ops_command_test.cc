#include <gtest/gtest.h>

#include "tests/tools/command.h"

namespace evengrad {
namespace {

TEST(OpsCommandTest, ListsEveryOpWithSignatureAndSummary) {
  const CommandResult all = RunEvengrad("ops");
  EXPECT_EQ(all.exit_code, 0) << all.error;
  EXPECT_NE(all.output.find("selu(input) -> output\n    "), std::string::npos);
  EXPECT_NE(all.output.find("leaky_relu(input; slope: number = 0.01) -> "
                            "output\n"),
            std::string::npos)
      << all.output;
  EXPECT_NE(all.output.find("matmul("), std::string::npos);
  EXPECT_EQ(all.error, "");
}

TEST(OpsCommandTest, ListsOneOp) {
  const CommandResult one = RunEvengrad("ops tanh");
  EXPECT_EQ(one.exit_code, 0) << one.error;
  EXPECT_EQ(one.output.substr(0, 22), "tanh(input) -> output\n");
}

TEST(OpsCommandTest, UnknownNames) {
  const CommandResult op = RunEvengrad("ops slu");
  EXPECT_EQ(op.exit_code, 2);
  EXPECT_EQ(op.output, "");
  EXPECT_EQ(op.error, "evengrad: unknown op 'slu'; did you mean 'selu'?\n");
  const CommandResult command = RunEvengrad("trian");
  EXPECT_EQ(command.exit_code, 2);
  EXPECT_NE(command.error.find("did you mean 'train'?\n"), std::string::npos)
      << command.error;
  const CommandResult none = RunEvengrad("");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(
      none.error,
      "evengrad: give a command: train, compare, dump, run, convert or ops; "
      "see evengrad --help\n");
}

TEST(OpsCommandTest, AFullDiskIsAnError) {
  for (const char* arguments : {"ops", "ops tanh", "ops --help", "--help"}) {
    const CommandResult result =
        RunEvengrad(arguments, "sh -c '\"$@\" >/dev/full' sh");
    EXPECT_EQ(result.exit_code, 1) << arguments;
    EXPECT_EQ(result.error,
              "evengrad: standard output cannot be written: No space left on "
              "device\n")
        << arguments;
  }
}

TEST(OpsCommandTest, Help) {
  const CommandResult help = RunEvengrad("--help");
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.output.find("train"), std::string::npos);
  const CommandResult train = RunEvengrad("train --help");
  EXPECT_EQ(train.exit_code, 0);
  EXPECT_NE(train.output.find("--learning-rate"), std::string::npos);
}

}  // namespace
}  // namespace evengrad
