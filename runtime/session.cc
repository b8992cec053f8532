#include "evengrad/runtime/session.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/executable.h"
#include "evengrad/runtime/explain.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/session_program.h"
#include "evengrad/runtime/session_states.h"
#include "evengrad/runtime/thread_pool.h"

namespace evengrad {

class Session::Impl {
 public:
  Impl(const Graph& graph, const SessionOptions& options, int num_threads)
      : graph_(graph), options_(options), pool_(num_threads) {}

  absl::Status InitializeStates(const Graph& graph) {
    CompileOptions compile = options_for_compiling();
    compile.precision = Precision::kF32;
    return states_.Add(
        graph, {.pool = pool_, .seed = options_.seed, .compile = compile});
  }
  absl::Status Initialize(const Program& program) {
    return EntryFor(program).status();
  }
  absl::StatusOr<RunResult> Run(const Program& program,
                                std::span<const Feed> feeds);
  absl::StatusOr<RunResult> Infer(std::span<const Value> values,
                                  std::span<const Feed> feeds);
  absl::StatusOr<std::string> Explain(const Program& program,
                                      std::span<const Feed> feeds);
  absl::StatusOr<SessionStates::State*> FindState(std::string_view name);
  std::vector<std::string> StateNames() const { return states_.Names(); }
  absl::StatusOr<std::optional<NonFiniteReport>> FindNonFinite(
      const Program& program, std::span<const Feed> feeds);

  int64_t step() const { return step_; }
  RandomCounters random_counters() const { return {options_.seed, step_}; }
  void SetRandomCounters(const RandomCounters& counters) {
    options_.seed = counters.seed;
    step_ = counters.step;
  }
  CompiledStatistics last_compiled() const { return last_compiled_; }

 private:
  CompileOptions options_for_compiling() const {
    return {.fuse = options_.fuse,
            .memory_limit_bytes = options_.memory_limit_bytes,
            .precision = options_.precision};
  }
  SessionProgram::Making making() {
    return {.compile = options_for_compiling(),
            .num_threads = pool_.num_threads(),
            .states = states_,
            .profile = options_.profile.get()};
  }
  absl::StatusOr<SessionProgram*> EntryFor(const Program& program);
  absl::Status Observe(const SessionProgram& entry,
                       const SessionProgram::Variant& variant);
  absl::Status ReserveMemory(SessionProgram::Variant& variant);
  absl::StatusOr<std::shared_ptr<const ResultTensors>> Execute(
      SessionProgram::Variant& variant, std::span<const Feed> feeds);
  absl::Status GuardError(const Program& program, const FiniteGuard& guard,
                          std::span<const Feed> feeds);
  Graph graph_;
  SessionOptions options_;
  ThreadPool pool_;
  SessionStates states_;
  std::list<SessionProgram> entries_;  // last used first
  Program inference_;
  std::shared_ptr<std::byte> arena_;
  std::shared_ptr<std::byte> scratch_;
  int64_t arena_bytes_ = 0;
  int64_t scratch_bytes_ = 0;
  uint64_t memory_version_ = 0;
  int64_t step_ = 0;
  bool running_ = false;
  CompiledStatistics last_compiled_;
};

// ---- States ---------------------------------------------------------------

absl::StatusOr<SessionStates::State*> Session::Impl::FindState(
    std::string_view name) {
  SessionStates::State* const found = states_.Find(name);
  if (found != nullptr) return found;
  return InvalidArgument("the session has no state '", name, "'");
}

// ---- Memory ---------------------------------------------------------------

absl::Status Session::Impl::ReserveMemory(SessionProgram::Variant& variant) {
  const CompiledProgram& compiled = variant.executable->compiled();
  auto grow = [&](int64_t wanted, int64_t& bytes,
                  std::shared_ptr<std::byte>& memory) -> absl::Status {
    if (wanted <= bytes && memory != nullptr) return absl::OkStatus();
    std::shared_ptr<std::byte> larger = AllocateAligned(wanted);
    if (larger == nullptr) {
      return absl::ResourceExhaustedError(
          StrCat("no memory for the program's values: ", wanted, " bytes"));
    }
    memory = std::move(larger);
    bytes = wanted;
    ++memory_version_;
    return absl::OkStatus();
  };
  EVENGRAD_RETURN_IF_ERROR(grow(compiled.arena_bytes, arena_bytes_, arena_));
  EVENGRAD_RETURN_IF_ERROR(grow(compiled.scratch_bytes * pool_.num_threads(),
                                scratch_bytes_, scratch_));
  if (variant.memory_version != memory_version_) {
    variant.executable->BindMemory(arena_.get(), scratch_.get());
    variant.memory_version = memory_version_;
  }
  return absl::OkStatus();
}

// ---- Programs and their executables ---------------------------------------

absl::StatusOr<SessionProgram*> Session::Impl::EntryFor(
    const Program& program) {
  if (running_) {
    return absl::FailedPreconditionError(
        "the session is in the middle of a run, so a HostCall cannot run a "
        "program of it; do that in Hook::Observe, or in another session");
  }
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!SameProgram(*it->program(), program)) continue;
    entries_.splice(entries_.begin(), entries_, it);
    return &entries_.front();
  }
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  if (!program.graph.IsRelatedTo(graph_)) {
    return InvalidArgument(
        "the program was made from another graph than this session; create "
        "the session with the graph of the program");
  }
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  EVENGRAD_RETURN_IF_ERROR(InitializeStates(program.graph));
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram entry,
                            SessionProgram::Create(program));
  entries_.push_front(std::move(entry));
  if (entries_.size() > kMaxExecutables) entries_.pop_back();
  return &entries_.front();
}

