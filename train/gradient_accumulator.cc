#include "evengrad/train/gradient_accumulator.h"

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// A state of `graph` that starts as zeros.
Value AddZeroState(const Graph& graph, std::string_view name,
                   const TensorType& type) {
  Value initial;
  {
    NameScope scope(graph, name);
    initial = AddInitializer(graph, Zeros(), type);
  }
  return State(graph, name, initial);
}

}  // namespace

GradientAccumulator::GradientAccumulator(const Graph& graph, int64_t steps)
    : graph_(graph), steps_(steps) {
  const Value done = AddZeroState(graph, "micro_step", I64({}));
  NameScope scope(graph, "micro_step");
  const Value now = done + 1;
  due_ = GreaterEqual(now, static_cast<double>(steps));
  own_updates_.push_back({done, Select(due_, 0, now)});
}

Value GradientAccumulator::Add(const Value& parameter, const Value& gradient) {
  if (!gradient.valid()) return gradient;  // the graph's status says why
  // A sum of bf16 numbers would lose the small ones.
  const DType dtype =
      gradient.dtype() == DType::kBF16 ? DType::kF32 : gradient.dtype();
  NameScope scope(graph_, parameter.name());
  const Value slot =
      AddZeroState(graph_, "accumulated_gradient", {dtype, parameter.shape()});
  NameScope nodes(graph_, "accumulated_gradient");
  const Value sum =
      slot + (gradient.dtype() == dtype ? gradient : Cast(gradient, dtype));
  own_updates_.push_back({slot, Select(due_, 0, sum)});
  const Value mean = sum * (1.0 / static_cast<double>(steps_));
  return gradient.dtype() == dtype ? mean : Cast(mean, gradient.dtype());
}

void GradientAccumulator::Finish(size_t first,
                                 std::vector<StateUpdate>& updates) const {
  NameScope scope(graph_, "micro_step");
  for (size_t i = first; i < updates.size(); ++i) {
    updates[i].value = Select(due_, updates[i].value, updates[i].state);
  }
  updates.insert(updates.end(), own_updates_.begin(), own_updates_.end());
}

}  // namespace evengrad
