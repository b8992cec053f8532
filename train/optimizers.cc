#include "evengrad/train/optimizers.h"

#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

DType UpdateType(const Value& parameter) {
  return parameter.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
}

Value As(const Value& value, DType dtype) {
  return !value.valid() || value.dtype() == dtype ? value : Cast(value, dtype);
}

}  // namespace

Value OptimizerContext::AddLearningRate(double rate) {
  DType dtype = DType::kF32;
  for (const TrainedParameter& trained : parameters) {
    if (UpdateType(trained.parameter) == DType::kF64) dtype = DType::kF64;
  }
  Value initial;
  {
    NameScope scope(graph, "learning_rate");
    initial = AddInitializer(graph, ConstantInitializer(rate),
                             {.dtype = dtype, .shape = {}});
  }
  return State(graph, "learning_rate", initial);
}

Value OptimizerContext::AddSlot(const TrainedParameter& trained,
                                std::string_view name) {
  NameScope scope(graph, trained.parameter.name());
  const TensorType type = {UpdateType(trained.parameter),
                           trained.parameter.shape()};
  Value initial;
  {
    NameScope slot(graph, name);
    initial = AddInitializer(graph, Zeros(), type);
  }
  return State(graph, name, initial);
}

Value OptimizerContext::GradientOf(const TrainedParameter& trained) const {
  return As(trained.gradient, UpdateType(trained.parameter));
}

Value OptimizerContext::RateOf(const TrainedParameter& trained,
                               const Value& learning_rate) const {
  const Value rate = As(learning_rate, UpdateType(trained.parameter));
  return trained.learning_rate_scale == 1 ? rate
                                          : rate * trained.learning_rate_scale;
}

void OptimizerContext::UpdateSlot(const Value& slot, const Value& value) {
  updates.push_back({.state = slot, .value = value});
}

void OptimizerContext::Descend(const TrainedParameter& trained,
                               const Value& change) {
  const Value& parameter = trained.parameter;
  const Value value = As(parameter, UpdateType(parameter)) - change;
  updates.push_back(
      {.state = parameter, .value = As(value, parameter.dtype())});
}

}  // namespace evengrad
