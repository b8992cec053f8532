#include "evengrad/train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"
#include "tests/train/tiny_training.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSteps = 21;  // of three epochs of 50 examples, 8 a batch

FitOptions Options(const std::string& directory, bool resume) {
  return {.epochs = 3,
          .batch_size = 8,
          .seed = 5,
          .validation = LinePoints(20),
          .checkpoints = {.directory = directory, .keep = 0, .resume = resume}};
}

void ExpectSameStates(const Session& a, const Session& b) {
  ASSERT_EQ(a.StateNames(), b.StateNames());
  for (const std::string& name : a.StateNames()) {
    EXPECT_TRUE(*a.Read(name) == *b.Read(name)) << name;
  }
  EXPECT_EQ(a.random_counters().seed, b.random_counters().seed);
  EXPECT_EQ(a.random_counters().step, b.random_counters().step);
}

void ExpectSameEpochs(const std::vector<EpochReport>& a,
                      const std::vector<EpochReport>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].epoch, b[i].epoch);
    EXPECT_EQ(a[i].train_loss, b[i].train_loss);
    EXPECT_EQ(a[i].train_accuracy, b[i].train_accuracy);
    ASSERT_EQ(a[i].validation.has_value(), b[i].validation.has_value());
    EXPECT_EQ(a[i].validation->loss, b[i].validation->loss);
    EXPECT_EQ(a[i].validation->accuracy, b[i].validation->accuracy);
    EXPECT_EQ(a[i].validation->examples, b[i].validation->examples);
  }
}

// Runs until the step `cut`, resumes in a new session with another seed, and
// compares with a run that was not cut: its figures, its states, its file.
void ExpectCutEqualsUncut(int64_t cut, const TinyTraining& whole,
                          const FitResult& expected) {
  SCOPED_TRACE(cut);
  const std::string directory = PathForTest("cut");
  std::atomic<bool> interrupt = false;
  int64_t steps = 0;
  TinyTraining first;
  FitOptions options = Options(directory, false);
  options.interrupt = &interrupt;
  options.on_step = [&](const StepReport&) { interrupt = ++steps == cut; };
  const absl::StatusOr<FitResult> before = first.Fit(options);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_TRUE(before->interrupted);
  EXPECT_EQ(before->steps, cut);

  TinyTraining second(Adam{.learning_rate = 9}, 77);  // both are restored
  options = Options(directory, true);
  int64_t resumed_at = -1;
  options.on_resume = [&](const FitResult& so_far) {
    resumed_at = so_far.steps;
    return absl::OkStatus();
  };
  const absl::StatusOr<FitResult> after = second.Fit(options);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(resumed_at, cut);
  EXPECT_EQ(after->steps, kSteps);
  ExpectSameEpochs(after->epochs, expected.epochs);
  ExpectSameStates(*second.session, *whole.session);
  EXPECT_EQ(second.hook->sum(), whole.hook->sum());
  EXPECT_EQ(ContentsOf(after->checkpoint), ContentsOf(expected.checkpoint));
}

TEST(CheckpointTest, ARunCutAtAnyStepEqualsTheRunThatWasNotCut) {
  TinyTraining whole;
  const absl::StatusOr<FitResult> expected =
      whole.Fit(Options(PathForTest("whole"), false));
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_EQ(expected->steps, kSteps);
  EXPECT_NE(whole.hook->sum(), 0);
  for (const int64_t cut : {1, 3, 6, 7, 8, 13, 14, 20, 21}) {
    ExpectCutEqualsUncut(cut, whole, *expected);
  }
}

