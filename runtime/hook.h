// Hooks: code that instruments a training program while it is derived and
// observes its results when it has run. A hook belongs to the program.
//
//   class PrintLoss : public Hook {
//     absl::Status Instrument(Instrumentation& instrumentation) override {
//       instrumentation.Observe({.name = "loss",
//                                .values = {instrumentation.loss()}});
//       return absl::OkStatus();
//     }
//     absl::Status Observe(const Observation& observation) override { … }
//   };
#ifndef EVENGRAD_RUNTIME_HOOK_H_
#define EVENGRAD_RUNTIME_HOOK_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// What a hook may do to a training program while it is derived.
class EVENGRAD_EXPORT Instrumentation {
 public:
  virtual ~Instrumentation() = default;

  // The program's graph: append nodes to it.
  virtual Graph graph() = 0;
  virtual Value loss() = 0;
  // The parameters that are trained.
  virtual std::vector<Value> parameters() = 0;
  // The gradient of `parameter` as hooks so far have left it, and as it was
  // derived. Invalid values for what is not a trained parameter.
  virtual Value gradient(const Value& parameter) = 0;
  virtual Value raw_gradient(const Value& parameter) = 0;
  // d loss / d value of any value between parameters and loss, such as a
  // layer's output; invalid for other values.
  virtual Value value_gradient(const Value& value) = 0;
  // In InstrumentUpdates: what `parameter` is after the step; where gradients
  // are summed over several runs, what it would be if the update were due.
  virtual Value new_value(const Value& parameter) = 0;
  // From now on, the update of `parameter` uses `gradient` (of equal type).
  virtual absl::Status ReplaceGradient(const Value& parameter,
                                       const Value& gradient) = 0;
  // A state of the hook's own, which starts as `initial`.
  virtual Value AddState(std::string_view name, const Value& initial) = 0;
  // The new value of such a state after each step.
  virtual absl::Status UpdateState(const Value& state, const Value& value) = 0;
  // Where `condition` (bool[]) is false, the step leaves the parameters, the
  // running statistics of layers and the optimizer's states, its count of steps
  // among them, bit for bit as they were; states of hooks are updated all the
  // same, and so are sums of gradients. The state "skipped_steps"
  // counts such steps. Several conditions must all hold.
  virtual absl::Status SkipUpdatesUnless(const Value& condition) = 0;

  struct Request {
    std::string name = {};
    std::vector<Value> values = {};
    int64_t every_n_steps = 1;
    // Where gradients are summed over several runs, a step is all of them: what
    // is asked for is looked at in the last one, when sums are complete. With
    // this, in every n-th run.
    bool counts_runs = false;
  };
  // Asks for the values of `request` after the session's first step and after
  // every n-th one.
  virtual absl::Status Observe(const Request& request) = 0;
};

// The values that were due after a run. Valid during the call.
struct Observation {
  std::string_view name = {};  // of the request
  int64_t step = 0;            // 1 after the first
  std::span<const Tensor> values = {};
  // Of the program that ran: what Instrumentation::graph() gave, where the hook
  // was given to several programs.
  Graph graph = {};
};

// For hooks that remember what they have observed of one program: an error that
// names `hook` unless `observation` is of the program whose graph is `watched`.
EVENGRAD_EXPORT absl::Status CheckWatches(const Graph& watched,
                                          const Observation& observation,
                                          std::string_view hook);

class EVENGRAD_EXPORT Hook {
 public:
  virtual ~Hook() = default;
  // Adds nodes to the training program: replaces gradients, keeps state, asks
  // for observations. An error stops the derivation.
  virtual absl::Status Instrument(Instrumentation& instrumentation) = 0;
  // Called when the optimizer has added its updates; gradients are used by now
  // and can't be replaced any more.
  virtual absl::Status InstrumentUpdates(Instrumentation& instrumentation) {
    (void)instrumentation;
    return absl::OkStatus();
  }
  // Called after a run in which one of the hook's observations was due. An
  // error stops the training with its message. It may run other programs of the
  // session; a HostCall may not, as the session is in the middle of a run.
  virtual absl::Status Observe(const Observation& observation) {
    (void)observation;
    return absl::OkStatus();
  }
  // What the hook has gathered outside the program's states, as bytes of its
  // own choice, and the inverse: a checkpoint keeps it, so that a run that goes
  // on observes what an uncut one would have. Empty where there is nothing. An
  // error of RestoreMemory stops the loading with its message.
  virtual std::string SaveMemory() const { return ""; }
  // Whether the hook may as well begin anew, as one may that only looks. A
  // checkpoint then loads without its memory, and without the hook.
  virtual bool CanBeginAnew() const { return false; }
  virtual absl::Status RestoreMemory(std::string_view bytes) {
    (void)bytes;
    return absl::OkStatus();
  }
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOK_H_
