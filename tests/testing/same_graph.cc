// CheckSameGraph and CheckSameProgram.
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

#include "evengrad/graph/status.h"
#include "evengrad/testing/random_graph.h"

namespace evengrad::testing {
namespace {

template <typename T>
bool Same(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), 8 * a.size()) == 0);
  } else {
    return a == b;
  }
}

absl::Status CheckSameAttributes(const Node& found, const Node& expected) {
  if (found.attributes().size() != expected.attributes().size()) {
    return InvalidArgument("numbers of attributes differ");
  }
  for (const auto& [name, value] : expected.attributes()) {
    const auto it = found.attributes().find(name);
    if (it == found.attributes().end() || it->second.index() != value.index()) {
      return InvalidArgument("attribute ", name, " is missing");
    }
    const bool same = std::visit(
        [&](const auto& held) {
          using T = std::decay_t<decltype(held)>;
          return Same<T>(held, *std::get_if<T>(&it->second));
        },
        value);
    if (!same) return InvalidArgument("attribute ", name, " differs");
  }
  return absl::OkStatus();
}

absl::Status CheckSameNode(const Node& found, const Node& expected) {
  const auto complain = [&](std::string_view what) {
    return InvalidArgument("node ", expected.id(), " '", expected.name(),
                           "': ", what);
  };
  if (&found.op() != &expected.op()) return complain("another op");
  if (found.name() != expected.name()) return complain("another name");
  if (found.location().line != expected.location().line ||
      std::string_view(found.location().file) != expected.location().file) {
    return complain("another source line");
  }
  if (found.gradient_of() != expected.gradient_of()) {
    return complain("another gradient link");
  }
  if (found.num_inputs() != expected.num_inputs() ||
      found.num_outputs() != expected.num_outputs()) {
    return complain("another number of inputs or outputs");
  }
  for (int i = 0; i < found.num_inputs(); ++i) {
    if (found.input_id(i) != expected.input_id(i)) {
      return complain(StrCat("another input ", i));
    }
  }
  for (int i = 0; i < found.num_outputs(); ++i) {
    if (!(found.output_type(i) == expected.output_type(i))) {
      return complain(StrCat("another type of output ", i));
    }
  }
  if (found.initializer().id() != expected.initializer().id()) {
    return complain("another initial value");
  }
  if (found.training_update().id() != expected.training_update().id()) {
    return complain("another training update");
  }
  return Prefixed(CheckSameAttributes(found, expected),
                  StrCat("node ", expected.id(), ": "));
}

}  // namespace

absl::Status CheckSameGraph(const Graph& found, const Graph& expected) {
  if (found.num_nodes() != expected.num_nodes()) {
    return InvalidArgument("found ", found.num_nodes(), " nodes, expected ",
                           expected.num_nodes());
  }
  for (int id = 0; id < found.num_nodes(); ++id) {
    EVENGRAD_RETURN_IF_ERROR(CheckSameNode(found.node(id), expected.node(id)));
  }
  return absl::OkStatus();
}

absl::Status CheckSameProgram(const Program& found, const Program& expected) {
  EVENGRAD_RETURN_IF_ERROR(CheckSameGraph(found.graph, expected.graph));
  if (found.mode != expected.mode) return InvalidArgument("the modes differ");
  if (found.fetches.size() != expected.fetches.size() ||
      found.updates.size() != expected.updates.size() ||
      found.observations.size() != expected.observations.size() ||
      found.guards.size() != expected.guards.size()) {
    return InvalidArgument("numbers of results differ");
  }
  for (size_t i = 0; i < found.fetches.size(); ++i) {
    if (found.fetches[i].name != expected.fetches[i].name ||
        found.fetches[i].value.id() != expected.fetches[i].value.id()) {
      return InvalidArgument("fetch ", i, " differs");
    }
  }
  for (size_t i = 0; i < found.updates.size(); ++i) {
    if (found.updates[i].state.id() != expected.updates[i].state.id() ||
        found.updates[i].value.id() != expected.updates[i].value.id()) {
      return InvalidArgument("update ", i, " differs");
    }
  }
  for (size_t i = 0; i < found.observations.size(); ++i) {
    const ObservedValues& a = found.observations[i];
    const ObservedValues& b = expected.observations[i];
    bool same = a.name == b.name && a.every_n_steps == b.every_n_steps &&
                a.first_step == b.first_step &&
                a.values.size() == b.values.size();
    for (size_t j = 0; same && j < a.values.size(); ++j) {
      same = a.values[j].id() == b.values[j].id();
    }
    if (!same) return InvalidArgument("observation ", i, " differs");
  }
  for (size_t i = 0; i < found.guards.size(); ++i) {
    const FiniteGuard& a = found.guards[i];
    const FiniteGuard& b = expected.guards[i];
    if (a.value.id() != b.value.id() || a.subject.id() != b.subject.id() ||
        a.description != b.description ||
        a.before_updates != b.before_updates) {
      return InvalidArgument("guard ", i, " differs");
    }
  }
  if (found.non_finite.policy != expected.non_finite.policy ||
      found.non_finite.exempt != expected.non_finite.exempt) {
    return InvalidArgument("what is done about bad numbers differs");
  }
  return absl::OkStatus();
}

}  // namespace evengrad::testing
