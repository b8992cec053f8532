// Activations of a hundred SELU layers.
#include <algorithm>
#include <cmath>

#include "examples/experiments/gradient_flow.h"

namespace evengrad::experiments {
namespace {

constexpr int kLayers = 100;
constexpr int64_t kUnits = 100;
constexpr int64_t kExamples = 500;

struct Moments {
  Value mean;
  Value deviation;
};

Moments Along(const Value& value, int64_t axis) {
  const Value mean =
      ReduceMean(value, {.axes = {axis}, .keep_dimensions = true});
  return {mean, Sqrt(ReduceMean(Square(value - mean), {.axes = {axis}}))};
}

}  // namespace

absl::StatusOr<SeluFlow> SeluStack(uint64_t seed) {
  Graph graph;
  Program program = {.graph = graph};
  auto fetch = [&](const Value& value) {
    program.fetches.push_back({StrCat(program.fetches.size()), value});
  };
  Value hidden = RandomNormal(graph, F32({kExamples, kUnits}));
  for (int i = 1; i <= kLayers; ++i) {
    hidden = Selu(Dense(hidden, kUnits,
                        {.name = StrCat("hidden", i),
                         .initializer = NormalInitializer(0, 0.1)}));
    const Moments of_units = Along(hidden, 0);
    fetch(ReduceMean(of_units.mean));
    fetch(ReduceMean(of_units.deviation));
    if (i > 1) continue;
    const Moments of_examples = Along(hidden, 1);
    for (const Value& value : {of_examples.mean, of_examples.deviation}) {
      fetch(ReduceMin(value));
      fetch(ReduceMax(value));
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(graph, {.seed = seed}));
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result, session.Run(program, {}));
  size_t next = 0;
  auto take = [&] { return result.values()[next++].ToDoubles()[0]; };
  SeluFlow flow;
  for (int i = 1; i <= kLayers; ++i) {
    flow.mean.push_back(take());
    flow.deviation.push_back(take());
    if (i > 1) continue;
    flow.lowest_mean = take();
    flow.highest_mean = take();
    flow.lowest_deviation = take();
    flow.highest_deviation = take();
  }
  return flow;
}

}  // namespace evengrad::experiments