TEST(CheckpointTest, ARunThatWasKilledGoesOn) {
  TinyTraining whole;
  const absl::StatusOr<FitResult> expected =
      whole.Fit(Options(PathForTest("whole"), false));
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::string directory = PathForTest("killed");
  // Each child is killed after five more steps; a checkpoint is due every two.
  int kills = 0;
  for (bool done = false; !done; ++kills) {
    ASSERT_LT(kills, 20);
    const pid_t child = fork();
    if (child == 0) {
      TinyTraining run;
      FitOptions options = Options(directory, true);
      options.checkpoints.every = 2;
      int steps = 0;
      options.on_step = [&](const StepReport&) {
        if (++steps == 5) kill(getpid(), SIGKILL);
      };
      _exit(run.Fit(options).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ASSERT_TRUE(done || WIFSIGNALED(status));
  }
  EXPECT_GE(kills, 5);
  TinyTraining last;
  const absl::StatusOr<FitResult> result = last.Fit(Options(directory, true));
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSameEpochs(result->epochs, expected->epochs);
  ExpectSameStates(*last.session, *whole.session);
  EXPECT_EQ(last.hook->sum(), whole.hook->sum());
}

TEST(CheckpointTest, AnInterruptedEpochEndIsNotLost) {
  // The interruption comes with the last step of an epoch: what follows the
  // epoch happens when the run goes on.
  const std::string directory = PathForTest("end");
  std::atomic<bool> interrupt = true;
  TinyTraining first;
  FitOptions options = Options(directory, false);
  options.batch_size = 100;
  options.interrupt = &interrupt;
  const absl::StatusOr<FitResult> before = first.Fit(options);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_TRUE(before->epochs.empty());
  TinyTraining second;
  options.checkpoints.resume = true;
  options.interrupt = nullptr;
  std::vector<int64_t> epochs;
  options.on_epoch = [&](const EpochReport& report) {
    epochs.push_back(report.epoch);
    return absl::OkStatus();
  };
  ASSERT_TRUE(second.Fit(options).ok());
  EXPECT_EQ(epochs, (std::vector<int64_t>{1, 2, 3}));
}

TEST(CheckpointTest, OfASessionWithoutTheProgramsStates) {
  TinyTraining training;
  const std::string path = PathForTest("early.safetensors");
  const absl::Status status =
      SaveCheckpoint(*training.session, *training.program, path);
  EXPECT_NE(Message(status).find("yet; call Session::Initialize(program)"),
            std::string_view::npos)
      << status;
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(training.session->Initialize(*training.program).ok());
  EXPECT_TRUE(SaveCheckpoint(*training.session, *training.program, path).ok());
}

// Throws when it is asked for its memory, or given it.
class Forgetful : public LossSum {
 public:
  std::string SaveMemory() const override {
    if (!keeps) throw std::runtime_error("gone");
    return "memory";
  }
  absl::Status RestoreMemory(std::string_view) override {
    throw std::runtime_error("unknown");
  }
  bool keeps = false;
};

TEST(CheckpointTest, WhatAHooksMemoryThrowsIsAnError) {
  const auto hook = std::make_shared<Forgetful>();
  TinyTraining training(Adam{.learning_rate = 0.05}, 1, 8, {hook});
  ASSERT_TRUE(training.program.ok()) << training.program.status();
  ASSERT_TRUE(training.session->Initialize(*training.program).ok());
  const std::string path = PathForTest("memory.safetensors");
  auto save = [&] {
    return SaveCheckpoint(*training.session, *training.program, path);
  };
  const absl::Status status = save();
  EXPECT_TRUE(Message(status).ends_with(" has thrown: gone")) << status;
  hook->keeps = true;
  ASSERT_TRUE(save().ok()) << save();
  const auto loaded =
      LoadCheckpoint(*training.session, *training.program, path);
  EXPECT_EQ(Message(loaded.status()),
            "RestoreMemory of a hook has thrown: unknown");
}

TEST(CheckpointTest, KeepsTheNewestAndTrainsLonger) {
  const std::string directory = PathForTest("keep");
  FitOptions options = Options(directory, false);
  options.checkpoints.every = 4;
  options.checkpoints.keep = 2;
  WriteContents(directory + "x", "");  // no checkpoint: left alone
  TinyTraining first;
  const absl::StatusOr<FitResult> result = first.Fit(options);
  ASSERT_TRUE(result.ok()) << result.status();
  const auto list = [&] {
    const absl::StatusOr<CheckpointDirectory> open =
        CheckpointDirectory::Open({.directory = directory, .resume = true});
    const absl::StatusOr<std::vector<std::string>> paths = open->List();
    std::vector<std::string> names;
    for (const std::string& path : *paths) {
      names.push_back(fs::path(path).filename());
    }
    return names;
  };
  EXPECT_EQ(list(),
            (std::vector<std::string>{"checkpoint-000000000020.safetensors",
                                      "checkpoint-000000000021.safetensors"}));
  EXPECT_EQ(fs::path(result->checkpoint).filename(),
            "checkpoint-000000000021.safetensors");

  options.checkpoints.resume = true;
  TinyTraining again;
  const absl::StatusOr<FitResult> nothing = again.Fit(options);
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->epochs.size(), 3u);
  EXPECT_EQ(nothing->checkpoint, "");
  options.epochs = 4;
  const absl::StatusOr<FitResult> longer = again.Fit(options);
  ASSERT_TRUE(longer.ok()) << longer.status();
  EXPECT_EQ(longer->epochs.size(), 4u);
  EXPECT_EQ(longer->steps, 28);
}

TEST(CheckpointTest, AHalfWrittenFileIsRemovedAndOthersStay) {
  const std::string directory = PathForTest("partial");
  fs::create_directory(directory);
  const std::string partial =
      directory + "/checkpoint-000000000004.safetensors.partial";
  WriteContents(partial, "x");
  WriteContents(directory + "/notes.partial", "x");
  TinyTraining run;
  ASSERT_TRUE(run.Fit(Options(directory, true)).ok());
  EXPECT_FALSE(fs::exists(partial));
  EXPECT_TRUE(fs::exists(directory + "/notes.partial"));
}

// ---- Errors -----------------------------------------------------------------

class CheckpointErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = PathForTest("run");
    TinyTraining run;
    const absl::StatusOr<FitResult> result =
        run.Fit(Options(directory_, false));
    ASSERT_TRUE(result.ok()) << result.status();
    path_ = result->checkpoint;
  }
  void TearDown() override { fs::remove_all(directory_); }

  // The message of the error of a resume with these options.
  std::string ErrorOf(FitOptions options) {
    TinyTraining run;
    const absl::StatusOr<FitResult> result = run.Fit(options);
    return result.ok() ? "no error" : std::string(Message(result.status()));
  }

  std::string directory_;
  std::string path_;
};

