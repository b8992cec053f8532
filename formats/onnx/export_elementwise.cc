// How arithmetic, comparisons and logic are written.
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;

OnnxNames WriteSquare(Writer& writer, const Node& node) {
  const std::string& x = writer.Name(node.input(0));
  return OneName(writer.Add("Mul", {x, x}));
}

OnnxNames WriteRsqrt(Writer& writer, const Node& node) {
  const std::string root = writer.Add("Sqrt", {writer.Name(node.input(0))});
  return OneName(writer.Add("Reciprocal", {root}));
}

OnnxNames WriteExpm1(Writer& writer, const Node& node) {
  const std::string power = writer.Add("Exp", {writer.Name(node.input(0))});
  return OneName(
      writer.Add("Sub", {power, writer.Scalar(1, node.output_type().dtype)}));
}

OnnxNames WriteLog1p(Writer& writer, const Node& node) {
  const std::string sum = writer.Add(
      "Add",
      {writer.Name(node.input(0)), writer.Scalar(1, node.output_type().dtype)});
  return OneName(writer.Add("Log", {sum}));
}

OnnxNames WriteNotEqual(Writer& writer, const Node& node) {
  const std::string equal = writer.Add(
      "Equal", {writer.Name(node.input(0)), writer.Name(node.input(1))});
  return OneName(writer.Add("Not", {equal}));
}

OnnxNames WriteClamp(Writer& writer, const Node& node) {
  const DType dtype = node.output_type().dtype;
  return OneName(writer.Add(
      "Clip", {writer.Name(node.input(0)),
               writer.Scalar(node.attribute<double>("minimum"), dtype),
               writer.Scalar(node.attribute<double>("maximum"), dtype)}));
}

// The element type in ONNX's count.
int64_t CodeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 1;
    case DType::kF64:
      return 11;
    case DType::kBF16:
      return 16;
    case DType::kI32:
      return 6;
    case DType::kI64:
      return 7;
    case DType::kU8:
      return 2;
    default:
      return 9;  // bool
  }
}

OnnxNames WriteCast(Writer& writer, const Node& node) {
  return OneName(writer.Add("Cast", {writer.Name(node.input(0))},
                            {{"to", CodeOf(node.output_type().dtype)}}));
}

OnnxNames WriteSame(Writer& writer, const Node& node) {
  return OneName(writer.Name(node.input(0)));
}

// Exported models infer.
OnnxNames WriteIsTraining(Writer& writer, const Node&) {
  return OneName(writer.Scalar(0, DType::kBool));
}

constexpr OnnxExport kRules[] = {
    {AbsOp, "Abs"},
    {AddOp, "Add"},
    {CastOp, {}, WriteCast},
    {ClampOp, {}, WriteClamp},
    {DivideOp, "Div"},
    {DropoutOp, {}, WriteSame},
    {EqualOp, "Equal"},
    {ErfOp, "Erf"},
    {ExpOp, "Exp"},
    {Expm1Op, {}, WriteExpm1},
    {FloorOp, "Floor"},
    {GreaterEqualOp, "GreaterOrEqual"},
    {GreaterOp, "Greater"},
    {IsTrainingOp, {}, WriteIsTraining},
    {LessEqualOp, "LessOrEqual"},
    {LessOp, "Less"},
    {Log1pOp, {}, WriteLog1p},
    {LogOp, "Log"},
    {LogicalAndOp, "And"},
    {LogicalNotOp, "Not"},
    {LogicalOrOp, "Or"},
    {MaximumOp, "Max"},
    {MinimumOp, "Min"},
    {MultiplyOp, "Mul"},
    {NegateOp, "Neg"},
    {NotEqualOp, {}, WriteNotEqual},
    {PowerOp, "Pow"},
    {RsqrtOp, {}, WriteRsqrt},
    {SelectOp, "Where"},
    {SignOp, "Sign"},
    {SqrtOp, "Sqrt"},
    {SquareOp, {}, WriteSquare},
    {StopGradientOp, {}, WriteSame},
    {SubtractOp, "Sub"},
};

}  // namespace

std::span<const OnnxExport> OnnxElementwiseExports() { return kRules; }

}  // namespace evengrad
