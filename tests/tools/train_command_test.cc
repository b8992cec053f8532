// evengrad train on a small data set of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/tools/train_command_fixture.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

TEST_F(TrainCommandTest, TrainsAndEndsWithTheTestAccuracy) {
  const std::string json = Path("run.json");
  const CommandResult result = Train("--epochs=8 --json=" + json);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.output.find("270 images to train on, 30 to validate, 300 to "
                               "test\n"),
            std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find("\ntest accuracy 1.0000, loss "),
            std::string::npos)
      << result.output;
  const std::string lines = FileContents(json);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 8);
  EXPECT_TRUE(lines.starts_with("{\"epoch\":1,\"train_loss\":")) << lines;
  for (const char* key : {"train_accuracy", "validation_loss",
                          "validation_accuracy", "seconds"}) {
    EXPECT_NE(lines.find(std::string("\"") + key + "\":"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(json + ".partial"));
}

TEST_F(TrainCommandTest, TheSameSeedGivesTheSameFiguresOnAnyThreadCount) {
  std::vector<std::string> runs;
  for (const char* flags : {"--seed=7 --threads=1", "--seed=7 --threads=1",
                            "--seed=7 --threads=2", "--seed=8 --threads=1"}) {
    const std::string json = Path("seed.json");
    const CommandResult result = Train(std::string(flags) + " --json=" + json);
    ASSERT_EQ(result.exit_code, 0) << result.error;
    runs.push_back(WithoutSeconds(FileContents(json)));
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
  EXPECT_NE(runs[0], runs[3]);
}

TEST_F(TrainCommandTest, EveryChoiceRuns) {
  for (const char* flags :
       {"--optimizer=sgd",
        "--optimizer=sgd --momentum=0.5",
        "--optimizer=nesterov",
        "--optimizer=adam",
        "--clip=global_norm:0.5",
        "--scale=unit",
        "--activation=leaky_relu:0.3 --initializer=he_normal",
        "--activation=elu",
        "--initializer=orthogonal:1.4",
        "--initializer=sparse:0.5",
        "--initializer=pytorch_default",
        "--initializer=keras_truncated_normal",
        "--activation=sigmoid",
        "--activation=tanh",
        "--activation=relu",
        "--activation=gelu",
        "--activation=softplus:2",
        "--batch-size=7",
        "--batch-size=100000",
        "--optimizer=adagrad",
        "--optimizer=rmsprop",
        "--optimizer=rmsprop --momentum=0.5",
        "--optimizer=rmsprop,decay=0.9,epsilon_in_root=1e-7,centered=1",
        "--optimizer=adagrad,initial_accumulator=0.1",
        "--optimizer=adamax",
        "--optimizer=nadam,momentum_decay=1",
        "--optimizer=adamw",
        "--optimizer=adamw --weight-decay=0.004",
        "--weight-decay=1e-4",
        "--weight-decay=decoupled:1e-4",
        "--schedule=step:0.5:1",
        "--schedule=piecewise:1=0.005,2=0.001",
        "--schedule=exponential:0.1:2",
        "--schedule=power:1",
        "--schedule=power:1:0.5",
        "--schedule=cosine",
        "--schedule=cosine:0.001 --warm-up=0.5",
        "--schedule=1cycle",
        "--schedule=1cycle --optimizer=adam",
        "--schedule=plateau:0.5:1",
        "--warm-up=1",
        "--early-stopping=2",
        "--accumulate=4",
        "--loss=cross_entropy",
        "--batch-norm=before",
        "--batch-norm=after",
        "--batch-norm=after:keras --batch-norm-input",
        "--batch-norm-input",
        "--batch-norm=before --accumulate=2",
        "--dropout=0.2",
        "--alpha-dropout=0.1",
        "--activation=prelu",
        "--activation=prelu:0",
        "--activation=rrelu",
        "--precision=bf16"}) {
    const CommandResult result = Train(flags);
    EXPECT_EQ(result.exit_code, 0) << flags << ": " << result.error;
    EXPECT_NE(result.output.find("test accuracy"), std::string::npos);
  }
}

TEST_F(TrainCommandTest, ASchedulesRateStandsInTheJsonLines) {
  const std::string json = Path("rates.json");
  const CommandResult result =
      Train("--schedule=piecewise:1=0.02,2=0.005 --json=" + json);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const std::string lines = FileContents(json);
  for (const char* rate : {"0.01", "0.02", "0.005"}) {
    EXPECT_NE(lines.find(std::string("\"learning_rate\":") + rate + ","),
              std::string::npos)
        << lines;
  }
}

TEST_F(TrainCommandTest, EarlyStoppingEndsWithTheBestEpoch) {
  // With a rate of 0 no epoch is better than the first.
  const CommandResult result =
      Train("--epochs=9 --learning-rate=0 --early-stopping=2");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("stopped early after epoch 3\n"
                               "the parameters are those of epoch 1\n"),
            std::string::npos)
      << result.output;
}

TEST_F(TrainCommandTest, TopKAndConfusion) {
  const CommandResult result = Train(
      "--epochs=8 --classes=3 --top-k=3 "
      "--confusion");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("test top-3 accuracy 1.0000\n"),
            std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find(" label     0     1     2  recall\n"
                               "     0   100     0     0  1.0000\n"),
            std::string::npos)
      << result.output;
}

// They tell about the test part, by its logits.
TEST_F(TrainCommandTest, TopKAndConfusionOfWhatIsNotThere) {
  for (const std::string flag : {"--top-k=2", "--confusion"}) {
    ExpectUsageError(flag + " --data=" + WriteCsv("rows.csv"),
                     flag + ": tells about the test part, and --data=" +
                         Path("rows.csv") + " has none; give one with --test");
    ExpectUsageError(flag + " --clip=suggest",
                     "--clip=suggest: proposes a threshold and ends: there is "
                     "no test; leave out " +
                         flag.substr(0, flag.find('=')));
  }
  ExpectUsageError("--clip=suggest:5 --test=" + WriteCsv("rows.csv"),
                   "leave out --test");
  EXPECT_EQ(Train("--top-k=2 --confusion --data=" + Path("rows.csv") +
                  " --test=" + Path("rows.csv"))
                .exit_code,
            0);
}

TEST_F(TrainCommandTest, ShapesOfTheNetworkAndValidation) {
  for (const char* flags :
       {"--hidden=9,3x5", "--hidden=6", "--validation=last:30",
        "--validation=first:30", "--validation=0"}) {
    const CommandResult result = RunEvengrad(
        "train --validation=10 --data=" + folder_ + " --epochs=1 " + flags);
    EXPECT_EQ(result.exit_code, 0) << flags << ": " << result.error;
  }
}

TEST_F(TrainCommandTest, RecomputingChangesNoNumber) {
  const CommandResult kept = Train("--hidden=6x8 --explain");
  const CommandResult again = Train("--hidden=6x8 --explain --recompute=2");
  EXPECT_EQ(again.exit_code, 0) << again.error;
  auto test = [](const CommandResult& result) {
    return result.output.substr(result.output.find("test accuracy"));
  };
  EXPECT_EQ(test(again), test(kept));
  auto passes = [](const CommandResult& result) {
    return result.output.substr(0, result.output.find("kernels: "));
  };
  EXPECT_NE(passes(again), passes(kept));
  ExpectUsageError("--recompute=-1", "--recompute");
}

}  // namespace
}  // namespace evengrad