// ---- Running --------------------------------------------------------------

absl::StatusOr<std::shared_ptr<const ResultTensors>> Session::Impl::Execute(
    SessionProgram::Variant& variant, std::span<const Feed> feeds) {
  EVENGRAD_RETURN_IF_ERROR(ReserveMemory(variant));
  for (size_t i = 0; i < variant.feed_index.size(); ++i) {
    variant.pointers[i] = feeds[variant.feed_index[i]].tensor.data();
  }
  for (SessionStates::State* state : variant.rounded) state->Round();
  running_ = true;
  absl::StatusOr<std::shared_ptr<const ResultTensors>> results =
      variant.executable->Run(variant.pointers, options_.seed,
                              static_cast<uint64_t>(step_), pool_);
  running_ = false;
  for (SessionStates::State* state : variant.outdated) {
    state->rounded_is_current = false;
  }
  if (!results.ok() || variant.executable->failed_guard() >= 0) {
    // One of the two may have been written in place, and the other not at all.
    for (SessionStates::State* state : variant.rounded) {
      state->rounded_is_current = false;
    }
  }
  return results;
}

absl::StatusOr<RunResult> Session::Impl::Run(const Program& program,
                                             std::span<const Feed> feeds) {
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram * entry, EntryFor(program));
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram::Variant * variant,
                            entry->VariantFor(feeds, step_ + 1, making()));
  if (variant->result.use_count() != 1) {
    variant->result = std::make_shared<RunResult::Data>();
    variant->result->program = entry->program();
  }
  variant->result->tensors.reset();
  EVENGRAD_ASSIGN_OR_RETURN(variant->result->tensors, Execute(*variant, feeds));
  if (const int failed = variant->executable->failed_guard(); failed >= 0) {
    const std::shared_ptr<const Program> failing = entry->program();
    const FiniteGuard& guard = failing->guards[failed];
    // A hook that watches may know more.
    ++step_;
    const absl::Status observed =
        guard.before_updates ? absl::OkStatus() : Observe(*entry, *variant);
    --step_;
    EVENGRAD_RETURN_IF_ERROR(observed);
    return GuardError(*failing, guard, feeds);
  }
  const CompiledProgram& compiled = variant->executable->compiled();
  last_compiled_ = {compiled.program.graph.num_nodes(),
                    static_cast<int>(compiled.kernels.size()),
                    compiled.arena_bytes};
  RunResult result(variant->result);
  if (!entry->program()->updates.empty()) ++step_;
  EVENGRAD_RETURN_IF_ERROR(Observe(*entry, *variant));
  return result;
}

absl::StatusOr<std::string> Session::Impl::Explain(
    const Program& program, std::span<const Feed> feeds) {
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram * entry, EntryFor(program));
  EVENGRAD_ASSIGN_OR_RETURN(const SessionProgram::Variant* variant,
                            entry->VariantFor(feeds, step_ + 1, making()));
  return ExplainProgram(variant->executable->compiled());
}

