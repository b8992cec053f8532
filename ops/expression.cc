#include "evengrad/ops/expression.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace evengrad {
namespace {

struct PrimitiveInfo {
  std::string_view name;
  int num_inputs;
};

// In the order of the enumerators.
constexpr PrimitiveInfo kPrimitives[] = {
    {"immediate", 0}, {"negate", 1},       {"abs", 1},        {"sign", 1},
    {"sqrt", 1},      {"exp", 1},          {"expm1", 1},      {"log", 1},
    {"log1p", 1},     {"tanh", 1},         {"erf", 1},        {"floor", 1},
    {"not", 1},       {"truncate", 1},     {"add", 2},        {"subtract", 2},
    {"multiply", 2},  {"divide", 2},       {"maximum", 2},    {"minimum", 2},
    {"power", 2},     {"less", 2},         {"less_equal", 2}, {"equal", 2},
    {"not_equal", 2}, {"multiply_add", 3}, {"select", 3},
};
static_assert(std::size(kPrimitives) ==
              static_cast<size_t>(Primitive::kSelect) + 1);

double Extremum(double a, double b, bool maximum) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return maximum ? std::max(a, b) : std::min(a, b);
}

double EvaluateUnary(Primitive primitive, double x) {
  switch (primitive) {
    case Primitive::kNegate:
      return -x;
    case Primitive::kAbs:
      return std::abs(x);
    case Primitive::kSign:
      return std::isnan(x) ? x : (x > 0) - (x < 0);
    case Primitive::kSqrt:
      return std::sqrt(x);
    case Primitive::kExp:
      return std::exp(x);
    case Primitive::kExpm1:
      return std::expm1(x);
    case Primitive::kLog:
      return std::log(x);
    case Primitive::kLog1p:
      return std::log1p(x);
    case Primitive::kTanh:
      return std::tanh(x);
    case Primitive::kErf:
      return std::erf(x);
    case Primitive::kFloor:
      return std::floor(x);
    case Primitive::kNot:
      return x == 0;
    default:
      return std::trunc(x);
  }
}

double EvaluateBinary(Primitive primitive, double a, double b) {
  switch (primitive) {
    case Primitive::kAdd:
      return a + b;
    case Primitive::kSubtract:
      return a - b;
    case Primitive::kMultiply:
      return a * b;
    case Primitive::kDivide:
      return a / b;
    case Primitive::kMaximum:
      return Extremum(a, b, true);
    case Primitive::kMinimum:
      return Extremum(a, b, false);
    case Primitive::kPower:
      return std::pow(a, b);
    case Primitive::kLess:
      return a < b;
    case Primitive::kLessEqual:
      return a <= b;
    case Primitive::kEqual:
      return a == b;
    default:
      return a != b;
  }
}

// What a primitive gives for numbers, which need no instruction.
double Evaluate(Primitive primitive, std::span<const double> x) {
  switch (x.size()) {
    case 1:
      return EvaluateUnary(primitive, x[0]);
    case 2:
      return EvaluateBinary(primitive, x[0], x[1]);
    default:
      if (primitive == Primitive::kMultiplyAdd) return x[0] * x[1] + x[2];
      return x[0] != 0 ? x[1] : x[2];
  }
}

// Unlike ==, tells 0.0 from -0.0 and finds equal NaNs.
bool SameInstruction(const Instruction& a, const Instruction& b) {
  return a.primitive == b.primitive && std::ranges::equal(a.inputs, b.inputs) &&
         std::bit_cast<uint64_t>(a.immediate) ==
             std::bit_cast<uint64_t>(b.immediate);
}

}  // namespace

int NumInputs(Primitive primitive) {
  return kPrimitives[static_cast<int>(primitive)].num_inputs;
}

std::string_view Name(Primitive primitive) {
  return kPrimitives[static_cast<int>(primitive)].name;
}

int ElementwiseProgram::Append(const Instruction& instruction) {
  const auto it = std::find_if(
      instructions.begin(), instructions.end(),
      [&](const Instruction& i) { return SameInstruction(i, instruction); });
  const int result = num_inputs + static_cast<int>(it - instructions.begin());
  if (it == instructions.end()) instructions.push_back(instruction);
  return result;
}

std::vector<int> ElementwiseProgram::Inline(const ElementwiseProgram& other,
                                            std::span<const int> arguments) {
  std::vector<int> registers(arguments.begin(), arguments.end());
  for (Instruction instruction : other.instructions) {
    for (int& input : instruction.inputs) {
      if (input >= 0) input = registers[input];
    }
    registers.push_back(Append(instruction));
  }
  std::vector<int> results;
  for (int output : other.outputs) results.push_back(registers[output]);
  return results;
}

// Reaches inside expressions.
class ElementwiseTracer {
 public:
  // The register of `expression` in `program`; a number becomes an immediate.
  static int RegisterOf(ElementwiseProgram& program,
                        const Expression& expression) {
    if (expression.program_ != nullptr) return expression.register_;
    return program.Append({.primitive = Primitive::kImmediate,
                           .immediate = expression.immediate_});
  }
};

