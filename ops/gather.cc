// Parts of a tensor chosen by index along one axis, as NumPy's take:
//
//   output[…, i…, …] = input[…, indices[i…], …]
//
// A kernel cannot fail, so an index that is out of range reads NaN (the lowest
// number of an integer type, false of bool) or, where the attribute says so, 0.
#include <algorithm>
#include <cstring>
#include <limits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/gather_rules.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  EVENGRAD_RETURN_IF_ERROR(CheckIndexType(context, 1));
  const absl::StatusOr<int> axis =
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank());
  if (!axis.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axis.status()));
  }
  return std::vector<TensorType>{
      {input.dtype, GatheredShape(input.shape, context.input(1).shape, *axis)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {ScatterAdd(output_gradients[0], node.input(1), node.input(0),
                     static_cast<int>(node.attribute<int64_t>("axis"))),
          Value()};
}

// What stands for an element that does not exist.
double MissingElement(DType dtype, std::string_view out_of_range) {
  if (out_of_range == "zero") return 0;
  switch (dtype) {
    case DType::kI32:
      return std::numeric_limits<int32_t>::lowest();
    case DType::kI64:
      return static_cast<double>(std::numeric_limits<int64_t>::lowest());
    case DType::kU8:
    case DType::kBool:
      return 0;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

// T is any type of the element's size.
template <typename T>
class GatherKernel : public Kernel {
 public:
  explicit GatherKernel(const KernelRequest& request)
      : layout_(GatherLayoutOf(request.inputs[0].shape, request.inputs[1].shape,
                               request.attribute<int64_t>("axis"))),
        index_type_(request.inputs[1].dtype),
        input_(request.input_buffers[0]),
        indices_(request.input_buffers[1]),
        output_(request.output_buffers[0]) {
    const DType dtype = request.inputs[0].dtype;
    StoreFromDouble(
        dtype, &missing_, 0,
        MissingElement(dtype, request.attribute<std::string>("out_of_range")));
    const int64_t rows = layout_.outer * layout_.count;
    num_parts_ =
        NumParts(rows * (layout_.inner + 1), std::max<int64_t>(rows, 1));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const T* const input = context.input<T>(input_);
    T* const output = context.output<T>(output_);
    const Range range =
        PartRange(layout_.outer * layout_.count, part, num_parts_);
    for (int64_t row = range.begin; row < range.end; ++row) {
      const int64_t place = LoadPlace(index_type_, context.buffers[indices_],
                                      row % layout_.count, layout_.size);
      T* const to = output + row * layout_.inner;
      if (place < 0) {
        std::fill_n(to, layout_.inner, missing_);
        continue;
      }
      const int64_t from = row / layout_.count * layout_.size + place;
      std::memcpy(to, input + from * layout_.inner,
                  static_cast<size_t>(layout_.inner) * sizeof(T));
    }
  }

 private:
  GatherLayout layout_;
  DType index_type_;
  int input_;
  int indices_;
  int output_;
  T missing_ = 0;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  switch (SizeOf(request.inputs[0].dtype)) {
    case 1:
      return std::make_unique<GatherKernel<uint8_t>>(request);
    case 2:
      return std::make_unique<GatherKernel<uint16_t>>(request);
    case 4:
      return std::make_unique<GatherKernel<uint32_t>>(request);
    default:
      return std::make_unique<GatherKernel<uint64_t>>(request);
  }
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const ReferenceTensor& indices = call.input(1);
  ReferenceTensor& output = call.output();
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + input.rank() : given;
  const double size = static_cast<double>(input.sizes[axis]);
  const double missing =
      MissingElement(input.dtype, call.attribute<std::string>("out_of_range"));
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(output.sizes, i);
    const auto chosen = index.begin() + axis;
    const double given_index = indices.values[Flatten(
        indices.sizes, std::span(index).subspan(axis, indices.rank()))];
    const double place = given_index < 0 ? given_index + size : given_index;
    index.erase(chosen, chosen + indices.rank());
    index.insert(index.begin() + axis, static_cast<int64_t>(place));
    output.values[i] = place >= 0 && place < size
                           ? input.values[Flatten(input.sizes, index)]
                           : missing;
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& GatherOp() {
  static const OpDef* const op = new OpDef{
      .name = "gather",
      .summary =
          "output[..., i, ...] = input[..., indices[i], ...] along axis; "
          "negative indices count from the back",
      .inputs = {"input", "indices"},
      .attributes = {{.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "may count from the back"},
                     {.name = "out_of_range",
                      .fallback = std::string("nan"),
                      .summary = "what an index outside the axis reads",
                      .choices = {"nan", "zero"}}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
  };
  return *op;
}

Value Gather(const Value& input, const Value& indices, int axis,
             OutOfRange out_of_range, SourceLocation location) {
  const std::string rule = out_of_range == OutOfRange::kZero ? "zero" : "nan";
  return AddNode(GatherOp(), {input, indices},
                 {{"axis", int64_t{axis}}, {"out_of_range", rule}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