absl::Status Session::Impl::Observe(const SessionProgram& entry,
                                    const SessionProgram::Variant& variant) {
  if (variant.observed.empty()) return absl::OkStatus();
  // A hook may run programs of this session, which may drop these from it.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::shared_ptr<const Program> program = entry.program();
  const std::shared_ptr<const ResultTensors> results = variant.result->tensors;
  const std::vector<int> due = variant.observed;
  const int64_t step = step_;
  for (size_t i = 0; i < due.size(); ++i) {
    const ObservedValues& observed = program->observations[due[i]];
    if (observed.hook == nullptr) continue;
    EVENGRAD_RETURN_IF_ERROR(CallUser(
        [&] { return StrCat("the hook of '", observed.name, "'"); },
        [&] {
          return observed.hook->Observe({.name = observed.name,
                                         .step = step,
                                         .values = results->observations[i],
                                         .graph = program->graph});
        }));
  }
  return absl::OkStatus();
}

// ---- Bad numbers ----------------------------------------------------------

absl::StatusOr<std::optional<NonFiniteReport>> Session::Impl::FindNonFinite(
    const Program& program, std::span<const Feed> feeds) {
  EVENGRAD_RETURN_IF_ERROR(EntryFor(program).status());  // checks and states
  Program watched = program;
  watched.graph = program.graph.Clone();
  watched.observations.clear();
  watched.guards.clear();
  std::vector<Value> roots;
  ForEachRoot(watched, [&](Value& value) {
    value = watched.graph.value(value.id());
    roots.push_back(value);
  });
  EVENGRAD_ASSIGN_OR_RETURN(const NumericsProbe probe,
                            NumericsProbe::Add(watched.graph, roots));
  watched.observations.push_back({.values = probe.summaries()});
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram once,
                            SessionProgram::Create(watched));
  EVENGRAD_ASSIGN_OR_RETURN(SessionProgram::Variant * variant,
                            once.VariantFor(feeds, step_ + 1, making()));
  EVENGRAD_ASSIGN_OR_RETURN(const SessionStates::Values before, states_.Copy());
  const absl::StatusOr<std::shared_ptr<const ResultTensors>> results =
      Execute(*variant, feeds);
  states_.Restore(before);
  EVENGRAD_RETURN_IF_ERROR(results.status());
  return probe.FindFirst((*results)->observations[0], step_ + 1,
                         program.non_finite.exempt);
}

absl::Status Session::Impl::GuardError(const Program& program,
                                       const FiniteGuard& guard,
                                       std::span<const Feed> feeds) {
  constexpr std::string_view kAdvice =
      "; where training diverged, lower the learning rate or clip the "
      "gradients";
  if (guard.before_updates) {
    const absl::StatusOr<std::optional<NonFiniteReport>> report =
        FindNonFinite(program, feeds);
    // Watching every value takes more memory than the step: where there is not
    // so much, the guard still has its own words.
    if (!report.ok() && !absl::IsResourceExhausted(report.status())) {
      return report.status();
    }
    if (report.ok() && report->has_value()) {
      return absl::OutOfRangeError(StrCat((*report)->ToString(), kAdvice));
    }
  }
  const Value& subject = guard.subject.valid() ? guard.subject : guard.value;
  const Node node = subject.node();
  std::string text = StrCat(node.ErrorPrefix(), "step ", step_ + 1, ": ",
                            guard.description, " is not finite");
  if (node.gradient_of() >= 0) {
    text += StrCat(" (op '", node.op().name, "', ", subject.type().ToString(),
                   ", in the gradient of ",
                   program.graph.node(node.gradient_of()).name(), ")");
  }
  if (!guard.before_updates) {
    text +=
        "; parameters have been updated by now: to see the first bad number, "
        "repeat the run with CheckNumerics (--check-numerics)";
  }
  return absl::OutOfRangeError(StrCat(text, kAdvice));
}

absl::StatusOr<RunResult> Session::Impl::Infer(std::span<const Value> values,
                                               std::span<const Feed> feeds) {
  const bool same =
      std::equal(values.begin(), values.end(), inference_.fetches.begin(),
                 inference_.fetches.end(),
                 [](const Value& value, const NamedValue& fetch) {
                   return value == fetch.value;
                 });
  if (!same || values.empty()) {
    std::optional<Graph> graph;
    if (!values.empty()) graph = Graph::Of(values.front());
    if (!graph.has_value()) {
      return InvalidArgument("there is no value to run");
    }
    EVENGRAD_RETURN_IF_ERROR(graph->status());
    Program program{.graph = *graph, .mode = Mode::kInference};
    for (const Value& value : values) {
      EVENGRAD_ASSIGN_OR_RETURN(Value own, graph->Resolve(value));
      const bool again = std::ranges::any_of(
          program.fetches,
          [&](const NamedValue& fetch) { return fetch.value == own; });
      program.fetches.push_back({again ? "" : own.name(), own});
    }
    inference_ = std::move(program);
  }
  return Run(inference_, feeds);
}

