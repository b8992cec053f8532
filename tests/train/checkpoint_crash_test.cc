// A save that is killed, or whose system calls fail, at every one of them: the
// checkpoint before it stays readable, or the new one is there, whole.
#include <gtest/gtest.h>

#if defined(__x86_64__) && defined(__linux__)

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <system_error>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"
#include "tests/train/tiny_training.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

constexpr int kTraceGood = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

// A run with a checkpoint of step 1 in its folder, and a child process that
// saves one of step 2 with other numbers and keeps only that.
class CheckpointCrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = PathForTest("run");
    ASSERT_TRUE(run_.status().ok()) << run_.status();
    ASSERT_TRUE(run_.session->Initialize(*run_.program).ok());
    ASSERT_TRUE(loaded_.status().ok());
    SetBias(1);
    ASSERT_TRUE(Save(1).ok());
    SetBias(2);
    original_ = PathForTest("original");
    fs::copy(directory_, original_);
  }
  void TearDown() override {
    fs::remove_all(directory_);
    fs::remove_all(original_);
  }

  void SetBias(float value) {
    ASSERT_TRUE(
        run_.session
            ->Write("logits/bias", *Tensor::Of<float>({2}, {value, value}))
            .ok());
    ASSERT_TRUE(run_.session
                    ->Write("hidden/bias",
                            *Tensor::Of<float>({8}, std::vector(8, value)))
                    .ok());
  }
  absl::Status Save(int64_t steps) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const CheckpointDirectory directory,
        CheckpointDirectory::Open(
            {.directory = directory_, .keep = 1, .resume = true}));
    return directory.Save(*run_.session, *run_.program, {.steps = steps})
        .status();
  }
  // Puts the folder back to the state before the save.
  void Reset() {
    fs::remove_all(directory_);
    fs::copy(original_, directory_);
  }

  // Starts the child, stopped before its save. It exits with 0, or with 1 and
  // its error in a file.
  pid_t StartSave() {
    const pid_t child = fork();
    if (child == 0) {
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(3);
      raise(SIGSTOP);
      const absl::Status status = Save(2);
      raise(SIGSTOP);
      if (!status.ok()) {
        WriteContents(original_ + ".error", std::string(Message(status)));
      }
      _exit(status.ok() ? 0 : 1);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    ptrace(PTRACE_SETOPTIONS, child, nullptr,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    return child;
  }
  // Goes on to the next stop at a system call; false when the save is over.
  static bool Next(pid_t child) {
    int status = 0;
    return ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 &&
           waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
           WSTOPSIG(status) == kTraceGood;
  }
  // The steps of the checkpoint that a run would go on from, whose numbers must
  // be those of that step.
  void ExpectReadable(int64_t& steps) {
    const absl::StatusOr<CheckpointDirectory> directory =
        CheckpointDirectory::Open(
            {.directory = directory_, .keep = 1, .resume = true});
    ASSERT_TRUE(directory.ok()) << directory.status();
    const auto position =
        directory->LoadNewest(*loaded_.session, *loaded_.program);
    ASSERT_TRUE(position.ok()) << position.status();
    ASSERT_TRUE(position->has_value());
    steps = (*position)->steps;
    ASSERT_TRUE(steps == 1 || steps == 2) << steps;
    const double value = static_cast<double>(steps);
    EXPECT_EQ(loaded_.session->Read("logits/bias")->ToDoubles(),
              std::vector<double>(2, value));
    EXPECT_EQ(loaded_.session->Read("hidden/bias")->ToDoubles(),
              std::vector<double>(8, value));
  }

  TinyTraining run_;
  TinyTraining loaded_;
  std::string directory_;
  std::string original_;
};

TEST_F(CheckpointCrashTest, KilledAtEverySystemCall) {
  int64_t steps = 0, last_steps = 1;
  int stops = 0;
  for (bool over = false; !over; ++stops) {
    Reset();
    const pid_t child = StartSave();
    ASSERT_GT(child, 0) << "a process cannot be traced here";
    // Before the first call, then before and after each.
    for (int i = 0; i < stops && !over; ++i) over = !Next(child);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    ExpectReadable(steps);
    if (HasFatalFailure()) return;
    EXPECT_GE(steps, last_steps) << "stop " << stops;
    last_steps = steps;
  }
  EXPECT_EQ(last_steps, 2);
  EXPECT_GT(stops, 30);  // opening, locking, writing, syncing, renaming, …
  RecordProperty("stops", stops);
}

// The n-th call fails with `error` and does nothing.
TEST_F(CheckpointCrashTest, EverySystemCallFails) {
  const std::set<uint64_t> must_be_told = {SYS_write, SYS_fsync, SYS_rename,
                                           SYS_mkdir, SYS_ftruncate};
  int told = 0, calls = 0;
  for (const int error : {ENOSPC, EIO}) {
    for (int n = 0;; ++n) {
      Reset();
      fs::remove(original_ + ".error");
      const pid_t child = StartSave();
      ASSERT_GT(child, 0) << "a process cannot be traced here";
      bool over = false;
      for (int i = 0; i < 2 * n + 1 && !over; ++i) over = !Next(child);
      user_regs_struct registers = {};
      if (over || ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        break;
      }
      const uint64_t call = registers.orig_rax;
      registers.orig_rax = ~uint64_t{0};
      ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      Next(child);
      ptrace(PTRACE_GETREGS, child, nullptr, &registers);
      registers.rax = static_cast<uint64_t>(-error);
      ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      while (Next(child)) {
      }
      ptrace(PTRACE_DETACH, child, nullptr, nullptr);  // from the second stop
      int status = 0;
      waitpid(child, &status, 0);
      ++calls;
      int64_t steps = 0;
      ExpectReadable(steps);
      if (HasFatalFailure()) return;
      if (must_be_told.count(call) == 0) continue;
      ++told;
      ASSERT_TRUE(WIFEXITED(status)) << call;
      EXPECT_EQ(WEXITSTATUS(status), 1) << "system call " << call;
      const std::string message = ContentsOf(original_ + ".error");
      EXPECT_NE(message.find(std::generic_category().message(error)),
                std::string::npos)
          << "system call " << call << ": " << message;
      EXPECT_NE(message.find(fs::path(directory_).filename().string()),
                std::string::npos)
          << message;
    }
  }
  EXPECT_GT(told, 20);
  RecordProperty("calls", calls);
}

}  // namespace
}  // namespace evengrad

#endif  // x86-64 Linux
