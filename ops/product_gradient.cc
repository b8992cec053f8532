// Derivatives of P(x), the product of the elements of x along some axes. With
// directions v, w, …, element i of the output is
//
//   d/dx_i  (v · d/dx) (w · d/dx) …  P(x).
//
// Without directions it is the product of all elements but i. The gradient of
// reduce_product needs it, and it is closed under differentiation: for an
// output gradient g, the derivative by x is the same op with g as one more
// direction, and that by v has g in the place of v.
//
// The derivative is a coefficient of a product of polynomials: that of e_v e_w
// … in the product over j != i of (x_j + e_v v_j + e_w w_j + …), where each e
// squared is 0. Products of the elements before i and after i, kept with the
// coefficients of all subsets of {e_v, e_w, …}, give it without division.
#include <algorithm>
#include <bit>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/product_rules.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

// Work doubles with each direction.
constexpr int kMaxDirections = 8;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  TensorType output = context.input(0);
  if (!IsFloating(output.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           output.ToString());
  }
  if (context.num_inputs() > 1 + kMaxDirections) {
    return InvalidArgument("a product is differentiated ", context.num_inputs(),
                           " times, at most ", 1 + kMaxDirections,
                           " are supported");
  }
  for (int i = 1; i < context.num_inputs(); ++i) {
    const TensorType& direction = context.input(i);
    if (direction.dtype != output.dtype ||
        !MayBeEqual(direction.shape, output.shape)) {
      return InvalidArgument("the type of direction ", context.Describe(i),
                             " is not that of ", context.Describe(0));
    }
    for (int k = 0; k < output.rank(); ++k) {
      output.shape[k] = Refine(output.shape[k], direction.shape[k]);
    }
  }
  const absl::Status axes =
      ReducedAxes(context.attribute<Axes>("axes"), output.rank()).status();
  if (!axes.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axes));
  }
  return std::vector<TensorType>{std::move(output)};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const auto& axes = node.attribute<Axes>("axes");
  std::vector<Value> directions;
  for (int i = 1; i < node.num_inputs(); ++i) {
    directions.push_back(node.input(i));
  }
  std::vector<Value> gradients(node.num_inputs());
  for (size_t i = 0; i < directions.size(); ++i) {
    std::vector<Value> replaced = directions;
    replaced[i] = output_gradients[0];
    gradients[i + 1] = ProductGradient(node.input(0), replaced, axes);
  }
  directions.push_back(output_gradients[0]);
  gradients[0] = ProductGradient(node.input(0), directions, axes);
  return gradients;
}

// ---- Kernel -----------------------------------------------------------------

// Where the elements of one product lie, relative to its first, and the first
// elements of all products.
struct Layout {
  std::vector<int64_t> members = {};
  std::vector<int64_t> firsts = {};
};

Layout LayoutOf(std::span<const int64_t> sizes, std::span<const int> axes) {
  Layout layout = {.members = {0}, .firsts = {0}};
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    const bool reduced =
        std::binary_search(axes.begin(), axes.end(), static_cast<int>(i));
    std::vector<int64_t>& offsets = reduced ? layout.members : layout.firsts;
    std::vector<int64_t> longer;
    for (int64_t k = 0; k < sizes[i]; ++k) {
      for (int64_t offset : offsets) longer.push_back(offset + k * stride);
    }
    offsets = std::move(longer);
    stride *= sizes[i];
  }
  return layout;
}

// A polynomial in the e's has 2^n coefficients; that of a product of e's stands
// at the index whose bits they are. One that is made of `factors` linear ones
// has no products of more e's: such coefficients are not touched, so that an
// infinity elsewhere does not make NaN of their 0.
class Polynomials {
 public:
  explicit Polynomials(int num_directions)
      : num_directions_(num_directions), size_(size_t{1} << num_directions) {}

  size_t size() const { return size_; }
  // result = p * (value + sum of e_k slopes[k]), where p has `factors` factors;
  // result may be p.
  void MultiplyLinear(const double* p, size_t factors, double value,
                      const double* slopes, double* result) const {
    for (size_t set = size_; set-- > 0;) {  // a set needs only smaller ones
      const auto degree = static_cast<size_t>(std::popcount(set));
      double sum = degree <= factors ? p[set] * value : 0;
      for (int k = 0; k < num_directions_ && degree <= factors + 1; ++k) {
        const size_t bit = size_t{1} << k;
        if ((set & bit) != 0) sum += p[set ^ bit] * slopes[k];
      }
      result[set] = sum;
    }
  }
  // The coefficient of the product of all e's in p * q.
  double Last(const double* p, size_t p_factors, const double* q,
              size_t q_factors) const {
    double sum = 0;
    for (size_t set = 0; set < size_; ++set) {
      const size_t rest = size_ - 1 - set;
      if (static_cast<size_t>(std::popcount(set)) <= p_factors &&
          static_cast<size_t>(std::popcount(rest)) <= q_factors) {
        sum += p[set] * q[rest];
      }
    }
    return sum;
  }
  void SetOne(double* p) const {
    std::fill_n(p, size_, 0.0);
    p[0] = 1;
  }