// ---- The public face ------------------------------------------------------

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

absl::StatusOr<Session> Session::Create(const Graph& graph,
                                        const SessionOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  constexpr int kMaxThreads = 256;
  if (options.memory_limit_bytes < 0) {
    return InvalidArgument("memory_limit_bytes = ", options.memory_limit_bytes,
                           ": expected 0 (no limit) or more");
  }
  if (options.num_threads < 0 || options.num_threads > kMaxThreads) {
    return InvalidArgument("num_threads = ", options.num_threads,
                           ": expected 0 (one a core) to ", kMaxThreads);
  }
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads =
      options.num_threads > 0 ? options.num_threads : std::max(1, cores);
  auto impl = std::make_unique<Impl>(graph.Clone(), options, threads);
  EVENGRAD_RETURN_IF_ERROR(impl->InitializeStates(graph));
  return Session(std::move(impl));
}

// What calls of a session give that has been moved to another.
static absl::Status MovedFrom() {
  return InvalidArgument("the session is empty: it has been moved from");
}

absl::StatusOr<RunResult> Session::Run(const Program& program,
                                       std::span<const Feed> feeds) {
  if (impl_ == nullptr) return MovedFrom();
  return impl_->Run(program, feeds);
}

absl::StatusOr<RunResult> Session::Run(std::span<const Value> values,
                                       std::span<const Feed> feeds) {
  if (impl_ == nullptr) return MovedFrom();
  return impl_->Infer(values, feeds);
}

absl::Status Session::Initialize(const Program& program) {
  if (impl_ == nullptr) return MovedFrom();
  return impl_->Initialize(program);
}

absl::StatusOr<std::optional<NonFiniteReport>> Session::FindNonFinite(
    const Program& program, std::span<const Feed> feeds) {
  if (impl_ == nullptr) return MovedFrom();
  return impl_->FindNonFinite(program, feeds);
}

absl::StatusOr<std::string> Session::Explain(const Program& program,
                                             std::span<const Feed> feeds) {
  if (impl_ == nullptr) return MovedFrom();
  return impl_->Explain(program, feeds);
}

absl::StatusOr<Tensor> Session::Read(std::string_view state) const {
  if (impl_ == nullptr) return MovedFrom();
  EVENGRAD_ASSIGN_OR_RETURN(const SessionStates::State* found,
                            impl_->FindState(state));
  return found->tensor.Clone();
}

absl::StatusOr<Tensor> Session::Read(const Value& state) const {
  if (!state.valid()) return InvalidArgument("the state is an empty value");
  return Read(state.node().name());
}

absl::Status Session::Write(std::string_view state, const Tensor& tensor) {
  if (impl_ == nullptr) return MovedFrom();
  EVENGRAD_ASSIGN_OR_RETURN(SessionStates::State * found,
                            impl_->FindState(state));
  Tensor& target = found->tensor;
  if (!tensor.valid() || !(target.type() == tensor.type())) {
    return InvalidArgument("state '", state, "' has type ", target.ToString(),
                           ", the new value has type ",
                           tensor.valid() ? tensor.ToString() : "(empty)");
  }
  std::memcpy(target.mutable_data(), tensor.data(),
              static_cast<size_t>(tensor.byte_size()));
  found->rounded_is_current = false;
  return absl::OkStatus();
}

absl::Status Session::Write(const Value& state, const Tensor& tensor) {
  if (!state.valid()) return InvalidArgument("the state is an empty value");
  return Write(state.node().name(), tensor);
}

std::vector<std::string> Session::StateNames() const {
  return impl_ == nullptr ? std::vector<std::string>() : impl_->StateNames();
}

absl::StatusOr<Tensor> Session::Share(std::string_view state) const {
  if (impl_ == nullptr) return MovedFrom();
  EVENGRAD_ASSIGN_OR_RETURN(SessionStates::State * found,
                            impl_->FindState(state));
  found->rounded_is_current = false;  // what is written to it does not show
  return found->tensor;
}

RandomCounters Session::random_counters() const {
  return impl_ == nullptr ? RandomCounters() : impl_->random_counters();
}

void Session::SetRandomCounters(const RandomCounters& counters) {
  if (impl_ != nullptr) impl_->SetRandomCounters(counters);
}

int64_t Session::step() const { return impl_ == nullptr ? 0 : impl_->step(); }

CompiledStatistics Session::last_compiled() const {
  return impl_ == nullptr ? CompiledStatistics() : impl_->last_compiled();
}

}  // namespace evengrad
