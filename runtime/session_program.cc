#include "evengrad/runtime/session_program.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

// Distinct ones of a program's observations.
constexpr size_t kMaxPeriods = 64;

bool SameValues(std::span<const NamedValue> a, std::span<const NamedValue> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const NamedValue& x, const NamedValue& y) {
                      return x.value == y.value && x.name == y.name;
                    });
}

absl::Status FeedError(const Value& value, std::string_view what) {
  return InvalidArgument(value.node().ErrorPrefix(), what);
}

bool Matches(const SessionProgram::Variant& variant,
             std::span<const Feed> feeds, uint64_t due) {
  if (variant.due != due || variant.feeds.size() != feeds.size()) return false;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const TensorType& type = variant.types[i];
    const std::span<const int64_t> sizes = feeds[i].tensor.sizes();
    if (!(feeds[i].value == variant.feeds[i]) || !feeds[i].tensor.valid() ||
        feeds[i].tensor.dtype() != type.dtype ||
        static_cast<int>(sizes.size()) != type.rank()) {
      return false;
    }
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] != type.shape[static_cast<int>(d)].size()) return false;
    }
  }
  return true;
}

}  // namespace

bool SameProgram(const Program& a, const Program& b) {
  return a.graph == b.graph && a.mode == b.mode &&
         SameValues(a.fetches, b.fetches) &&
         a.non_finite.policy == b.non_finite.policy &&
         a.non_finite.exempt == b.non_finite.exempt &&
         std::equal(a.updates.begin(), a.updates.end(), b.updates.begin(),
                    b.updates.end(),
                    [](const StateUpdate& x, const StateUpdate& y) {
                      return x.state == y.state && x.value == y.value;
                    }) &&
         std::equal(a.observations.begin(), a.observations.end(),
                    b.observations.begin(), b.observations.end(),
                    [](const ObservedValues& x, const ObservedValues& y) {
                      return x.name == y.name && x.values == y.values &&
                             x.hook == y.hook && x.first_step == y.first_step &&
                             x.every_n_steps == y.every_n_steps;
                    }) &&
         std::equal(a.guards.begin(), a.guards.end(), b.guards.begin(),
                    b.guards.end(),
                    [](const FiniteGuard& x, const FiniteGuard& y) {
                      return x.value == y.value && x.subject == y.subject &&
                             x.description == y.description &&
                             x.before_updates == y.before_updates;
                    });
}

absl::StatusOr<SessionProgram> SessionProgram::Create(const Program& program) {
  SessionProgram result;
  result.program_ = std::make_shared<const Program>(program);
  for (const ObservedValues& observed : program.observations) {
    const Period period = PeriodOf(observed);
    if (period.every_n_steps < 1 || period.first_step < 1) {
      return InvalidArgument("observation '", observed.name,
                             "' is asked for after step ", period.first_step,
                             " and every ", period.every_n_steps,
                             " steps; expected 1 or more");
    }
    if (std::ranges::count(result.periods_, period) == 0) {
      result.periods_.push_back(period);
    }
  }
  if (result.periods_.size() > kMaxPeriods) {
    return InvalidArgument("a program's observations may have at most ",
                           kMaxPeriods, " different periods, not ",
                           result.periods_.size());
  }
  return result;
}

uint64_t SessionProgram::DueAt(int64_t step) const {
  uint64_t due = 0;
  for (size_t i = 0; i < periods_.size(); ++i) {
    if (periods_[i].Includes(step)) due |= uint64_t{1} << i;
  }
  return due;
}

absl::StatusOr<SessionProgram::Variant*> SessionProgram::VariantFor(
    std::span<const Feed> feeds, int64_t step, const Making& making) {
  const uint64_t due = DueAt(step);
  for (auto it = variants_.begin(); it != variants_.end(); ++it) {
    if (!Matches(*it, feeds, due)) continue;
    variants_.splice(variants_.begin(), variants_, it);
    return &variants_.front();
  }
  EVENGRAD_ASSIGN_OR_RETURN(Variant variant, MakeVariant(feeds, due, making));
  variants_.push_front(std::move(variant));
  if (variants_.size() > kMaxExecutables) variants_.pop_back();
  return &variants_.front();
}