TEST_F(CheckpointErrorsTest, AnotherRun) {
  EXPECT_EQ(ErrorOf(Options(directory_, false)),
            directory_ +
                ": has checkpoints of an earlier run, the newest "
                "checkpoint-000000000021.safetensors; resume it, or give "
                "another folder");
  FitOptions options = Options(directory_, true);
  options.batch_size = 9;
  EXPECT_EQ(ErrorOf(options),
            directory_ +
                "/checkpoint-000000000021.safetensors: the checkpoint was "
                "saved by a run with the batch size 8, this one has 9; a run "
                "goes on with what it was started with");
  options = Options(directory_, true);
  options.checkpoints.run = "--momentum=0.5";
  EXPECT_NE(ErrorOf(options).find("with the options none, this one has "
                                  "--momentum=0.5"),
            std::string::npos)
      << ErrorOf(options);
  options = Options("", true);
  EXPECT_EQ(ErrorOf(options),
            "checkpoints are asked for, but no directory for them is given");
  options = Options(directory_, true);
  options.checkpoints.every = -1;
  EXPECT_EQ(ErrorOf(options),
            "a checkpoint every -1 steps: expected 0 or more");
}

TEST_F(CheckpointErrorsTest, TwoRunsInOneFolder) {
  const absl::StatusOr<CheckpointDirectory> open =
      CheckpointDirectory::Open({.directory = directory_, .resume = true});
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(ErrorOf(Options(directory_, true)),
            directory_ + ": another run is saving its checkpoints there");
}

TEST_F(CheckpointErrorsTest, AnotherModel) {
  TinyTraining wider(Adam{}, 1, 9);
  absl::StatusOr<TrainingPosition> position =
      LoadCheckpoint(*wider.session, *wider.program, path_);
  EXPECT_EQ(Message(position.status()),
            path_ +
                ": state 'hidden/bias' has type f32[8], the session's is "
                "f32[9]; build the model that was saved");
  TinyTraining sgd(Sgd{.momentum = 0.9});
  position = LoadCheckpoint(*sgd.session, *sgd.program, path_);
  EXPECT_EQ(Message(position.status()),
            path_ +
                ": has no state 'hidden/bias/momentum', "
                "'hidden/weights/momentum', 'logits/bias/momentum' and 2 more, "
                "and has 'hidden/bias/first_moment', "
                "'hidden/bias/second_moment', 'hidden/weights/first_moment' "
                "and 5 more, which the session has not; build the model and "
                "the program that were saved");
}

