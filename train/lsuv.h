// LSUV: initial weights that fit the data (Mishkin and Matas: All You Need is a
// Good Init, 2016).
//
//   absl::StatusOr<std::vector<LsuvLayer>> layers =
//       InitializeLsuv(session, logits, {{images, batch}});
#ifndef EVENGRAD_TRAIN_LSUV_H_
#define EVENGRAD_TRAIN_LSUV_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

struct LsuvOptions {
  // A layer is done when its variance differs from 1 by less than this.
  double tolerance = 0.02;
  int64_t max_iterations = 20;  // of a layer
  // Weights that are left as they are, by name: '*' stands for any characters,
  // '?' for one.
  std::vector<std::string> exempt = {};
};

struct LsuvLayer {
  std::string weights = {};  // "hidden1/weights"
  // Of the products: with the weights that the session had, and in the end.
  double variance_before = 0;
  double variance = 0;
  int64_t iterations = 0;  // scalings
};

// Gives the weights that `output` depends on new values in the session: first
// orthonormal ones; then, layer by layer from the input, they are divided by
// the standard deviation of their products (the pre-activations, without bias)
// over the elements of a batch, until its variance is 1. Weights are the
// parameters of rank 2 or more; their products the first value that depends on
// them and on what is fed. Weights that are used more than once are scaled for
// their first use.
//
// Measures in inference mode, so that batch norm, which makes this needless,
// and dropout do nothing. Orthonormal numbers depend on the session's seed. On
// an error the session's states are as before.
//
// Errors: an output that depends on no such weights, or, for some of them, on
// nothing that is fed; a variance that is 0 or not finite, which is the first
// on the way; max_iterations below 1 or not enough; those of the runs.
EVENGRAD_EXPORT absl::StatusOr<std::vector<LsuvLayer>> InitializeLsuv(
    Session& session, const Value& output, std::span<const Feed> feeds,
    const LsuvOptions& options = {});
inline absl::StatusOr<std::vector<LsuvLayer>> InitializeLsuv(
    Session& session, const Value& output, std::initializer_list<Feed> feeds,
    const LsuvOptions& options = {}) {
  return InitializeLsuv(session, output,
                        std::span<const Feed>(feeds.begin(), feeds.size()),
                        options);
}

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_LSUV_H_
