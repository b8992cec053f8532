// A program that a session runs, with an executable for each set of feeds and
// of observations that are due.
#ifndef EVENGRAD_RUNTIME_SESSION_PROGRAM_H_
#define EVENGRAD_RUNTIME_SESSION_PROGRAM_H_

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/executable.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/runtime/session_states.h"

namespace evengrad {

// Executables kept: training and inference, each with full and last batches of
// a few sizes and with and without observations.
inline constexpr size_t kMaxExecutables = 16;

struct RunResult::Data {
  std::shared_ptr<const ResultTensors> tensors;
  std::shared_ptr<const Program> program;
};

// Of equal handles: a program holds its graph, so these are equal programs.
bool SameProgram(const Program& a, const Program& b);

class SessionProgram {
 public:
  // What a session gives to its executables.
  struct Making {
    CompileOptions compile = {};
    int num_threads = 1;
    SessionStates& states;
    Profile* profile = nullptr;
  };
  // Of one set of feeds and due observations.
  struct Variant {
    std::vector<Value> feeds = {};  // as the caller gave them
    std::vector<TensorType> types = {};
    uint64_t due = 0;
    std::unique_ptr<Executable> executable = {};
    std::vector<int> feed_index = {};  // of the caller's feeds, by placeholder
    std::vector<int> observed = {};    // indices of the due observations
    // States of which it reads the rounded copy, and those that it updates
    // without one.
    std::vector<SessionStates::State*> rounded = {};
    std::vector<SessionStates::State*> outdated = {};
    std::vector<const void*> pointers = {};
    uint64_t memory_version = 0;
    std::shared_ptr<RunResult::Data> result = {};
  };

  // Error: an observation has no period, or there are too many of them.
  static absl::StatusOr<SessionProgram> Create(const Program& program);

  const std::shared_ptr<const Program>& program() const { return program_; }
  // For these feeds in step `step`, from 1; compiled where it is not there.
  // Errors: of feeds that do not fit, and Compile's.
  absl::StatusOr<Variant*> VariantFor(std::span<const Feed> feeds, int64_t step,
                                      const Making& making);

 private:
  // When an observation is due.
  struct Period {
    int64_t first_step;
    int64_t every_n_steps;
    bool Includes(int64_t step) const {
      return step == first_step || step % every_n_steps == 0;
    }
    friend bool operator==(const Period&, const Period&) = default;
  };

  static Period PeriodOf(const ObservedValues& observed) {
    return {observed.first_step, observed.every_n_steps};
  }
  uint64_t DueAt(int64_t step) const;
  // The program with the observations that are due, which `variant` gets.
  Program WithDueObservations(Variant& variant) const;
  static absl::Status BindStates(std::unique_ptr<CompiledProgram> compiled,
                                 const Making& making, Variant& variant);
  absl::StatusOr<Variant> MakeVariant(std::span<const Feed> feeds, uint64_t due,
                                      const Making& making) const;

  std::shared_ptr<const Program> program_;
  std::vector<Period> periods_;  // distinct, of the observations
  std::list<Variant> variants_;  // last used first
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SESSION_PROGRAM_H_
