// Tensors that differ along one axis only, one after the other. split_like is
// its transpose.
#include <algorithm>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/copy_kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// The sum of sizes; unknown where one is not a number. Error: it overflows.
absl::StatusOr<Dimension> AddSizes(const Dimension& a, const Dimension& b) {
  if (!a.is_integer() || !b.is_integer()) return Dimension::Unknown();
  int64_t sum = 0;
  if (__builtin_add_overflow(a.size(), b.size(), &sum)) {
    return InvalidArgument("the size of the result overflows 64 bits");
  }
  return Dimension(sum);
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  if (context.num_inputs() == 0) {
    return InvalidArgument("concat takes at least one input");
  }
  TensorType output = context.input(0);
  absl::StatusOr<int> axis =
      NormalizeAxis(context.attribute<int64_t>("axis"), output.rank());
  if (!axis.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axis.status()));
  }
  for (int i = 1; i < context.num_inputs(); ++i) {
    const TensorType& input = context.input(i);
    auto differ = [&](std::string_view what) {
      return InvalidArgument(what, ": ", context.Describe(0), ", ",
                             context.Describe(i));
    };
    if (input.dtype != output.dtype) return differ("element types differ");
    if (input.rank() != output.rank()) return differ("ranks differ");
    for (int k = 0; k < output.rank(); ++k) {
      Dimension& size = output.shape[k];
      if (k == *axis) {
        EVENGRAD_ASSIGN_OR_RETURN(size, AddSizes(size, input.shape[k]));
      } else if (MayBeEqual(size, input.shape[k])) {
        size = Refine(size, input.shape[k]);
      } else {
        return differ(StrCat("sizes differ along axis ", k,
                             ", which is not the one of the concatenation"));
      }
    }
  }
  return std::vector<TensorType>{std::move(output)};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  std::vector<Value> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(node.input(i));
  return SplitLike(output_gradients[0], inputs,
                   static_cast<int>(node.attribute<int64_t>("axis")));
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  std::vector<std::vector<int64_t>> inputs;
  for (const TensorType& input : request.inputs) {
    EVENGRAD_ASSIGN_OR_RETURN(inputs.emplace_back(), input.shape.Sizes());
  }
  EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                            NormalizeAxis(request.attribute<int64_t>("axis"),
                                          request.outputs[0].rank()));
  return MakeCopyKernel(PlanJoining(inputs, axis), request);
}

absl::Status Reference(const ReferenceCall& call) {
  ReferenceTensor& output = call.output();
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + output.rank() : given;
  int64_t begin = 0;
  for (const ReferenceTensor* input : call.inputs) {
    for (int64_t i = 0; i < input->num_elements(); ++i) {
      std::vector<int64_t> index = Unflatten(input->sizes, i);
      index[axis] += begin;
      output.values[Flatten(output.sizes, index)] = input->values[i];
    }
    begin += input->sizes[axis];
  }
  return absl::OkStatus();
}

std::vector<Value> Simplify(const Node& node) {
  if (node.num_inputs() != 1) return {};
  return {node.input(0)};
}

}  // namespace

const OpDef& ConcatOp() {
  static const OpDef* const op = new OpDef{
      .name = "concat",
      .summary = "the inputs, which differ along axis only, one after another",
      .inputs = {"inputs..."},
      .attributes = {{.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "may count from the back"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .simplify = Simplify,
  };
  return *op;
}

Value Concat(const std::vector<Value>& inputs, int axis,
             SourceLocation location) {
  return AddNode(ConcatOp(), inputs, {{"axis", int64_t{axis}}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
