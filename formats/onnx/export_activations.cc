// How activations are written.
#include <cmath>
#include <numbers>

#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;

// Of a composed activation: its input, and arithmetic with numbers of its type.
class Formula {
 public:
  Formula(Writer& writer, const Node& node)
      : writer_(writer),
        x_(writer.Name(node.input(0))),
        dtype_(node.output_type().dtype) {}

  const std::string& x() const { return x_; }
  std::string Number(double value) { return writer_.Scalar(value, dtype_); }
  std::string Do(std::string_view op, const std::string& a) {
    return writer_.Add(op, {a});
  }
  std::string Do(std::string_view op, const std::string& a,
                 const std::string& b) {
    return writer_.Add(op, {a, b});
  }
  std::string Times(double factor, const std::string& a) {
    return Do("Mul", a, Number(factor));
  }

 private:
  Writer& writer_;
  std::string x_;
  DType dtype_;
};

OnnxNames WriteAlpha(Writer& writer, const Node& node, std::string_view op,
                     std::string_view attribute) {
  return OneName(writer.Add(op, {writer.Name(node.input(0))},
                            {{"alpha", node.attribute<double>(attribute)}}));
}
OnnxNames WriteElu(Writer& writer, const Node& node) {
  return WriteAlpha(writer, node, "Elu", "alpha");
}
OnnxNames WriteCelu(Writer& writer, const Node& node) {
  if (node.output_type().dtype == DType::kF32) {
    return WriteAlpha(writer, node, "Celu", "alpha");
  }
  // ONNX has it in f32 only: alpha * elu(x / alpha) where x < 0.
  const double alpha = node.attribute<double>("alpha");
  Formula f(writer, node);
  return OneName(f.Times(alpha, f.Do("Elu", f.Times(1 / alpha, f.x()))));
}
OnnxNames WriteLeakyRelu(Writer& writer, const Node& node) {
  return WriteAlpha(writer, node, "LeakyRelu", "slope");
}
OnnxNames WriteHardSigmoid(Writer& writer, const Node& node) {
  return WriteAlpha(writer, node, "HardSigmoid", "slope");
}

OnnxNames WriteRelu6(Writer& writer, const Node& node) {
  Formula f(writer, node);
  return OneName(writer.Add("Clip", {f.x(), f.Number(0), f.Number(6)}));
}

OnnxNames WriteHardTanh(Writer& writer, const Node& node) {
  Formula f(writer, node);
  return OneName(writer.Add("Clip", {f.x(), f.Number(-1), f.Number(1)}));
}

OnnxNames WriteSilu(Writer& writer, const Node& node) {
  Formula f(writer, node);
  return OneName(f.Do("Mul", f.x(), f.Do("Sigmoid", f.x())));
}

OnnxNames WriteMish(Writer& writer, const Node& node) {
  Formula f(writer, node);
  return OneName(f.Do("Mul", f.x(), f.Do("Tanh", f.Do("Softplus", f.x()))));
}

// x / 2 * (1 + erf(x / sqrt(2))), or with
// tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for erf.
OnnxNames WriteGelu(Writer& writer, const Node& node) {
  Formula f(writer, node);
  std::string bent;
  if (node.attribute<std::string>("form") == "erf") {
    bent = f.Do("Erf", f.Times(1 / std::numbers::sqrt2, f.x()));
  } else {
    const std::string cube = f.Do("Mul", f.Do("Mul", f.x(), f.x()), f.x());
    const std::string inner = f.Do("Add", f.x(), f.Times(0.044715, cube));
    bent = f.Do("Tanh", f.Times(std::sqrt(2 / std::numbers::pi), inner));
  }
  const std::string sum = f.Do("Add", bent, f.Number(1));
  return OneName(f.Do("Mul", f.Times(0.5, f.x()), sum));
}

OnnxNames WriteSoftplus(Writer& writer, const Node& node) {
  Formula f(writer, node);
  const double beta = node.attribute<double>("beta");
  if (beta == 1) return OneName(f.Do("Softplus", f.x()));
  return OneName(f.Times(1 / beta, f.Do("Softplus", f.Times(beta, f.x()))));
}

// There the slope broadcasts to the input, and not the other way round.
OnnxNames WritePrelu(Writer& writer, const Node& node) {
  std::string x = writer.Name(node.input(0));
  const Shape& shape = node.output_type().shape;
  if (!(node.input(0).shape() == shape)) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::string sizes, writer.Sizes(shape));
    x = writer.Add("Expand", {x, sizes});
  }
  return OneName(writer.Add("PRelu", {x, writer.Name(node.input(1))}));
}

OnnxNames WriteAlongAxis(Writer& writer, const Node& node,
                         std::string_view op) {
  return OneName(writer.Add(op, {writer.Name(node.input(0))},
                            {{"axis", node.attribute<int64_t>("axis")}}));
}
OnnxNames WriteSoftmax(Writer& writer, const Node& node) {
  return WriteAlongAxis(writer, node, "Softmax");
}
OnnxNames WriteLogSoftmax(Writer& writer, const Node& node) {
  return WriteAlongAxis(writer, node, "LogSoftmax");
}

// The loss of each example; what backward reads is not written.
OnnxNames WriteCrossEntropy(Writer& writer, const Node& node) {
  return OneName(
      writer.Add("SoftmaxCrossEntropyLoss",
                 {writer.Name(node.input(0)), writer.Name(node.input(1))},
                 {{"reduction", std::string("none")}}));
}

constexpr OnnxExport kRules[] = {
    {CeluOp, {}, WriteCelu},
    {EluOp, {}, WriteElu},
    {GeluOp, {}, WriteGelu},
    {HardSigmoidOp, {}, WriteHardSigmoid},
    {HardSwishOp, "HardSwish"},
    {HardTanhOp, {}, WriteHardTanh},
    {LeakyReluOp, {}, WriteLeakyRelu},
    {LogSoftmaxOp, {}, WriteLogSoftmax},
    {MishOp, {}, WriteMish},
    {PreluOp, {}, WritePrelu},
    {Relu6Op, {}, WriteRelu6},
    {ReluOp, "Relu"},
    {SeluOp, "Selu"},
    {SigmoidOp, "Sigmoid"},
    {SiluOp, {}, WriteSilu},
    {SoftmaxOp, {}, WriteSoftmax},
    {SoftplusOp, {}, WriteSoftplus},
    {SoftsignOp, "Softsign"},
    {SparseSoftmaxCrossEntropyOp, {}, WriteCrossEntropy},
    {TanhOp, "Tanh"},
};

}  // namespace

std::span<const OnnxExport> OnnxActivationExports() { return kRules; }

}  // namespace evengrad
