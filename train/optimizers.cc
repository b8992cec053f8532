#include "evengrad/train/optimizers.h"

#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

DType UpdateType(const Value& parameter) {
  return parameter.valid() && parameter.dtype() == DType::kF64 ? DType::kF64
                                                               : DType::kF32;
}

Value As(const Value& value, DType dtype) {
  return !value.valid() || value.dtype() == dtype ? value : Cast(value, dtype);
}

// False, and an error of the graph, where `trained` is empty.
bool CheckGiven(const Graph& graph, std::string_view function,
                const TrainedParameter& trained) {
  if (trained.parameter.valid()) return true;
  graph.Fail(InvalidArgument(function,
                             ": the parameter is empty; give it one of "
                             "OptimizerContext::parameters"));
  return false;
}

// A state of `graph` whose elements all start as `initial`.
Value AddFilledState(const Graph& graph, std::string_view name, double initial,
                     const TensorType& type) {
  Value start;
  {
    NameScope scope(graph, name);
    start = AddInitializer(graph, ConstantInitializer(initial), type);
  }
  return State(graph, name, start);
}

// The weight decay of the parameter's group; invalid where there is none.
Value DecayOf(const OptimizerContext& context,
              const TrainedParameter& trained) {
  if (!context.weight_decay.valid() || trained.weight_decay_scale == 0) {
    return Value();
  }
  const Value decay = context.NumberFor(trained, context.weight_decay);
  return trained.weight_decay_scale == 1 ? decay
                                         : decay * trained.weight_decay_scale;
}

}  // namespace

Value OptimizerContext::AddNumber(std::string_view name, double initial,
                                  std::optional<DType> dtype) {
  DType widest = DType::kF32;
  for (const TrainedParameter& trained : parameters) {
    if (UpdateType(trained.parameter) == DType::kF64) widest = DType::kF64;
  }
  const DType type = dtype.value_or(widest);
  if (type == DType::kF32 && std::isfinite(initial) &&
      !std::isfinite(static_cast<float>(initial))) {
    graph.Fail(InvalidArgument("the ", name, " of an optimizer is ", initial,
                               ", more than an f32 can hold"));
  }
  return AddFilledState(graph, name, initial, {type, {}});
}

void OptimizerContext::AddRates(double rate, const WeightDecay& decay) {
  learning_rate = AddNumber("learning_rate", rate);
  if (decay.rate == 0) return;
  weight_decay = AddNumber("weight_decay", decay.rate);
  decoupled_weight_decay = decay.decoupled;
}

Value OptimizerContext::AddSlot(const TrainedParameter& trained,
                                std::string_view name, double initial) {
  if (!CheckGiven(graph, "AddSlot", trained)) return Value();
  NameScope scope(graph, trained.parameter.name());
  return AddFilledState(
      graph, name, initial,
      {UpdateType(trained.parameter), trained.parameter.shape()});
}

Value OptimizerContext::NumberFor(const TrainedParameter& trained,
                                  const Value& number) const {
  return As(number, UpdateType(trained.parameter));
}

Value OptimizerContext::GradientOf(const TrainedParameter& trained) const {
  const DType dtype = UpdateType(trained.parameter);
  const Value gradient = As(trained.gradient, dtype);
  const Value decay = DecayOf(*this, trained);
  if (!decay.valid() || decoupled_weight_decay) return gradient;
  return gradient + decay * As(trained.parameter, dtype);
}

Value OptimizerContext::RateOf(const TrainedParameter& trained) const {
  const Value rate = NumberFor(trained, learning_rate);
  return trained.learning_rate_scale == 1 ? rate
                                          : rate * trained.learning_rate_scale;
}

void OptimizerContext::UpdateSlot(const Value& slot, const Value& value) {
  updates.push_back({.state = slot, .value = value});
}

void OptimizerContext::Descend(const TrainedParameter& trained,
                               const Value& change) {
  if (!CheckGiven(graph, "Descend", trained)) return;
  const Value& parameter = trained.parameter;
  Value kept = As(parameter, UpdateType(parameter));
  const Value decay = DecayOf(*this, trained);
  if (decay.valid() && decoupled_weight_decay) {
    kept = kept * (1.0 - RateOf(trained) * decay);
  }
  updates.push_back(
      {.state = parameter, .value = As(kept - change, parameter.dtype())});
}

}  // namespace evengrad
