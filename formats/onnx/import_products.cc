// ONNX's matrix products.
#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

// Vectors are rows on the left and columns on the right, as in NumPy.
OnnxResult MatMulRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value a, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value b, call.Get(1));
  if (a.rank() == 0 || b.rank() == 0) {
    return InvalidArgument("there is no product of scalars: ",
                           a.type().ToString(), ", ", b.type().ToString());
  }
  std::vector<int64_t> added;
  if (b.rank() == 1) added.push_back(-1);
  if (a.rank() == 1) added.push_back(-2);
  Value product = MatMul(a.rank() == 1 ? Unsqueeze(a, {0}) : a,
                         b.rank() == 1 ? Unsqueeze(b, {1}) : b);
  return One(added.empty() ? product : Squeeze(product, added));
}

OnnxResult Gemm(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value a, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value b, call.Get(1));
  const double alpha = call.Number("alpha", 1);
  const double beta = call.Number("beta", 1);
  if (call.opset() < 7) call.Ignore("broadcast");
  Value result = MatMul(a, b,
                        {.transpose_input = call.Integer("transA", 0) != 0,
                         .transpose_weights = call.Integer("transB", 0) != 0});
  if (alpha != 1) result = alpha * result;
  if (!call.has(2)) return One(result);
  const Value c = call.input(2);
  return One(result + (beta == 1 ? c : beta * c));
}

constexpr OnnxImport kRules[] = {
    {"Gemm", 6, Gemm},
    {"MatMul", 1, MatMulRule},
};

}  // namespace

std::span<const OnnxImport> OnnxProductImports() { return kRules; }

}  // namespace evengrad
