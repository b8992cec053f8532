// The product over axes. Its gradient, the product of all other elements, is
// not made by division: it is right where elements are 0, and so are gradients
// of any order (see product_gradient).
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/product_rules.h"
#include "evengrad/ops/reduction_kernel.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value others = ProductGradient(
      node.input(0), {}, node.attribute<std::vector<int64_t>>("axes"));
  return {others * SpreadOverInput(output_gradients[0], node)};
}

double Reference(std::span<const double> x) {
  double product = 1;
  for (double value : x) product *= value;
  return product;
}

}  // namespace

const OpDef& ReduceProductOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_product",
      .summary = "the product of the input's elements along axes; 1 of none",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferSum,
      .gradient = Gradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeReductionKernel(Reduction::kProduct, request);
          },
      .reference = ReferenceReduction(Reference),
      .simplify = SimplifyReduction,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceProduct(const Value& input, ReduceOptions options,
                    SourceLocation location) {
  return AddReduction(ReduceProductOp(), input, std::move(options), location);
}

}  // namespace evengrad
