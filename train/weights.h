// The states of a model in a file, all or some of them: to keep a model, and to
// give the lower layers of one to another (transfer learning).
//
//   absl::Status saved = SaveWeights(session, graph, "a.safetensors");
//   …
//   absl::StatusOr<std::vector<std::string>> loaded =
//       LoadWeights(session, other_graph, "a.safetensors",
//                   {.patterns = {"hidden1/*", "hidden2/*"}});
//
// A checkpoint (train/checkpoint.h) holds the same under the same names, beside
// what the optimizer keeps, so LoadWeights reads checkpoints too.
#ifndef EVENGRAD_TRAIN_WEIGHTS_H_
#define EVENGRAD_TRAIN_WEIGHTS_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

struct WeightsOptions {
  // Of the full names of the model's states (parameters, running statistics):
  // those that match one of them. '*' stands for any characters, '?' for one.
  std::vector<std::string> patterns = {"*"};
  // The name in the file of the state `name`; the same where empty.
  std::function<std::string(std::string_view name)> name_in_file = {};
};

// Writes a safetensors file of the states of `graph` (not the optimizer's),
// which replaces one of that name at once. Errors: a pattern that matches no
// state, two states of one name in the file, those of WriteSafetensors.
EVENGRAD_EXPORT absl::Status SaveWeights(const Session& session,
                                         const Graph& graph,
                                         const std::string& path,
                                         const WeightsOptions& options = {});

// The inverse: reads the states of `graph` that match, each of which must be in
// the file, in the same type; what else the file has is left alone. Everything
// is read before a state changes. Returns the names of the states. Errors: a
// pattern that matches no state, a state that the file has not or has in
// another type, those of ReadSafetensors.
EVENGRAD_EXPORT absl::StatusOr<std::vector<std::string>> LoadWeights(
    Session& session, const Graph& graph, const std::string& path,
    const WeightsOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_WEIGHTS_H_
