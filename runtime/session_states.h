// The states of a session, by name: what they hold, and what they began with.
#ifndef EVENGRAD_RUNTIME_SESSION_STATES_H_
#define EVENGRAD_RUNTIME_SESSION_STATES_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/thread_pool.h"

namespace evengrad {

class SessionStates {
 public:
  struct State {
    Tensor tensor = {};
    // In a graph of initial values alone. Invalid for parameters.
    Value initial = {};
    // A copy in bf16, where a program multiplies by one; and whether it is that
    // of the tensor as it is.
    Tensor rounded = {};
    bool rounded_is_current = false;

    // Rounds the tensor where the copy is not current, or may not be because
    // somebody shares the tensor.
    void Round();
  };

  // How initial values are computed.
  struct Initialization {
    ThreadPool& pool;
    uint64_t seed = 0;
    CompileOptions compile = {};
  };

  // Gives those states of `graph` their first values that are not here yet.
  // Errors, with which nothing changes: an initial value that depends on a
  // placeholder or on itself; a state that is not trainable, such as a learning
  // rate, is here already and begins with another value in `graph`. Of a
  // parameter that is here already the initial value does not count: a layer
  // that a graph gained since may have changed the automatic choice.
  absl::Status Add(const Graph& graph, const Initialization& how);

  // A state, which stays where it is; null where there is none.
  State* Find(std::string_view name);
  // The same, with memory for the rounded copy. Error: there is no memory, or
  // no state of f32.
  absl::StatusOr<State*> FindRounded(std::string_view name);
  std::vector<std::string> Names() const;

  using Values = std::map<std::string, Tensor, std::less<>>;
  // Copies of all states, and the way back from them.
  absl::StatusOr<Values> Copy() const;
  void Restore(const Values& values);

 private:
  using Entries = std::map<std::string, State, std::less<>>;

  absl::Status CheckAgrees(const Value& state, const Initialization& how);
  // Adds states of `graph` whose initial values read none of each other.
  absl::Status AddRound(const Graph& graph, std::span<const Value> states,
                        const Initialization& how, Entries& added);
  absl::StatusOr<std::vector<Tensor>> Compute(std::span<const Value> initial,
                                              const Initialization& how,
                                              Entries* added);

  Entries states_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SESSION_STATES_H_
