// The passes that turn a program into the one that is executed. Each takes a
// program and rewrites it; a program stays valid, and can be printed, after
// each.
#ifndef EVENGRAD_RUNTIME_PASSES_H_
#define EVENGRAD_RUNTIME_PASSES_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/rounded_state.h"

namespace evengrad {

struct Pass {
  std::string_view name;
  // Rewrites the program; true when anything changed.
  absl::StatusOr<bool> (*run)(Program& program);
};

// In the order in which the compiler runs them, once sizes are known:
//   fold      computes nodes that depend on constants alone
//   simplify  applies each op's own OpDef::simplify
//   share     merges nodes with equal op, attributes and inputs
//   prune     drops nodes that no fetch, update or observation needs
EVENGRAD_EXPORT std::span<const Pass> CompilerPasses();

// Outside training, replaces ops by their OpDef::inference; in Monte-Carlo mode
// not those that draw random numbers, nor the nodes of their gradients. Comes
// first, and works on open types too.
EVENGRAD_EXPORT absl::StatusOr<bool> InferPass(Program& program);
EVENGRAD_EXPORT absl::StatusOr<bool> FoldPass(Program& program);
EVENGRAD_EXPORT absl::StatusOr<bool> SimplifyPass(Program& program);
EVENGRAD_EXPORT absl::StatusOr<bool> SharePass(Program& program);
EVENGRAD_EXPORT absl::StatusOr<bool> PrunePass(Program& program);

// Makes each product of f32 matrices one of bf16 matrices with an f32 output:
// Precision::kBF16. Not of products of many matrices (batch_matmul). Factors
// that are states become states of their own, which follow them.
EVENGRAD_EXPORT absl::StatusOr<std::vector<RoundedState>> NarrowPass(
    Program& program);

// Calls `visit` on every value that the program's caller sees: fetches, the
// states and values of updates, observations, guards.
template <typename Visitor>
void ForEachRoot(Program& program, Visitor visit) {
  for (NamedValue& fetch : program.fetches) visit(fetch.value);
  for (StateUpdate& update : program.updates) {
    visit(update.state);
    visit(update.value);
  }
  for (ObservedValues& observed : program.observations) {
    for (Value& value : observed.values) visit(value);
  }
  for (FiniteGuard& guard : program.guards) visit(guard.value);
}

// needed[id] is true for the nodes that the program's roots depend on.
EVENGRAD_EXPORT std::vector<bool> NeededNodes(const Program& program);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_PASSES_H_
