// From a loss to a program that trains:
//
//   absl::StatusOr<Program> training =
//       Minimize(loss, Sgd{.learning_rate = 1e-3},
//                {.hooks = {ClipByGlobalNorm(1.0)},
//                 .fetches = {{"logits", logits}},
//                 .groups = {{.pattern = "*/bias", .frozen = true}}});
#ifndef EVENGRAD_TRAIN_MINIMIZE_H_
#define EVENGRAD_TRAIN_MINIMIZE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/program.h"
#include "evengrad/train/constraints.h"
#include "evengrad/train/optimizers.h"
#include "evengrad/train/recompute.h"

namespace evengrad {

// Parameters that are trained in their own way.
struct ParameterGroup {
  // Of full names: '*' stands for any characters, '?' for one. "*/bias",
  // "hidden?/*".
  std::string pattern = {};
  // Instead of a pattern: true for the parameters of the group.
  std::function<bool(const Value& parameter)> matches = {};
  // Multiplies the learning rate; finite and not negative.
  double learning_rate_scale = 1;
  // The same of the weight decay: 0 on biases and normalization, as is usual.
  double weight_decay_scale = 1;
  // Not trained: neither gradient nor update is computed. To train in phases,
  // derive a program for each, with a MinimizeOptions::name of its own, and run
  // them one after the other in one session.
  bool frozen = false;
  // What each step's new value is kept to (train/constraints.h).
  Constraint constraint = {};
};

struct MinimizeOptions {
  // In the order in which they see the gradients.
  std::vector<std::shared_ptr<Hook>> hooks = {};
  // What a step returns besides "loss".
  std::vector<NamedValue> fetches = {};
  // A parameter belongs to the first group that matches it.
  std::vector<ParameterGroup> groups = {};
  // An update is made at every n-th run, with the mean of the gradients of n
  // runs, so that n small batches of equal size do the work of a large one.
  // Hooks see the mean of the runs since the last update divided by n, all of
  // it when the update is due; "step" counts updates, "micro_step" the runs
  // since the last. What hooks and the optimizer keep changes when an update is
  // made. The sum so far is the state "<parameter>/accumulated_gradient".
  int64_t accumulate_steps = 1;
  // What is done about a loss or gradients (as derived, before hooks change
  // them) that are not finite. Clipping does not hide them.
  //   kError      Session::Run returns an error that names the first bad node.
  //               The loss, and gradients that all updates wait for, are tested
  //               before any state changes; other gradients by way of the
  //               parameter that has been updated with them.
  //   kSkipStep   parameters, running statistics and the optimizer's states
  //               stay bit for bit; the state "skipped_steps" (i64[]) counts
  //               the step. With accumulate_steps, an update is skipped when
  //               the sum of its runs' gradients is not finite.
  //   kPropagate  nothing is tested
  NonFiniteOptions non_finite = {};
  // Regions whose values the gradient computes again instead of keeping them:
  // less memory, more time, the same gradients (train/recompute.h).
  std::vector<Recompute> recompute = {};
  // Scope of the states and nodes of the program's own, so that two programs
  // of one session have a learning rate each: "critic/learning_rate". Programs
  // without share what they call the same; where they give such a state
  // different first values, the session refuses the second of them.
  std::string name = {};
};

// A program that computes `loss`, its gradients with respect to the parameters
// it depends on, what the hooks add, and the optimizer's updates; and the
// training updates of other states that the loss and the fetches read (the
// running statistics of batch norm). It fetches "loss" and counts its steps in
// the state "step" (i64[], 0 at first). The
// graph is copied, so the caller's stays as it is and its values remain valid
// feeds and fetches.
//
// Errors: the graph's own; a loss that is no floating scalar, or depends on no
// parameter that is not frozen; a group that matches nothing; a constraint that
// gives another type; fewer than one step to accumulate; a scope to recompute
// that the model does not have; what Gradients, the hooks, the optimizer and
// the constraints complain about.
EVENGRAD_EXPORT absl::StatusOr<Program> Minimize(
    const Value& loss, const Optimizer& optimizer,
    const MinimizeOptions& options = {}, SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_MINIMIZE_H_
