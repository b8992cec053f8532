#include "evengrad/ops/host_call.h"

#include <cstring>
#include <memory>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  if (context.num_inputs() == 0) {
    return InvalidArgument("there is no value to call the function with");
  }
  if (context.attribute<HostObject>("function").Get<HostFunction>() ==
      nullptr) {
    return InvalidArgument("attribute function holds no function");
  }
  for (int i = 0; i < context.num_inputs(); ++i) {
    if (context.input(i).dtype != DType::kOpaque) continue;
    return InvalidArgument(context.Describe(i), " has no numbers");
  }
  return std::vector<TensorType>{context.input(0)};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  std::vector<Value> gradients(static_cast<size_t>(node.num_inputs()));
  gradients[0] = output_gradients[0];
  return gradients;
}

absl::Status CallHost(const HostFunction& function,
                      std::span<const Tensor> values) {
  return CallUser("the function", [&] { return function(values); });
}

class HostCallKernel : public Kernel {
 public:
  HostCallKernel(const KernelRequest& request, std::vector<Tensor> tensors)
      : object_(request.attribute<HostObject>("function")),
        inputs_(request.input_buffers),
        output_(request.output_buffers[0]),
        error_prefix_(request.error_prefix),
        tensors_(std::move(tensors)) {}

  std::string implementation() const override { return "host"; }

  void Run(int, const KernelContext& context) const override {
    absl::Status status = Fill(context);
    if (status.ok()) status = CallHost(*object_.Get<HostFunction>(), tensors_);
    if (!status.ok() && context.errors != nullptr) {
      context.errors->Report(Prefixed(status, error_prefix_));
    }
    if (tensors_[0].byte_size() == 0) return;
    std::memcpy(context.buffers[output_], context.buffers[inputs_[0]],
                static_cast<size_t>(tensors_[0].byte_size()));
  }

 private:
  // Copies the inputs into the tensors; into new ones where the function has
  // kept them.
  absl::Status Fill(const KernelContext& context) const {
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].buffer().use_count() > 1) {
        EVENGRAD_ASSIGN_OR_RETURN(tensors_[i],
                                  Tensor::Zeros(tensors_[i].type()));
      }
      if (tensors_[i].byte_size() == 0) continue;
      std::memcpy(tensors_[i].mutable_data(), context.buffers[inputs_[i]],
                  static_cast<size_t>(tensors_[i].byte_size()));
    }
    return absl::OkStatus();
  }

  HostObject object_;
  std::vector<int> inputs_;
  int output_;
  std::string error_prefix_;
  mutable std::vector<Tensor> tensors_;  // one part, so nobody else is here
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  std::vector<Tensor> tensors;
  for (const TensorType& type : request.inputs) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(type));
    tensors.push_back(std::move(tensor));
  }
  return std::make_unique<HostCallKernel>(request, std::move(tensors));
}

absl::Status Reference(const ReferenceCall& call) {
  std::vector<Tensor> tensors;
  for (const ReferenceTensor* input : call.inputs) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(input->type()));
    for (int64_t i = 0; i < input->num_elements(); ++i) {
      StoreFromDouble(input->dtype, tensor.mutable_data(), i, input->values[i]);
    }
    tensors.push_back(std::move(tensor));
  }
  call.output().values = call.input(0).values;
  return CallHost(*call.attribute<HostObject>("function").Get<HostFunction>(),
                  tensors);
}

}  // namespace

const OpDef& HostCallOp() {
  static const OpDef* const op = new OpDef{
      .name = "host_call",
      .summary = "the first input; a function of the user's sees all of them",
      .inputs = {"values..."},
      .attributes = {{.name = "function",
                      .fallback = HostObject(),
                      .required = true}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .hint_flow = HintFlow::kPass,
      .has_effects = true,
  };
  return *op;
}

Value HostCall(const std::vector<Value>& values, std::string_view name,
               HostFunction function, SourceLocation location) {
  HostObject object;
  if (function != nullptr) {
    object =
        HostObject(std::make_shared<const HostFunction>(std::move(function)));
  }
  return AddNode(HostCallOp(), values, {{"function", object}},
                 {.name = name, .location = location})
      .output();
}

Value HostCall(const Value& value, std::string_view name,
               const std::function<absl::Status(const Tensor&)>& function,
               SourceLocation location) {
  HostFunction of_list;
  if (function != nullptr) {
    of_list = [function](std::span<const Tensor> values) {
      return function(values[0]);
    };
  }
  return HostCall(std::vector<Value>{value}, name, std::move(of_list),
                  location);
}

}  // namespace evengrad
