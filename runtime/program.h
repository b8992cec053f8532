// A Program is what a session runs: a graph, the values to fetch, the updates
// of states and the values that hooks observe. The runtime knows no more than
// this; train/minimize.h makes one from a loss.
#ifndef EVENGRAD_RUNTIME_PROGRAM_H_
#define EVENGRAD_RUNTIME_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

class Hook;

enum class Mode : uint8_t {
  kTraining,
  kInference,  // ops with an OpDef::inference rule are replaced by it
  // The same but for ops that draw random numbers: dropout drops as in
  // training, while batch norm takes its running statistics. Runs do not count
  // steps, which draws depend on: see train/monte_carlo.h.
  kMonteCarlo,
};

// "training", "inference" or "monte_carlo".
EVENGRAD_EXPORT std::string_view Name(Mode mode);

struct NamedValue {
  std::string name = {};
  Value value = {};
};

// After a run, `state` has what `value` had in it.
struct StateUpdate {
  Value state = {};
  Value value = {};
};

// Values that a hook sees after the session's first step, so that something is
// to be seen at once, and after every n-th one: 1, 100, 200, … Steps in which
// they are not due run without the nodes that only they need. (Here, a step is
// a run. Where gradients are summed over k runs, the first is the k-th.)
struct ObservedValues {
  std::string name = {};
  std::vector<Value> values = {};
  int64_t every_n_steps = 1;
  int64_t first_step = 1;
  std::shared_ptr<Hook> hook = {};
};

// What is done about a step whose loss or gradients are not finite.
enum class NonFinitePolicy : uint8_t {
  kError,      // the run stops and names the node
  kSkipStep,   // the step leaves parameters and optimizer as they were
  kPropagate,  // what the formulas give
};

// "error", "skip_step" or "propagate".
EVENGRAD_EXPORT std::string_view Name(NonFinitePolicy policy);

struct NonFiniteOptions {
  NonFinitePolicy policy = NonFinitePolicy::kError;
  // Names of nodes whose NaN and infinities are intended (masks), for the
  // search after the first bad number: '*' stands for any characters, '?' for
  // one.
  std::vector<std::string> exempt = {};
};

// A number that must be finite, or the run ends with an error that names the
// first bad number.
struct FiniteGuard {
  Value value = {};              // a floating scalar, made of all of `subject`
  Value subject = {};            // the same as `value` where there is none
  std::string description = {};  // "the gradient of hidden1/weights"
  // No state changes unless `value` is finite: it is tested as soon as it is
  // known, and every update waits for it.
  bool before_updates = false;
};

struct Program {
  Graph graph = {};
  Mode mode = Mode::kTraining;
  std::vector<NamedValue> fetches = {};
  std::vector<StateUpdate> updates = {};
  std::vector<ObservedValues> observations = {};
  std::vector<FiniteGuard> guards = {};
  NonFiniteOptions non_finite = {.policy = NonFinitePolicy::kPropagate};
  // Held for as long as the program may run: calls on the host that a hook has
  // added refer to it. The graph itself does not hold them, as hooks may hold
  // values of it.
  std::vector<std::shared_ptr<Hook>> hooks = {};
};

// OK when the graph verifies, every value is the program's own, updates name
// each state at most once and agree with it in type. States have initializers,
// or none has: then the program is lowered and its states are leaves.
EVENGRAD_EXPORT absl::Status VerifyProgram(const Program& program);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_PROGRAM_H_
