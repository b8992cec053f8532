// Monte-Carlo dropout: predictions with a measure of their doubt.
//
// A network that was trained with dropout is run many times with dropout still
// at work. The mean of its outputs approximates the mean of a Bayesian
// posterior, their spread its uncertainty (Gal and Ghahramani, 2016).
//
//   absl::StatusOr<MonteCarloPrediction> prediction =
//       PredictMonteCarlo(session, Softmax(logits), {{images, batch}});
#ifndef EVENGRAD_TRAIN_MONTE_CARLO_H_
#define EVENGRAD_TRAIN_MONTE_CARLO_H_

#include <cstdint>
#include <initializer_list>
#include <span>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

struct MonteCarloOptions {
  int64_t samples = 100;
  // Of the draws. Equal seeds give equal predictions; no draw is one of a
  // training's.
  uint64_t seed = 0;
};

// Over the samples, element by element, in the output's type and shape.
struct MonteCarloPrediction {
  Tensor mean = {};
  Tensor deviation = {};  // the root of the mean squared distance to the mean
};

// Runs `output` (floating) in Mode::kMonteCarlo: what draws random numbers
// (dropout, alpha dropout, rrelu) does as in training, all else as in
// inference: batch norm takes its running statistics. Changes nothing of the
// session, its random counters included. Errors: fewer than one sample, an
// output that is not floating or depends on no random op, those of the runs.
EVENGRAD_EXPORT absl::StatusOr<MonteCarloPrediction> PredictMonteCarlo(
    Session& session, const Value& output, std::span<const Feed> feeds,
    const MonteCarloOptions& options = {});
inline absl::StatusOr<MonteCarloPrediction> PredictMonteCarlo(
    Session& session, const Value& output, std::initializer_list<Feed> feeds,
    const MonteCarloOptions& options = {}) {
  return PredictMonteCarlo(session, output,
                           std::span<const Feed>(feeds.begin(), feeds.size()),
                           options);
}

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_MONTE_CARLO_H_