Expression Apply(Primitive primitive, std::span<const Expression> inputs) {
  ElementwiseProgram* program = nullptr;
  for (const Expression& input : inputs) {
    if (program == nullptr) program = input.program_;
  }
  if (program == nullptr) {
    double numbers[3] = {};
    for (size_t i = 0; i < inputs.size(); ++i) {
      numbers[i] = inputs[i].immediate_;
    }
    return Evaluate(primitive, {numbers, inputs.size()});
  }
  Instruction instruction{.primitive = primitive};
  for (size_t i = 0; i < inputs.size(); ++i) {
    instruction.inputs[i] = ElementwiseTracer::RegisterOf(*program, inputs[i]);
  }
  return Expression(program, program->Append(instruction));
}

namespace {

Expression Apply(Primitive primitive, const Expression& x) {
  return Apply(primitive, std::span<const Expression>(&x, 1));
}

Expression Apply(Primitive primitive, const Expression& a,
                 const Expression& b) {
  const Expression inputs[] = {a, b};
  return Apply(primitive, std::span<const Expression>(inputs));
}

Expression Apply(Primitive primitive, const Expression& a, const Expression& b,
                 const Expression& c) {
  const Expression inputs[] = {a, b, c};
  return Apply(primitive, std::span<const Expression>(inputs));
}

}  // namespace

Expression operator-(Expression x) { return Apply(Primitive::kNegate, x); }
Expression operator+(Expression a, Expression b) {
  return Apply(Primitive::kAdd, a, b);
}
Expression operator-(Expression a, Expression b) {
  return Apply(Primitive::kSubtract, a, b);
}
Expression operator*(Expression a, Expression b) {
  return Apply(Primitive::kMultiply, a, b);
}
Expression operator/(Expression a, Expression b) {
  return Apply(Primitive::kDivide, a, b);
}
Expression operator<(Expression a, Expression b) {
  return Apply(Primitive::kLess, a, b);
}
Expression operator<=(Expression a, Expression b) {
  return Apply(Primitive::kLessEqual, a, b);
}
Expression operator>(Expression a, Expression b) {
  return Apply(Primitive::kLess, b, a);
}
Expression operator>=(Expression a, Expression b) {
  return Apply(Primitive::kLessEqual, b, a);
}
Expression operator==(Expression a, Expression b) {
  return Apply(Primitive::kEqual, a, b);
}
Expression operator!=(Expression a, Expression b) {
  return Apply(Primitive::kNotEqual, a, b);
}
Expression Abs(Expression x) { return Apply(Primitive::kAbs, x); }
Expression Sign(Expression x) { return Apply(Primitive::kSign, x); }
Expression Sqrt(Expression x) { return Apply(Primitive::kSqrt, x); }
Expression Exp(Expression x) { return Apply(Primitive::kExp, x); }
Expression Expm1(Expression x) { return Apply(Primitive::kExpm1, x); }
Expression Log(Expression x) { return Apply(Primitive::kLog, x); }
Expression Log1p(Expression x) { return Apply(Primitive::kLog1p, x); }
Expression Tanh(Expression x) { return Apply(Primitive::kTanh, x); }
Expression Erf(Expression x) { return Apply(Primitive::kErf, x); }
Expression Floor(Expression x) { return Apply(Primitive::kFloor, x); }
Expression Truncate(Expression x) { return Apply(Primitive::kTruncate, x); }
Expression Not(Expression x) { return Apply(Primitive::kNot, x); }
Expression Maximum(Expression a, Expression b) {
  return Apply(Primitive::kMaximum, a, b);
}
Expression Minimum(Expression a, Expression b) {
  return Apply(Primitive::kMinimum, a, b);
}
Expression Power(Expression a, Expression b) {
  return Apply(Primitive::kPower, a, b);
}
Expression MultiplyAdd(Expression a, Expression b, Expression c) {
  return Apply(Primitive::kMultiplyAdd, a, b, c);
}
Expression Select(Expression condition, Expression if_true,
                  Expression if_false) {
  return Apply(Primitive::kSelect, condition, if_true, if_false);
}

namespace {

// Every step reads inputs and steps before it: an op's function may have asked
// for an input that there is not.
bool ReadsWhatIsThere(const ElementwiseProgram& program) {
  int known = program.num_inputs;
  for (const Instruction& instruction : program.instructions) {
    for (int input : instruction.inputs) {
      if (input >= known) return false;
    }
    ++known;
  }
  return std::ranges::all_of(program.outputs,
                             [&](int output) { return output < known; });
}

}  // namespace

ElementwiseProgram TraceElementwise(const OpDef& op, int num_inputs,
                                    const Attributes& attributes) {
  ElementwiseProgram program{.num_inputs = num_inputs};
  const Expression result =
      op.elementwise(ElementwiseContext(&program, attributes));
  program.outputs.push_back(ElementwiseTracer::RegisterOf(program, result));
  if (ReadsWhatIsThere(program)) return program;
  ElementwiseProgram nothing{.num_inputs = num_inputs};
  nothing.outputs.push_back(
      nothing.Append({.primitive = Primitive::kImmediate,
                      .immediate = std::numeric_limits<double>::quiet_NaN()}));
  return nothing;
}

DType ComputeType(std::span<const DType> types) {
  bool any_integer = false;
  bool all_whole = true;
  for (DType type : types) {
    if (type == DType::kF64) return DType::kF64;
    any_integer |= IsInteger(type);
    all_whole &= IsInteger(type) || type == DType::kBool;
  }
  return any_integer && all_whole ? DType::kI64 : DType::kF32;
}

}  // namespace evengrad
