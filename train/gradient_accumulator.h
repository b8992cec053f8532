// Sums gradients over several runs, and lets updates through at the last one.
#ifndef EVENGRAD_TRAIN_GRADIENT_ACCUMULATOR_H_
#define EVENGRAD_TRAIN_GRADIENT_ACCUMULATOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

class GradientAccumulator {
 public:
  // Adds the state "micro_step" to `graph`. Requires steps > 1.
  GradientAccumulator(const Graph& graph, int64_t steps);

  // Adds the state "<parameter>/accumulated_gradient"; returns 1 / steps of the
  // sum of the gradients since the last update, this one included, in the type
  // of `gradient`.
  Value Add(const Value& parameter, const Value& gradient);

  // Makes `updates` from the index `first` on keep the old values unless this
  // run is the last of its steps, and adds those of the accumulator's states.
  void Finish(size_t first, std::vector<StateUpdate>& updates) const;

 private:
  Graph graph_;
  int64_t steps_;
  Value due_;  // bool[]: this run is the last of its steps
  std::vector<StateUpdate> own_updates_;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_GRADIENT_ACCUMULATOR_H_
