#include "evengrad/train/parameter_groups.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

bool Matches(const ParameterGroup& group, const Value& parameter) {
  return group.matches ? group.matches(parameter)
                       : MatchesPattern(group.pattern, parameter.name());
}

// "hidden1/weights, hidden1/bias, …": a few of the names.
std::string SomeNames(std::span<const Value> parameters) {
  constexpr size_t kShown = 4;
  std::string names;
  for (size_t i = 0; i < std::min(kShown, parameters.size()); ++i) {
    names += StrCat(i == 0 ? "" : ", ", parameters[i].name());
  }
  return parameters.size() > kShown ? names + ", …" : names;
}

absl::Status CheckGroup(const ParameterGroup& group,
                        std::span<const Value> all) {
  const std::string who = group.matches
                              ? std::string("a parameter group")
                              : StrCat("parameter group '", group.pattern, "'");
  if (!group.matches && group.pattern.empty()) {
    return InvalidArgument(
        "a parameter group has neither a pattern nor a predicate");
  }
  for (const auto& [name, scale] :
       {std::pair("learning rate", group.learning_rate_scale),
        std::pair("weight decay", group.weight_decay_scale)}) {
    if (std::isfinite(scale) && scale >= 0) continue;
    return InvalidArgument(who, ": the ", name, " scale is ", scale,
                           ", expected a finite number that is not negative");
  }
  if (std::ranges::none_of(
          all, [&](const Value& value) { return Matches(group, value); })) {
    return InvalidArgument(who, " matches no parameter; there are ",
                           SomeNames(all));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GroupedParameter>> GroupParameters(
    std::span<const ParameterGroup> groups, std::span<const Value> parameters,
    std::span<const Value> all) {
  for (const ParameterGroup& group : groups) {
    EVENGRAD_RETURN_IF_ERROR(CheckGroup(group, all));
  }
  std::vector<GroupedParameter> grouped;
  for (const Value& parameter : parameters) {
    GroupedParameter result = {.parameter = parameter};
    for (const ParameterGroup& group : groups) {
      if (!Matches(group, parameter)) continue;
      result.learning_rate_scale = group.learning_rate_scale;
      result.weight_decay_scale = group.weight_decay_scale;
      result.frozen = group.frozen;
      result.constraint = group.constraint;
      break;
    }
    grouped.push_back(std::move(result));
  }
  return grouped;
}

}  // namespace evengrad
