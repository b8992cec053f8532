// Which parameters belong to which group of MinimizeOptions.
#ifndef EVENGRAD_TRAIN_PARAMETER_GROUPS_H_
#define EVENGRAD_TRAIN_PARAMETER_GROUPS_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/name_pattern.h"
#include "evengrad/train/minimize.h"

namespace evengrad {

struct GroupedParameter {
  Value parameter = {};
  double learning_rate_scale = 1;
  double weight_decay_scale = 1;
  bool frozen = false;
  Constraint constraint = {};
};

// `parameters` with the settings of the first group that matches each. Errors:
// a group with neither pattern nor predicate, a scale that is negative or not
// finite, a group that matches none of `all` (the parameters of the graph).
EVENGRAD_EXPORT absl::StatusOr<std::vector<GroupedParameter>> GroupParameters(
    std::span<const ParameterGroup> groups, std::span<const Value> parameters,
    std::span<const Value> all);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_PARAMETER_GROUPS_H_
