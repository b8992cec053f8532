#include <algorithm>
#include <cstring>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

// The input axis of each output axis, counted from the front.
absl::StatusOr<std::vector<int>> InputAxes(const Axes& permutation, int rank) {
  std::vector<int> axes(rank);
  if (permutation.empty()) {
    for (int i = 0; i < rank; ++i) axes[i] = rank - 1 - i;
    return axes;
  }
  if (static_cast<int>(permutation.size()) != rank) {
    return InvalidArgument("the permutation has ", permutation.size(),
                           " axes, expected ", rank);
  }
  std::vector<bool> seen(rank, false);
  for (int i = 0; i < rank; ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(axes[i], NormalizeAxis(permutation[i], rank));
    if (seen[axes[i]]) {
      return InvalidArgument("the permutation names axis ", axes[i], " twice");
    }
    seen[axes[i]] = true;
  }
  return axes;
}

// The same of a node that was accepted.
std::vector<int> InputAxesOf(const Node& node) {
  return *InputAxes(node.attribute<Axes>("permutation"),
                    node.output_type().rank());
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& input = context.input(0).shape;
  absl::StatusOr<std::vector<int>> axes =
      InputAxes(context.attribute<Axes>("permutation"), input.rank());
  if (!axes.ok()) {
    return InvalidArgument("cannot transpose ", context.Describe(0), ": ",
                           Message(axes.status()));
  }
  Shape output;
  for (int axis : *axes) output.Append(input[axis]);
  return std::vector<TensorType>{{context.input(0).dtype, output}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const std::vector<int> axes = InputAxesOf(node);
  Axes inverse(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    inverse[axes[i]] = static_cast<int64_t>(i);
  }
  return {Transpose(output_gradients[0], std::move(inverse))};
}

std::vector<Value> Simplify(const Node& node) {
  const Value input = node.input(0);
  const std::vector<int> axes = InputAxesOf(node);
  if (std::is_sorted(axes.begin(), axes.end())) return {input};
  if (&input.node().op() == &TransposeOp()) {
    const std::vector<int> below = InputAxesOf(input.node());
    Axes merged;
    for (int axis : axes) merged.push_back(below[axis]);
    return {Transpose(input.node().input(0), std::move(merged))};
  }
  // Only dimensions of 1 change place: nothing moves in memory.
  std::vector<int> large;
  for (int axis : axes) {
    if (input.shape()[axis] != Dimension(1)) large.push_back(axis);
  }
  const Shape& shape = node.output_type().shape;
  if (!std::is_sorted(large.begin(), large.end()) || !shape.is_static()) {
    return {};
  }
  return {Reshape(input, shape)};
}

// ---- Kernel -----------------------------------------------------------------

// An axis of the output: its size, and how far apart its elements are in the
// input and in the output.
struct Axis {
  int64_t size = 1;
  int64_t input_stride = 1;
  int64_t output_stride = 1;
};

// What is to be copied: axes in the output's order, those of size 1 dropped and
// those that stay neighbours merged.
std::vector<Axis> MergedAxes(std::span<const int64_t> input_sizes,
                             std::span<const int> axes) {
  std::vector<int64_t> strides(input_sizes.size());
  int64_t stride = 1;
  for (size_t i = input_sizes.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= input_sizes[i];
  }
  std::vector<Axis> merged;
  for (int axis : axes) {
    const int64_t size = input_sizes[axis];
    if (size == 1) continue;
    if (!merged.empty() && merged.back().input_stride == size * strides[axis]) {
      merged.back().size *= size;
      merged.back().input_stride = strides[axis];
    } else {
      merged.push_back({.size = size, .input_stride = strides[axis]});
    }
  }
  if (merged.empty()) merged.push_back({});
  for (size_t i = merged.size() - 1; i-- > 0;) {
    merged[i].output_stride = merged[i + 1].output_stride * merged[i + 1].size;
  }
  return merged;
}

// Copies planes: `across` runs along the output's rows, `down` along the
// input's, all other axes are walked one plane after the other. A plane is cut
// into blocks that stay in the L1 cache; T is any type of the element's size.
template <typename T>
class TransposeKernel : public Kernel {
 public:
  static constexpr int64_t kBlock = 16;

  TransposeKernel(std::vector<Axis> axes, int input, int output)
      : across_(axes.back()), input_(input), output_(output) {
    axes.pop_back();
    auto innermost = std::find_if(axes.begin(), axes.end(), [](const Axis& a) {
      return a.input_stride == 1;
    });
    if (across_.input_stride != 1 && innermost != axes.end()) {
      down_ = *innermost;
      axes.erase(innermost);
    } else if (!axes.empty()) {
      down_ = axes.back();
      axes.pop_back();
    }
    outer_ = std::move(axes);
    strips_ = (down_.size + kBlock - 1) / kBlock;
    for (const Axis& axis : outer_) planes_ *= axis.size;
    num_parts_ = std::max(
        1, NumParts(planes_ * down_.size * across_.size, planes_ * strips_));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const T* input = context.input<T>(input_);
    T* output = context.output<T>(output_);
    const Range range = PartRange(planes_ * strips_, part, num_parts_);
    for (int64_t item = range.begin; item < range.end; ++item) {
      int64_t plane = item / strips_;
      int64_t input_offset = 0;
      int64_t output_offset = 0;
      for (size_t i = outer_.size(); i-- > 0;) {
        const int64_t index = plane % outer_[i].size;
        plane /= outer_[i].size;
        input_offset += index * outer_[i].input_stride;
        output_offset += index * outer_[i].output_stride;
      }
      const int64_t begin = item % strips_ * kBlock;
      CopyStrip(input + input_offset, output + output_offset, begin,
                std::min(begin + kBlock, down_.size));
    }
  }

 private:
  // Rows begin … end of a plane of the output.
  void CopyStrip(const T* input, T* output, int64_t begin, int64_t end) const {
    if (across_.input_stride == 1) {
      for (int64_t i = begin; i < end; ++i) {
        std::memcpy(output + i * down_.output_stride,
                    input + i * down_.input_stride, across_.size * sizeof(T));
      }
      return;
    }
    for (int64_t block = 0; block < across_.size; block += kBlock) {
      const int64_t block_end = std::min(block + kBlock, across_.size);
      for (int64_t i = begin; i < end; ++i) {
        const T* from = input + i * down_.input_stride;
        T* to = output + i * down_.output_stride;
        for (int64_t j = block; j < block_end; ++j) {
          to[j] = from[j * across_.input_stride];
        }
      }
    }
  }

  Axis across_;
  Axis down_;
  std::vector<Axis> outer_;
  int64_t strips_ = 1;
  int64_t planes_ = 1;
  int num_parts_ = 1;
  int input_;
  int output_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.inputs[0].shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int> permutation,
                            InputAxes(request.attribute<Axes>("permutation"),
                                      static_cast<int>(sizes.size())));
  const int input = request.input_buffers[0];
  const int output = request.output_buffers[0];
  if (std::count(sizes.begin(), sizes.end(), 0) > 0) {
    return MakeSimpleKernel([](const KernelContext&) {});
  }
  std::vector<Axis> axes = MergedAxes(sizes, permutation);
  switch (SizeOf(request.inputs[0].dtype)) {
    case 1:
      return std::make_unique<TransposeKernel<uint8_t>>(std::move(axes), input,
                                                        output);
    case 2:
      return std::make_unique<TransposeKernel<uint16_t>>(std::move(axes), input,
                                                         output);
    case 4:
      return std::make_unique<TransposeKernel<uint32_t>>(std::move(axes), input,
                                                         output);
    default:
      return std::make_unique<TransposeKernel<uint64_t>>(std::move(axes), input,
                                                         output);
  }
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<int> axes,
      InputAxes(call.attribute<Axes>("permutation"), input.rank()));
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    const std::vector<int64_t> index = Unflatten(output.sizes, i);
    std::vector<int64_t> from(index.size());
    for (size_t k = 0; k < index.size(); ++k) from[axes[k]] = index[k];
    output.values[i] = input.values[Flatten(input.sizes, from)];
  }
  return absl::OkStatus();
}

Cost CostOf(const Node& node) {
  const absl::StatusOr<int64_t> bytes = node.output_type().ByteSize();
  return {.flops = 0, .bytes = bytes.ok() ? 2.0 * *bytes : 0};
}

}  // namespace

const OpDef& TransposeOp() {
  static const OpDef* const op =
      new OpDef{.name = "transpose",
                .summary =
                    "axes in another order: axis i of output is axis "
                    "permutation[i] of input",
                .inputs = {"input"},
                .attributes = {{.name = "permutation",
                                .fallback = Axes(),
                                .summary = "empty: the axes reversed"}},
                .infer_type = InferType,
                .gradient = Gradient,
                .make_kernel = MakeKernel,
                .reference = Reference,
                .simplify = Simplify,
                .cost = CostOf,
                .hint_flow = HintFlow::kPass};
  return *op;
}

Value Transpose(const Value& input, std::vector<int64_t> permutation,
                SourceLocation location) {
  return AddNode(TransposeOp(), {input},
                 {{"permutation", std::move(permutation)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
