// Expressions over vector primitives: how an elementwise op says what it
// computes, once, for fusion and for every vector width.
//
//   Expression Elementwise(const ElementwiseContext& context) {
//     const Expression x = context.input(0);
//     return Select(x > 0.0, kScale * x, kScaleAlpha * Expm1(x));
//   }
//
// The expression is traced into an ElementwiseProgram, a list of instructions
// over registers, which the fused loop runs on blocks that stay in the L1
// cache. A traced program has no loops and no branches.
//
// Inside a program all registers have one compute type: f32, f64 or i64.
// Booleans are 1 and 0 of that type. Inputs are converted when loaded, outputs
// when stored.
#ifndef EVENGRAD_OPS_EXPRESSION_H_
#define EVENGRAD_OPS_EXPRESSION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/attributes.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"

namespace evengrad {

// The vector primitives. Comparisons give 1 or 0.
enum class Primitive : uint8_t {
  // No input: a number.
  kImmediate,
  // One input.
  kNegate,
  kAbs,
  kSign,
  kSqrt,
  kExp,
  kExpm1,
  kLog,
  kLog1p,
  kTanh,
  kErf,
  kFloor,
  kNot,  // x == 0
  kTruncate,
  // Two inputs.
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kMaximum,  // NaN when either is NaN
  kMinimum,
  kPower,
  kLess,
  kLessEqual,
  kEqual,
  kNotEqual,
  // Three inputs.
  kMultiplyAdd,  // a * b + c, with one rounding where the machine has it
  kSelect,       // a != 0 ? b : c
};

// Number of register inputs of a primitive, and its name, like "multiply_add".
EVENGRAD_EXPORT int NumInputs(Primitive primitive);
EVENGRAD_EXPORT std::string_view Name(Primitive primitive);

struct Instruction {
  Primitive primitive = Primitive::kImmediate;
  // Registers read; -1 where unused. The instruction at index i writes register
  // num_inputs + i of its program.
  int inputs[3] = {-1, -1, -1};
  double immediate = 0;  // of kImmediate
  friend bool operator==(const Instruction&, const Instruction&) = default;
};

// Straight-line code in single assignment. Registers 0 … num_inputs-1 hold the
// inputs, register num_inputs + i the result of instruction i.
struct EVENGRAD_EXPORT ElementwiseProgram {
  int num_inputs = 0;
  std::vector<Instruction> instructions = {};
  std::vector<int> outputs = {};  // registers
  // By output, where given: it is there to be looked at alone. Nothing else is
  // computed another way for it.
  std::vector<bool> only_watched = {};
  // So many of the last instructions serve such outputs alone.
  int num_watching = 0;

  // The register of a new instruction, or of an equal one that exists.
  int Append(const Instruction& instruction);
  // Appends the instructions of `other`, whose inputs are `arguments` here;
  // returns the registers of its outputs.
  std::vector<int> Inline(const ElementwiseProgram& other,
                          std::span<const int> arguments);
};

// A register of a program that is being traced. Arithmetic on expressions
// appends instructions. Both sides must belong to one program.
class EVENGRAD_EXPORT Expression {
 public:
  Expression(double value) : immediate_(value) {}  // NOLINT: `2.0 * x`
  Expression(ElementwiseProgram* program, int index)
      : program_(program), register_(index) {}

 private:
  friend class ElementwiseTracer;
  friend Expression Apply(Primitive primitive,
                          std::span<const Expression> inputs);
  ElementwiseProgram* program_ = nullptr;  // null: a number
  int register_ = -1;
  double immediate_ = 0;
};

EVENGRAD_EXPORT Expression operator-(Expression x);
EVENGRAD_EXPORT Expression operator+(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator-(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator*(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator/(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator<(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator<=(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator>(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator>=(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator==(Expression a, Expression b);
EVENGRAD_EXPORT Expression operator!=(Expression a, Expression b);
EVENGRAD_EXPORT Expression Abs(Expression x);
EVENGRAD_EXPORT Expression Sign(Expression x);  // 0 at 0
EVENGRAD_EXPORT Expression Sqrt(Expression x);
EVENGRAD_EXPORT Expression Exp(Expression x);
EVENGRAD_EXPORT Expression Expm1(Expression x);
EVENGRAD_EXPORT Expression Log(Expression x);
EVENGRAD_EXPORT Expression Log1p(Expression x);
EVENGRAD_EXPORT Expression Tanh(Expression x);
EVENGRAD_EXPORT Expression Erf(Expression x);
EVENGRAD_EXPORT Expression Floor(Expression x);
EVENGRAD_EXPORT Expression Truncate(Expression x);
EVENGRAD_EXPORT Expression Not(Expression x);
EVENGRAD_EXPORT Expression Maximum(Expression a, Expression b);
EVENGRAD_EXPORT Expression Minimum(Expression a, Expression b);
EVENGRAD_EXPORT Expression Power(Expression a, Expression b);
EVENGRAD_EXPORT Expression MultiplyAdd(Expression a, Expression b,
                                       Expression c);
EVENGRAD_EXPORT Expression Select(Expression condition, Expression if_true,
                                  Expression if_false);

// What OpDef::elementwise sees.
class EVENGRAD_EXPORT ElementwiseContext {
 public:
  ElementwiseContext(ElementwiseProgram* program, const Attributes& attributes)
      : program_(program), attributes_(attributes) {}
  Expression input(int i) const { return Expression(program_, i); }
  template <typename T>
  const T& attribute(std::string_view name) const {
    static const T* const missing = new T();
    auto it = attributes_.find(name);
    if (it == attributes_.end()) return *missing;
    const T* value = std::get_if<T>(&it->second);
    return value == nullptr ? *missing : *value;
  }

 private:
  ElementwiseProgram* program_;
  const Attributes& attributes_;
};

// The program of one elementwise op with `num_inputs` inputs.
// Requires op.elementwise.
EVENGRAD_EXPORT ElementwiseProgram
TraceElementwise(const OpDef& op, int num_inputs, const Attributes& attributes);

// The compute type of an elementwise op over values of these types: f64 when
// one is f64; i64 when all are integers (or integers and bool); else f32.
EVENGRAD_EXPORT DType ComputeType(std::span<const DType> types);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_EXPRESSION_H_
