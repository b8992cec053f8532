#include "evengrad/runtime/hook.h"

#include "evengrad/graph/status.h"

namespace evengrad {

absl::Status CheckWatches(const Graph& watched, const Observation& observation,
                          std::string_view hook) {
  if (observation.graph == watched) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(hook,
             ": a program ran that this hook does not watch any more, as "
             "it was given to another one since; give each program a hook of "
             "its own"));
}

}  // namespace evengrad