TEST_F(CheckpointErrorsTest, AFailedLoadChangesNothing) {
  std::string bytes = ContentsOf(path_);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  WriteContents(path_, bytes);
  TinyTraining run, untouched;
  const absl::StatusOr<TrainingPosition> position =
      LoadCheckpoint(*run.session, *run.program, path_);
  ASSERT_FALSE(position.ok());
  EXPECT_NE(Message(position.status()).find("damaged: the checksum of tensor"),
            std::string::npos)
      << position.status();
  ASSERT_TRUE(untouched.session->Initialize(*untouched.program).ok());
  ExpectSameStates(*run.session, *untouched.session);
  EXPECT_NE(ErrorOf(Options(directory_, true))
                .find("is wrong; remove it to resume from "
                      "checkpoint-000000000014.safetensors"),
            std::string::npos);
}

TEST_F(CheckpointErrorsTest, NoCheckpoint) {
  TinyTraining run;
  auto message = [&](const std::string& path) {
    return std::string(
        Message(LoadCheckpoint(*run.session, *run.program, path).status()));
  };
  EXPECT_EQ(message("/no/file"),
            "/no/file: cannot be read: No such file or directory");
  const std::string other = PathForTest("weights");
  ASSERT_TRUE(WriteSafetensors(other, {{"w", *Tensor::Of<float>({1}, {1})}}, {},
                               {.checksums = true})
                  .ok());
  EXPECT_EQ(message(other), other + ": it is no checkpoint of Evengrad");
}

TEST(CheckpointMetadataTest, ReadsBackAndRefuses) {
  TrainingPosition position = {.epoch = 3,
                               .batch = 4,
                               .steps = 1'000'000'000'000,
                               .loss_sum = 0.1 + 0.2,
                               .correct = 5,
                               .examples = 6};
  position.plan = {.batch_size = 7,
                   .shuffle = false,
                   .seed = ~uint64_t{0},
                   .data_size = 9,
                   .run = "a=1 b=2"};
  SafetensorsMetadata metadata =
      FormatCheckpointMetadata(position, {.seed = ~uint64_t{1}, .step = 11});
  const absl::StatusOr<CheckpointMetadata> parsed =
      ParseCheckpointMetadata(metadata);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->position.epoch, 3);
  EXPECT_EQ(parsed->position.steps, 1'000'000'000'000);
  EXPECT_EQ(parsed->position.loss_sum, 0.1 + 0.2);
  EXPECT_TRUE(parsed->position.plan == position.plan);
  EXPECT_EQ(parsed->counters.seed, ~uint64_t{1});

  auto error_with = [&](const std::string& name, const std::string& value) {
    SafetensorsMetadata changed = metadata;
    changed[name] = value;
    return std::string(Message(ParseCheckpointMetadata(changed).status()));
  };
  EXPECT_EQ(error_with("format", "other"), "it is no checkpoint of Evengrad");
  EXPECT_EQ(error_with("version", "2"),
            "its format has version 2, this program reads versions up to 1");
  EXPECT_EQ(error_with("epoch", "0"),
            "the metadata 'epoch' is '0', expected a number from 1 on");
  EXPECT_EQ(error_with("batch", "-1"),
            "the metadata 'batch' is '-1', expected a number from 0 on");
  EXPECT_EQ(error_with("steps", "12x"),
            "the metadata 'steps' is '12x', expected a number from 0 on");
  EXPECT_EQ(error_with("loss_sum", "none"),
            "the metadata 'loss_sum' is 'none', expected a number from -inf "
            "on");
  // Of a run under NonFinitePolicy::kPropagate.
  EXPECT_EQ(error_with("loss_sum", "nan"), "");
  metadata.erase("examples");
  EXPECT_EQ(Message(ParseCheckpointMetadata(metadata).status()),
            "the metadata has no 'examples'");
}

}  // namespace
}  // namespace evengrad
