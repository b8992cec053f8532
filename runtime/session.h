// A session runs programs of one graph and keeps their states between runs.
//
//   absl::StatusOr<Session> session = Session::Create(graph, {.seed = 42});
//   absl::StatusOr<RunResult> step =
//       session->Run(training, {{images, batch}, {labels, answers}});
//   absl::StatusOr<RunResult> answer = session->Run({logits}, {{images,
//   batch}});
//
// A program is compiled once for each set of feed shapes; the last few compiled
// ones are kept. A repeated run with the same feeds in the same order and
// shapes allocates nothing. One thread at a time; several sessions may run at
// once.
#ifndef EVENGRAD_RUNTIME_SESSION_H_
#define EVENGRAD_RUNTIME_SESSION_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/precision.h"
#include "evengrad/runtime/numerics_check.h"
#include "evengrad/runtime/profile.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

struct SessionOptions {
  uint64_t seed = 0;
  // Workers, the calling thread included; 0 for one a core. Results do not
  // depend on it.
  int num_threads = 0;
  // Merge elementwise nodes into fused loops and epilogues. For comparisons.
  bool fuse = true;
  // A program whose values, states, results, constants and kept copies need
  // more bytes is an error when it is compiled, which names the largest values;
  // 0: no limit.
  int64_t memory_limit_bytes = 0;
  // Of the products of programs; first values of states are always f32. bf16 is
  // fast only where HasBFloat16Products().
  Precision precision = Precision::kF32;
  // Where runs of programs are recorded, not the computation of first values;
  // null: nowhere. Of one session: two that run at once must not share it.
  std::shared_ptr<Profile> profile = nullptr;
};

struct Feed {
  Value value = {};
  Tensor tensor = {};
};

// What random nodes draw from, besides their names.
struct RandomCounters {
  uint64_t seed = 0;
  int64_t step = 0;
};

// What a run fetched. A small handle; its tensors stay valid as long as it (or
// a copy of a tensor) lives.
class EVENGRAD_EXPORT RunResult {
 public:
  struct Data;
  RunResult() = default;
  explicit RunResult(std::shared_ptr<const Data> data)
      : data_(std::move(data)) {}

  // In the order of the program's fetches.
  std::span<const Tensor> values() const;
  // A fetched value by its handle or name. Error: it was not fetched.
  absl::StatusOr<Tensor> Get(const Value& value) const;
  absl::StatusOr<Tensor> Get(std::string_view name) const;
  // The same for a value of one element, as a double.
  absl::StatusOr<double> Scalar(const Value& value) const;
  absl::StatusOr<double> Scalar(std::string_view name) const;

 private:
  std::shared_ptr<const Data> data_;
};

// Figures of a compiled program, for tests, tools and benchmarks.
struct CompiledStatistics {
  int num_nodes = 0;    // after all passes
  int num_kernels = 0;  // fused groups and single nodes
  int64_t arena_bytes = 0;
};

class EVENGRAD_EXPORT Session {
 public:
  // Initializes every state of `graph`. Errors: the graph's own, a state whose
  // initializer depends on a placeholder.
  static absl::StatusOr<Session> Create(const Graph& graph,
                                        const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // One run: feeds, kernels, updates, observations. States that the program has
  // beyond the session's graph (optimizer slots) are initialized at its first
  // run. Errors name a missing feed, a feed of another dtype or shape, a value
  // of another graph, a program of an unrelated graph, a state that is here
  // already and begins with another value in this program (of parameters, the
  // first one counts).
  //
  // When a guard of the program is not finite the run is an error. If it was
  // one before updates, every state is as before the run, and the step has been
  // repeated on copies to find the first bad number, which the error names; its
  // host calls are made again.
  absl::StatusOr<RunResult> Run(const Program& program,
                                std::span<const Feed> feeds);
  absl::StatusOr<RunResult> Run(const Program& program,
                                std::initializer_list<Feed> feeds) {
    return Run(program, std::span<const Feed>(feeds.begin(), feeds.size()));
  }
  // The values in inference mode, without updates.
  absl::StatusOr<RunResult> Run(std::span<const Value> values,
                                std::span<const Feed> feeds);
  absl::StatusOr<RunResult> Run(std::initializer_list<Value> values,
                                std::initializer_list<Feed> feeds) {
    return Run(std::span<const Value>(values.begin(), values.size()),
               std::span<const Feed>(feeds.begin(), feeds.size()));
  }

  // Compiles the program for such feeds as the session's next step would run
  // it, with what hooks look at in that step, and says in words what became of
  // it: nodes after each pass, kernels by kind, memory. Errors: as Run has them
  // about feeds and states.
  absl::StatusOr<std::string> Explain(const Program& program,
                                      std::span<const Feed> feeds);

  // Gives the states that the program has beyond the session's graph their
  // first values, where they have none, so that they can be read and written
  // before its first run. Errors: as Run has them about states.
  absl::Status Initialize(const Program& program);

  // The first bad number of the step that `Run` would do now, or nothing. Does
  // that step with all values watched, host calls included, and puts all states
  // back.
  absl::StatusOr<std::optional<NonFiniteReport>> FindNonFinite(
      const Program& program, std::span<const Feed> feeds);

  // A copy of a state's value; by handle or by full name.
  absl::StatusOr<Tensor> Read(const Value& state) const;
  absl::StatusOr<Tensor> Read(std::string_view state) const;
  // Sets a state. Error: no such state, another dtype or shape.
  absl::Status Write(const Value& state, const Tensor& tensor);
  absl::Status Write(std::string_view state, const Tensor& tensor);

  // The full names of all states, in alphabetical order.
  std::vector<std::string> StateNames() const;
  // The tensor in which the session keeps a state, not a copy: the next run
  // reads what is written to it, and updates it. Error: no such state.
  absl::StatusOr<Tensor> Share(std::string_view state) const;

  // Runs of programs that have updates, so far.
  int64_t step() const;
  // The seed and step of the next run; set them to go on with another
  // session's random numbers.
  RandomCounters random_counters() const;
  void SetRandomCounters(const RandomCounters& counters);
  // Of the executable that `Run` used last.
  CompiledStatistics last_compiled() const;

  class Impl;

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SESSION_H_