Program SessionProgram::WithDueObservations(Variant& variant) const {
  Program program = *program_;
  program.observations.clear();
  for (size_t i = 0; i < program_->observations.size(); ++i) {
    const ObservedValues& observed = program_->observations[i];
    const auto period = std::ranges::find(periods_, PeriodOf(observed));
    if ((variant.due >> (period - periods_.begin()) & 1) == 0) continue;
    program.observations.push_back(observed);
    variant.observed.push_back(static_cast<int>(i));
  }
  return program;
}

absl::Status SessionProgram::BindStates(
    std::unique_ptr<CompiledProgram> compiled, const Making& making,
    Variant& variant) {
  std::map<std::string, SessionStates::State*, std::less<>> copies;
  std::set<std::string> rounded;
  for (const RoundedState& state : compiled->rounded_states) {
    EVENGRAD_ASSIGN_OR_RETURN(copies[state.copy],
                              making.states.FindRounded(state.state));
    variant.rounded.push_back(copies[state.copy]);
    rounded.insert(state.state);
  }
  for (const StateUpdate& update : compiled->program.updates) {
    const std::string& name = update.state.node().name();
    if (rounded.contains(name) || copies.contains(name)) continue;
    if (SessionStates::State* const state = making.states.Find(name)) {
      variant.outdated.push_back(state);
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      variant.executable,
      Executable::Create(std::move(compiled), making.num_threads,
                         [&](std::string_view name) -> Tensor* {
                           const auto copy = copies.find(name);
                           if (copy != copies.end())
                             return &copy->second->rounded;
                           SessionStates::State* const state =
                               making.states.Find(name);
                           return state == nullptr ? nullptr : &state->tensor;
                         }));
  variant.executable->SetProfile(making.profile);
  return absl::OkStatus();
}

absl::StatusOr<SessionProgram::Variant> SessionProgram::MakeVariant(
    std::span<const Feed> feeds, uint64_t due, const Making& making) const {
  Variant variant;
  variant.due = due;
  const Program program = WithDueObservations(variant);
  std::map<int, Shape> shapes;
  std::map<std::string, int, std::less<>> feed_of;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Feed& feed = feeds[i];
    EVENGRAD_ASSIGN_OR_RETURN(Value placeholder,
                              program.graph.Resolve(feed.value));
    if (!IsPlaceholder(placeholder.node())) {
      return FeedError(placeholder, "only placeholders can be fed");
    }
    if (!feed.tensor.valid()) {
      return FeedError(placeholder, "an empty tensor is fed");
    }
    if (feed.tensor.dtype() != placeholder.dtype()) {
      return FeedError(
          placeholder,
          StrCat("expected ", placeholder.type().ToString(), ", a tensor ",
                 feed.tensor.ToString(), " is fed"));
    }
    if (!feed_of.emplace(placeholder.node().name(), i).second) {
      return FeedError(placeholder, "the placeholder is fed twice");
    }
    shapes.emplace(placeholder.id().node, Shape(feed.tensor.sizes()));
    variant.feeds.push_back(feed.value);
    variant.types.push_back(feed.tensor.type());
  }
  const std::vector<bool> needed = NeededNodes(program);
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node node = program.graph.node(id);
    if (needed[id] && IsPlaceholder(node) && shapes.count(id) == 0) {
      return FeedError(node.output(),
                       StrCat("the placeholder ", node.output_type().ToString(),
                              " is not fed"));
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(std::unique_ptr<CompiledProgram> compiled,
                            Compile(program, shapes, making.compile));
  EVENGRAD_RETURN_IF_ERROR(BindStates(std::move(compiled), making, variant));
  for (const std::string& name : variant.executable->feed_names()) {
    const auto feed = feed_of.find(name);
    if (feed == feed_of.end()) {
      return absl::InternalError(
          StrCat("the compiled program reads '", name,
                 "', which is no placeholder of the program"));
    }
    variant.feed_index.push_back(feed->second);
  }
  variant.pointers.resize(variant.feed_index.size());
  return variant;
}

}  // namespace evengrad
