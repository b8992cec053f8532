#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/tools/command.h"

namespace evengrad {
namespace {

const std::string kModel = EVENGRAD_SOURCE_DIR "/examples/models/mnist.eg";

std::string WriteText(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/dump_command_" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(DumpCommandTest, TheExampleRoundTrips) {
  const CommandResult first = RunEvengrad("dump " + kModel);
  ASSERT_EQ(first.exit_code, 0) << first.error;
  EXPECT_NE(first.output.find("  %images: f32[batch,784] = placeholder()\n"),
            std::string::npos);
  const std::string copy = WriteText("copy.eg", first.output);
  const CommandResult second = RunEvengrad("dump " + copy);
  EXPECT_EQ(second.output, first.output);
}

TEST(DumpCommandTest, SummaryAndStages) {
  const CommandResult summary =
      RunEvengrad("dump " + kModel + " --format=summary --size=batch=32");
  ASSERT_EQ(summary.exit_code, 0) << summary.error;
  EXPECT_NE(summary.output.find("hidden1"), std::string::npos);
  EXPECT_NE(summary.output.find("78,500"), std::string::npos);  // 785 * 100
  EXPECT_NE(summary.output.find("89,500"), std::string::npos);  // all
  EXPECT_NE(summary.output.find("peak memory: "), std::string::npos);

  const CommandResult training =
      RunEvengrad("dump " + kModel +
                  " --stage=training --optimizer=adam --clip=global_norm:1.0");
  ASSERT_EQ(training.exit_code, 0) << training.error;
  EXPECT_NE(training.output.find("  return loss=%mean_loss, logits="),
            std::string::npos);
  EXPECT_NE(training.output.find("first_moment"), std::string::npos);
  EXPECT_NE(training.output.find("clip_by_global_norm"), std::string::npos);

  // What trains already is not minimized again.
  const std::string trained = WriteText("trained.eg", training.output);
  EXPECT_EQ(RunEvengrad("dump " + trained + " --stage=training").output,
            training.output);

  const CommandResult plan = RunEvengrad(
      "dump " + kModel + " --stage=plan --loss=loss --size=batch=32");
  ASSERT_EQ(plan.exit_code, 0) << plan.error;
  EXPECT_NE(plan.output.find("implementation"), std::string::npos);
  EXPECT_NE(plan.output.find("f32[32,784]"), std::string::npos);

  const CommandResult after =
      RunEvengrad("dump " + kModel + " --after=specialize --size=batch=7");
  ASSERT_EQ(after.exit_code, 0) << after.error;
  EXPECT_NE(after.output.find("%images: f32[7,784]"), std::string::npos);
}

TEST(DumpCommandTest, BadUsage) {
  const CommandResult stage = RunEvengrad("dump " + kModel + " --stage=plann");
  EXPECT_EQ(stage.exit_code, 2);
  EXPECT_EQ(stage.error,
            "evengrad: --stage=plann: expected one of model, gradients, "
            "training, optimized, plan; did you mean 'plan'?\n");
  const CommandResult size = RunEvengrad("dump " + kModel + " --size=batch");
  EXPECT_EQ(size.exit_code, 2);
  EXPECT_EQ(size.error,
            "evengrad: --size=batch: expected NAME=N with N of at least 0, "
            "such as batch=32\n");
  const CommandResult optimizer =
      RunEvengrad("dump " + kModel + " --optimizer=adma");
  EXPECT_EQ(optimizer.exit_code, 2);
  EXPECT_EQ(RunEvengrad("dump").exit_code, 2);
}

TEST(DumpCommandTest, BadFilesAreOneLineAndExitCode1) {
  const CommandResult missing = RunEvengrad("dump /nowhere/model.eg");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.error,
            "evengrad: /nowhere/model.eg: cannot be read: No such file or "
            "directory\n");
  const std::string path =
      WriteText("broken.eg", "evengrad 1\ngraph {\n  %x: f32[2] = slu()\n}\n");
  const CommandResult broken = RunEvengrad("dump " + path);
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_EQ(broken.output, "");
  EXPECT_EQ(broken.error, "evengrad: " + path +
                              ":3:16: unknown op 'slu'; did you mean "
                              "'selu'?\n");
  const CommandResult loss =
      RunEvengrad("dump " + kModel + " --stage=training --loss=mean_los");
  EXPECT_EQ(loss.exit_code, 1);
  EXPECT_EQ(loss.error, "evengrad: --loss=mean_los: " + kModel +
                            " has no result and no node of that name; did you "
                            "mean 'mean_loss'?\n");
  const CommandResult pass = RunEvengrad("dump " + kModel + " --after=prun");
  EXPECT_EQ(pass.exit_code, 1);
  EXPECT_EQ(pass.error,
            "evengrad: there is no pass 'prun'; did you mean 'prune'?\n");
  const std::string lossless = WriteText(
      "lossless.eg", "evengrad 1\ngraph {\n  %x: f32[2] = placeholder()\n}\n");
  const CommandResult none =
      RunEvengrad("dump " + lossless + " --stage=gradients");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.error, "evengrad: " + lossless +
                            ": stage gradients needs a loss: name it with "
                            "--loss=NAME\n");
}

TEST(DumpCommandTest, AFullDiskIsAnError) {
  const CommandResult result =
      RunEvengrad("dump " + kModel, "sh -c '\"$@\" >/dev/full' sh");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.error, "evengrad: the dump cannot be written\n");
}

}  // namespace
}  // namespace evengrad
