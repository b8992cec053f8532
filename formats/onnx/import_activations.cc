// ONNX's activations.
#include <cmath>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

OnnxResult LeakyReluRule(Call& call) {
  return One(LeakyRelu(call.input(0), call.Number("alpha", 0.01)));
}

// Up to opset 6 the slope may be [channels] beside [batch, channels, …].
OnnxResult PreluRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value slope, call.Get(1));
  if (call.opset() < 7 && slope.rank() == 1) {
    return One(Prelu(x, ByChannel(slope, x.rank())));
  }
  return One(Prelu(x, slope));
}

OnnxResult EluRule(Call& call) {
  return One(Elu(call.input(0), call.Number("alpha", 1.0)));
}
OnnxResult CeluRule(Call& call) {
  return One(Celu(call.input(0), call.Number("alpha", 1.0)));
}

// gamma * elu(x, alpha); with the usual numbers it is one op.
OnnxResult SeluRule(Call& call) {
  constexpr double kAlpha = 1.6732632423543772;
  constexpr double kGamma = 1.0507009873554805;
  const double alpha = call.Number("alpha", kAlpha);
  const double gamma = call.Number("gamma", kGamma);
  // Older files have them with six digits.
  if (std::abs(alpha - kAlpha) < 1e-4 && std::abs(gamma - kGamma) < 1e-4) {
    return One(Selu(call.input(0)));
  }
  return One(gamma * Elu(call.input(0), alpha));
}

OnnxResult HardSigmoidRule(Call& call) {
  const Value x = call.input(0);
  const double alpha = call.Number("alpha", 0.2);
  const double beta = call.Number("beta", 0.5);
  if (beta == 0.5) return One(HardSigmoid(x, alpha));
  return One(Clamp(alpha * x + beta, 0, 1));
}

OnnxResult ThresholdedRelu(Call& call) {
  const Value x = call.input(0);
  return One(Select(Greater(x, call.Number("alpha", 1.0)), x, 0));
}

OnnxResult Shrink(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const double bias = call.Number("bias", 0);
  const double limit = call.Number("lambd", 0.5);
  const Value inner = Select(Greater(x, limit), x - bias, 0);
  return One(Select(Less(x, -limit), x + bias, inner));
}

OnnxResult GeluRule(Call& call) {
  const std::string form = call.Text("approximate", "none");
  if (form != "none" && form != "tanh") {
    return InvalidArgument("approximate must be none or tanh, found ", form);
  }
  return One(
      Gelu(call.input(0), form == "tanh" ? GeluForm::kTanh : GeluForm::kErf));
}

OnnxResult SoftplusRule(Call& call) { return One(Softplus(call.input(0))); }

// Up to opset 12 all axes from `axis` on are one.
template <Value (*function)(const Value&, int, SourceLocation)>
OnnxResult AlongAxis(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const bool together = call.opset() < 13;
  EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                            AxisOf(call, "axis", together ? 1 : -1, x));
  if (!together || axis == x.rank() - 1) {
    return One(function(x, axis, Here()));
  }
  return One(ReshapeLike(function(Flattened(x, axis), 1, Here()), x));
}

// `x` with `axis` moved to the end, and the inverse.
std::vector<int64_t> ToTheEnd(int rank, int axis) {
  std::vector<int64_t> permutation;
  for (int i = 0; i < rank; ++i) {
    if (i != axis) permutation.push_back(i);
  }
  permutation.push_back(axis);
  return permutation;
}
std::vector<int64_t> FromTheEnd(int rank, int axis) {
  std::vector<int64_t> permutation;
  for (int i = 0; i + 1 < rank; ++i) permutation.push_back(i);
  permutation.insert(permutation.begin() + axis, rank - 1);
  return permutation;
}

// 1 at the first largest element.
OnnxResult Hardmax(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const bool together = call.opset() < 13;
  EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                            AxisOf(call, "axis", together ? 1 : -1, x));
  const bool flatten = together && axis != x.rank() - 1;
  Value lines =
      flatten ? Flattened(x, axis) : Transpose(x, ToTheEnd(x.rank(), axis));
  if (!lines.valid()) return One(lines);
  const Dimension classes = lines.shape()[lines.rank() - 1];
  if (!classes.is_integer()) {
    return Call::Unsupported("Hardmax along an axis without a number");
  }
  lines = OneHot(ArgMax(lines), classes.size(), x.dtype());
  return One(flatten ? ReshapeLike(lines, x)
                     : Transpose(lines, FromTheEnd(x.rank(), axis)));
}

constexpr OnnxImport kRules[] = {
    {"Celu", 12, CeluRule},
    {"Elu", 6, EluRule},
    {"Gelu", 20, GeluRule},
    {"HardSigmoid", 6, HardSigmoidRule},
    {"HardSwish", 14, Unary<HardSwish>},
    {"Hardmax", 1, Hardmax},
    {"LeakyRelu", 6, LeakyReluRule},
    {"LogSoftmax", 1, AlongAxis<LogSoftmax>},
    {"Mish", 18, Unary<Mish>},
    {"PRelu", 6, PreluRule},
    {"Relu", 1, Unary<Relu>},
    {"Selu", 6, SeluRule},
    {"Shrink", 9, Shrink},
    {"Sigmoid", 1, Unary<Sigmoid>},
    {"Softmax", 1, AlongAxis<Softmax>},
    {"Softplus", 1, SoftplusRule},
    {"Softsign", 1, Unary<Softsign>},
    {"Tanh", 1, Unary<Tanh>},
    {"ThresholdedRelu", 10, ThresholdedRelu},
};

}  // namespace

std::span<const OnnxImport> OnnxActivationImports() { return kRules; }

}  // namespace evengrad