 private:
  int num_directions_;
  size_t size_;
};

class ProductGradientKernel : public Kernel {
 public:
  ProductGradientKernel(Layout layout, const KernelRequest& request)
      : layout_(std::move(layout)),
        polynomials_(static_cast<int>(request.inputs.size()) - 1),
        dtype_(request.inputs[0].dtype),
        inputs_(request.input_buffers),
        output_(request.output_buffers[0]) {
    const auto products = static_cast<int64_t>(layout_.firsts.size());
    const auto length = static_cast<int64_t>(layout_.members.size());
    num_parts_ = NumParts(
        products * length * static_cast<int64_t>(4 * polynomials_.size()),
        std::max<int64_t>(products, 1));
  }

  int num_parts() const override { return num_parts_; }
  // One polynomial an element, for those after it, and one for those before.
  size_t scratch_bytes() const override {
    return (layout_.members.size() + 1) * polynomials_.size() * sizeof(double);
  }

  void Run(int part, const KernelContext& context) const override {
    const Range range = PartRange(static_cast<int64_t>(layout_.firsts.size()),
                                  part, num_parts_);
    for (int64_t i = range.begin; i < range.end; ++i) {
      RunProduct(layout_.firsts[i], context);
    }
  }

 private:
  // Element `i` of the input and of each direction.
  double Load(int64_t i, const KernelContext& context, double* slopes) const {
    for (size_t k = 1; k < inputs_.size(); ++k) {
      slopes[k - 1] = LoadAsDouble(dtype_, context.buffers[inputs_[k]], i);
    }
    return LoadAsDouble(dtype_, context.buffers[inputs_[0]], i);
  }

  void RunProduct(int64_t first, const KernelContext& context) const {
    const size_t count = layout_.members.size();
    if (count == 0) return;
    const size_t size = polynomials_.size();
    auto* const after = reinterpret_cast<double*>(context.scratch);
    double* const before = after + count * size;
    double slopes[kMaxDirections];
    polynomials_.SetOne(after + (count - 1) * size);
    for (size_t j = count - 1; j > 0; --j) {
      const double x = Load(first + layout_.members[j], context, slopes);
      polynomials_.MultiplyLinear(after + j * size, count - 1 - j, x, slopes,
                                  after + (j - 1) * size);
    }
    polynomials_.SetOne(before);
    for (size_t j = 0; j < count; ++j) {
      const int64_t i = first + layout_.members[j];
      const double x = Load(i, context, slopes);
      StoreFromDouble(
          dtype_, context.buffers[output_], i,
          polynomials_.Last(before, j, after + j * size, count - 1 - j));
      polynomials_.MultiplyLinear(before, j, x, slopes, before);
    }
  }

  Layout layout_;
  Polynomials polynomials_;
  DType dtype_;
  std::vector<int> inputs_;
  int output_;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.inputs[0].shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int> axes,
                            ReducedAxes(request.attribute<Axes>("axes"),
                                        static_cast<int>(sizes.size())));
  return std::make_unique<ProductGradientKernel>(LayoutOf(sizes, axes),
                                                 request);
}

// ---- Reference --------------------------------------------------------------

// The sum, over all ways to give each of the directions from `direction` on an
// element of its own among `free`, of the product of their values there and of
// the input's at the elements that are left.
double SumOverChoices(const ReferenceCall& call, size_t direction,
                      const std::vector<int64_t>& free) {
  if (direction == call.inputs.size()) {
    double product = 1;
    for (int64_t i : free) product *= call.input(0).values[i];
    return product;
  }
  double sum = 0;
  for (size_t k = 0; k < free.size(); ++k) {
    std::vector<int64_t> left = free;
    left.erase(left.begin() + static_cast<int64_t>(k));
    sum += call.inputs[direction]->values[free[k]] *
           SumOverChoices(call, direction + 1, left);
  }
  return sum;
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<int> axes,
      ReducedAxes(call.attribute<Axes>("axes"), input.rank()));
  std::vector<int64_t> kept = input.sizes;
  for (int axis : axes) kept[axis] = 1;
  std::vector<std::vector<int64_t>> products(input.values.size());
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    products[BroadcastIndex(kept, Unflatten(input.sizes, i))].push_back(i);
  }
  for (const std::vector<int64_t>& members : products) {
    for (size_t k = 0; k < members.size(); ++k) {
      std::vector<int64_t> others = members;
      others.erase(others.begin() + static_cast<int64_t>(k));
      call.output().values[members[k]] = SumOverChoices(call, 1, others);
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& ProductGradientOp() {
  static const OpDef* const op = new OpDef{
      .name = "product_gradient",
      .summary =
          "the product of all other elements along axes, or its derivative in "
          "directions",
      .inputs = {"input", "directions..."},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .summary = "may count from the back; empty: all"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference};
  return *op;
}

Value ProductGradient(const Value& input, const std::vector<Value>& directions,
                      Axes axes, SourceLocation location) {
  std::vector<Value> inputs = {input};
  inputs.insert(inputs.end(), directions.begin(), directions.end());
  return AddNode(ProductGradientOp(), inputs, {{"axes", std::move(axes)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
