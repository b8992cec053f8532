#include "evengrad/graph/dtype.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/session.h"
#include "evengrad/runtime/session_program.h"

namespace evengrad {

std::span<const Tensor> RunResult::values() const {
  if (data_ == nullptr) return {};
  return data_->tensors->fetches;
}

absl::StatusOr<Tensor> RunResult::Get(const Value& value) const {
  if (data_ == nullptr) return InvalidArgument("the result is empty");
  EVENGRAD_ASSIGN_OR_RETURN(Value own, data_->program->graph.Resolve(value));
  for (size_t i = 0; i < data_->program->fetches.size(); ++i) {
    if (data_->program->fetches[i].value == own) return values()[i];
  }
  return InvalidArgument("'", own.name(), "' was not fetched by this run");
}

absl::StatusOr<Tensor> RunResult::Get(std::string_view name) const {
  if (data_ == nullptr) return InvalidArgument("the result is empty");
  for (size_t i = 0; i < data_->program->fetches.size(); ++i) {
    if (data_->program->fetches[i].name == name) return values()[i];
  }
  return InvalidArgument("no value named '", name, "' was fetched by this run");
}

absl::StatusOr<double> ScalarOf(const Tensor& tensor) {
  if (tensor.num_elements() != 1) {
    return InvalidArgument("a value of type ", tensor.ToString(),
                           " is not a single number");
  }
  return LoadAsDouble(tensor.dtype(), tensor.data(), 0);
}

absl::StatusOr<double> RunResult::Scalar(const Value& value) const {
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Get(value));
  return ScalarOf(tensor);
}

absl::StatusOr<double> RunResult::Scalar(std::string_view name) const {
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Get(name));
  return ScalarOf(tensor);
}

}  // namespace evengrad
