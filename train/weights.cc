#include "evengrad/train/weights.h"

#include <algorithm>
#include <set>
#include <utility>

#include "evengrad/formats/safetensors.h"
#include "evengrad/graph/name_pattern.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/graph/user_code.h"

namespace evengrad {
namespace {

struct Selected {
  std::string name = {};
  std::string in_file = {};
};

bool MatchesAny(const std::vector<std::string>& patterns,
                const std::string& name) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return MatchesPattern(pattern, name);
  });
}

// The states of `graph` that match, in its order.
absl::StatusOr<std::vector<Selected>> SelectStates(
    const Graph& graph, const WeightsOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  std::vector<std::string> names;
  for (const Value& state : States(graph)) names.push_back(state.name());
  for (const std::string& pattern : options.patterns) {
    if (std::ranges::any_of(names, [&](const std::string& name) {
          return MatchesPattern(pattern, name);
        })) {
      continue;
    }
    return InvalidArgument("the pattern '", pattern,
                           "' matches no state of the model",
                           DidYouMean(pattern, {names.begin(), names.end()}));
  }
  std::vector<Selected> selected;
  std::set<std::string> taken;
  for (const std::string& name : names) {
    if (!MatchesAny(options.patterns, name)) continue;
    std::string in_file = name;
    if (options.name_in_file) {
      EVENGRAD_ASSIGN_OR_RETURN(in_file, CallUser("name_in_file", [&] {
                                  return options.name_in_file(name);
                                }));
    }
    if (!taken.insert(in_file).second) {
      return InvalidArgument("two states have the name '", in_file,
                             "' in the file, one of them '", name, "'");
    }
    selected.push_back({name, in_file});
  }
  return selected;
}

// The file has each state, in the session's type.
absl::Status CheckEntries(const Session& session,
                          const SafetensorsReader& reader,
                          const std::vector<Selected>& selected) {
  for (const Selected& state : selected) {
    const SafetensorsEntry* entry = reader.Find(state.in_file);
    if (entry == nullptr) {
      std::vector<std::string_view> known;
      for (const SafetensorsEntry& other : reader.tensors()) {
        known.push_back(other.name);
      }
      return InvalidArgument(reader.path(), ": has no tensor '", state.in_file,
                             "'", DidYouMean(state.in_file, known),
                             "; give WeightsOptions::patterns for the layers "
                             "that the models have in common");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor current, session.Share(state.name));
    if (entry->type == current.type()) continue;
    return InvalidArgument(reader.path(), ": '", state.in_file, "' has type ",
                           entry->type.ToString(), ", the model's ", state.name,
                           " is ", current.ToString());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveWeights(const Session& session, const Graph& graph,
                         const std::string& path,
                         const WeightsOptions& options) {
  const absl::StatusOr<std::vector<Selected>> selected =
      SelectStates(graph, options);
  if (!selected.ok()) {
    return Prefixed(selected.status(), StrCat("SaveWeights, ", path, ": "));
  }
  std::vector<NamedTensor> tensors;
  for (const Selected& state : *selected) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, session.Share(state.name));
    tensors.push_back({state.in_file, std::move(tensor)});
  }
  return WriteSafetensors(path, tensors);
}

absl::StatusOr<std::vector<std::string>> LoadWeights(
    Session& session, const Graph& graph, const std::string& path,
    const WeightsOptions& options) {
  const absl::StatusOr<std::vector<Selected>> selected =
      SelectStates(graph, options);
  if (!selected.ok()) {
    return Prefixed(selected.status(), StrCat("LoadWeights, ", path, ": "));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const SafetensorsReader reader,
                            SafetensorsReader::Open(path));
  EVENGRAD_RETURN_IF_ERROR(CheckEntries(session, reader, *selected));
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const Selected& state : *selected) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor,
                              reader.Read(*reader.Find(state.in_file)));
    tensors.emplace_back(state.name, std::move(tensor));
  }
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    EVENGRAD_RETURN_IF_ERROR(session.Write(name, tensor));
    names.push_back(name);
  }
  return names;
}

}  // namespace evengrad
