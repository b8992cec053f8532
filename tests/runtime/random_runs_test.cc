// Random programs of all ops: what each pass makes of them, and what compiled
// sessions compute, against the reference executor.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/random_run.h"
#include "tests/ops/op_cases.h"

namespace evengrad {
namespace {

using testing::CheckClose;
using testing::FeedsFor;
using testing::KernelTolerance;
using testing::MakeRandomRun;
using testing::RandomRun;

constexpr uint64_t kSeed = 3;
// Several rounded terms follow one another.
constexpr double kTerms = 1000;

absl::StatusOr<ReferenceResult> ByReference(const Program& program,
                                            const RandomRun& run) {
  return RunReference(program, FeedsFor(program, run.feeds),
                      {.states = run.states, .seed = kSeed});
}

absl::Status CheckSame(const Program& program, const ReferenceResult& found,
                       const ReferenceResult& expected) {
  for (size_t i = 0; i < expected.fetches.size(); ++i) {
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CheckClose(found.fetches[i], expected.fetches[i],
                            KernelTolerance(found.fetches[i].dtype, kTerms)),
                 StrCat(program.fetches[i].value.name(), ": ")));
  }
  for (const auto& [name, state] : found.states) {
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CheckClose(state, expected.states.at(name),
                            KernelTolerance(state.dtype, kTerms)),
                 StrCat("state ", name, ": ")));
  }
  return absl::OkStatus();
}

// The program with all sizes known, as the passes get it.
absl::StatusOr<Program> Specialized(const RandomRun& run) {
  std::map<int, Shape> shapes;
  for (const ReferenceFeed& feed : run.feeds) {
    shapes[feed.value.id().node] = feed.tensor.type().shape;
  }
  return Lower(run.program, shapes, "specialize");
}

// ---- Passes -----------------------------------------------------------------

// A pass on a random program: whether it changed anything, or an error where
// it changed what the program computes.
absl::StatusOr<bool> CheckPass(const Pass& pass, const RandomRun& run) {
  EVENGRAD_ASSIGN_OR_RETURN(Program program, Specialized(run));
  EVENGRAD_ASSIGN_OR_RETURN(const ReferenceResult expected,
                            ByReference(program, run));
  EVENGRAD_ASSIGN_OR_RETURN(const bool changed, pass.run(program));
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  EVENGRAD_ASSIGN_OR_RETURN(const ReferenceResult found,
                            ByReference(program, run));
  EVENGRAD_RETURN_IF_ERROR(CheckSame(run.program, found, expected));
  return changed;
}

class RandomPassTest : public ::testing::TestWithParam<Pass> {};

TEST_P(RandomPassTest, ChangesNothingThatAProgramComputes) {
  constexpr uint64_t kPrograms = 300;
  int changed = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const absl::StatusOr<RandomRun> run = MakeRandomRun(BuiltinOpCases(), seed);
    ASSERT_TRUE(run.ok()) << "seed " << seed << ": " << run.status();
    const absl::StatusOr<bool> result = CheckPass(GetParam(), *run);
    ASSERT_TRUE(result.ok())
        << "seed " << seed << ": "
        << SmallestFailure(*run, [](const RandomRun& part) {
             return CheckPass(GetParam(), part).status();
           });
    changed += *result ? 1 : 0;
  }
  EXPECT_GT(changed, 30);
}

INSTANTIATE_TEST_SUITE_P(Passes, RandomPassTest,
                         ::testing::ValuesIn(CompilerPasses().begin(),
                                             CompilerPasses().end()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// ---- Sessions ---------------------------------------------------------------

absl::StatusOr<ReferenceResult> InSession(const RandomRun& run, bool fuse) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(run.program.graph,
                      {.seed = kSeed, .num_threads = 1, .fuse = fuse}));
  std::vector<Feed> feeds;
  for (const ReferenceFeed& feed : FeedsFor(run.program, run.feeds)) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, ToTensor(feed.tensor));
    feeds.push_back({feed.value, std::move(tensor)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                            session.Run(run.program, feeds));
  ReferenceResult found;
  for (const Tensor& tensor : result.values()) {
    found.fetches.push_back(ToReference(tensor));
  }
  for (const StateUpdate& update : run.program.updates) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor state, session.Read(update.state));
    found.states[update.state.node().name()] = ToReference(state);
  }
  return found;
}

absl::Status CheckSession(const RandomRun& run, bool fuse) {
  EVENGRAD_ASSIGN_OR_RETURN(const ReferenceResult expected,
                            ByReference(run.program, run));
  EVENGRAD_ASSIGN_OR_RETURN(const ReferenceResult found, InSession(run, fuse));
  return CheckSame(run.program, found, expected);
}

class RandomSessionTest : public ::testing::TestWithParam<bool> {};

TEST_P(RandomSessionTest, ComputesWhatTheReferenceDoes) {
  constexpr uint64_t kPrograms = 500;
  for (uint64_t seed = 10'000; seed < 10'000 + kPrograms; ++seed) {
    const absl::StatusOr<RandomRun> run =
        MakeRandomRun(BuiltinOpCases(), seed, {.max_ops = 12});
    ASSERT_TRUE(run.ok()) << "seed " << seed << ": " << run.status();
    ASSERT_TRUE(CheckSession(*run, GetParam()).ok())
        << "seed " << seed << ": "
        << SmallestFailure(*run, [](const RandomRun& part) {
             return CheckSession(part, GetParam());
           });
  }
}

INSTANTIATE_TEST_SUITE_P(Fusion, RandomSessionTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "fused" : "unfused";
                         });

}  // namespace
}  // namespace evengrad
