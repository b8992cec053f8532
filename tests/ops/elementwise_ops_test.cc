// Elementwise ops: type rules, messages, derivatives at kinks, simplify rules,
// numbers as operands. Values and gradients elsewhere are the op table's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {
namespace {

using Unary = std::function<Value(const Value&)>;
using Binary = std::function<Value(const Value&, const Value&)>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The graph's error without the file and line before it.
std::string Error(const Graph& graph) {
  const std::string text(Message(graph.status()));
  const size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

std::string TypeOf(const Value& value) { return value.type().ToString(); }

// The node's replacement; an invalid value where it is left alone.
Value Simplified(const Value& value) {
  const RewriteFunction& rule = value.node().op().simplify;
  const std::vector<Value> values =
      rule ? rule(value.node()) : std::vector<Value>();
  return values.empty() ? Value() : values[0];
}

std::string_view OpName(const Value& value) {
  return value.valid() ? value.node().op().name : "no value";
}

std::vector<double> Evaluate(const Graph& graph, const Value& value,
                             const std::vector<ReferenceFeed>& feeds) {
  auto results = RunReference(graph, std::vector<Value>{value}, feeds);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? (*results)[0].values : std::vector<double>();
}

ReferenceTensor Numbers(const std::vector<double>& values) {
  return {DType::kF64, {static_cast<int64_t>(values.size())}, values};
}

// op'(x), element by element.
std::vector<double> Derivative(const Unary& op, const std::vector<double>& x) {
  Graph graph;
  const Value input = Placeholder(graph, "x", F64({"n"}));
  const Value output = op(input);
  const Value ones = BroadcastLike(Constant(graph, 1.0, DType::kF64), output);
  auto gradients =
      Gradients(output, std::vector<Value>{input},
                {.output_gradient = ones, .zeros_for_unreached = true});
  EXPECT_TRUE(gradients.ok()) << gradients.status();
  if (!gradients.ok()) return {};
  return Evaluate(graph, (*gradients)[0], {{input, Numbers(x)}});
}

std::vector<double> Apply(const Unary& op, const std::vector<double>& x) {
  Graph graph;
  const Value input = Placeholder(graph, "x", F64({"n"}));
  return Evaluate(graph, op(input), {{input, Numbers(x)}});
}

// d sum(op(a, b)) / d a and / d b for scalars.
std::pair<double, double> Partials(const Binary& op, double a, double b) {
  Graph graph;
  const Value x = Placeholder(graph, "a", F64({}));
  const Value y = Placeholder(graph, "b", F64({}));
  auto gradients = Gradients(op(x, y), std::vector<Value>{x, y});
  EXPECT_TRUE(gradients.ok()) << gradients.status();
  if (!gradients.ok()) return {kNaN, kNaN};
  const std::vector<ReferenceFeed> feeds = {{x, {DType::kF64, {}, {a}}},
                                            {y, {DType::kF64, {}, {b}}}};
  return {Evaluate(graph, (*gradients)[0], feeds)[0],
          Evaluate(graph, (*gradients)[1], feeds)[0]};
}

using Doubles = std::vector<double>;
using Pair = std::pair<double, double>;

// ---- Types ------------------------------------------------------------------

TEST(ElementwiseTypesTest, BinaryOpsBroadcastNamedAndUnknownDimensions) {
  Graph graph;
  const Value rows = Placeholder(graph, "rows", F32({"batch", 4}));
  const Value bias = Placeholder(graph, "bias", F32({4}));
  const Value column = Placeholder(graph, "column", F32({"batch", 1}));
  const Value open = Placeholder(graph, "open", F32({Dimension::Unknown(), 1}));
  EXPECT_EQ(TypeOf(rows + bias), "f32[batch,4]");
  EXPECT_EQ(TypeOf(bias * column), "f32[batch,4]");
  EXPECT_EQ(TypeOf(open / rows), "f32[batch,4]");
  EXPECT_EQ(TypeOf(open - bias), "f32[?,4]");
  EXPECT_EQ(TypeOf(Power(rows, 2)), "f32[batch,4]");
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

TEST(ElementwiseTypesTest, ComparisonsAndLogicGiveBool) {
  Graph graph;
  const Value x = Placeholder(graph, "x", I32({3, 1}));
  const Value y = Placeholder(graph, "y", I32({2}));
  const Value less = Less(x, y);
  EXPECT_EQ(TypeOf(less), "bool[3,2]");
  EXPECT_EQ(TypeOf(LogicalAnd(less, Equal(x, 0))), "bool[3,2]");
  EXPECT_EQ(TypeOf(LogicalOr(less, LogicalNot(less))), "bool[3,2]");
  EXPECT_EQ(TypeOf(NotEqual(less, less)), "bool[3,2]");
  EXPECT_EQ(TypeOf(Select(less, x, y)), "i32[3,2]");
  EXPECT_EQ(TypeOf(Cast(less, DType::kBF16)), "bf16[3,2]");
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

TEST(ElementwiseTypesTest, EveryElementTypeOfItsKindIsTaken) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", {dtype, {2}});
    for (const Value& y :
         {Selu(x),     Elu(x),      Relu(x),     LeakyRelu(x),   Tanh(x),
          Sigmoid(x),  Exp(x),      Expm1(x),    Log(x),         Log1p(x),
          Sqrt(x),     Rsqrt(x),    Erf(x),      Floor(x),       x / x,
          Power(x, x), Relu6(x),    Celu(x),     Gelu(x),        Silu(x),
          Mish(x),     Softplus(x), Softsign(x), HardSigmoid(x), HardSwish(x),
          HardTanh(x)}) {
      EXPECT_EQ(y.dtype(), dtype);
    }
    EXPECT_TRUE(graph.status().ok()) << graph.status();
  }
  for (DType dtype : {DType::kF64, DType::kI32, DType::kI64}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", {dtype, {2}});
    for (const Value& y : {x + x, x - x, x * x, -x, Abs(x), Sign(x), Square(x),
                           Maximum(x, 1), Minimum(1, x), Clamp(x, 0, 6)}) {
      EXPECT_EQ(y.dtype(), dtype);
    }
    EXPECT_TRUE(graph.status().ok()) << graph.status();
  }
}

// ---- Errors -----------------------------------------------------------------

// The message of the first error in a graph with some placeholders.
struct Inputs {
  Value f32, f32_wide, i32, u8, flag;
};
std::string ErrorOf(const std::function<Value(const Inputs&)>& call) {
  Graph graph;
  const Inputs inputs = {
      Placeholder(graph, "x", F32({2, 3})),
      Placeholder(graph, "wide", F32({4})), Placeholder(graph, "i", I32({4})),
      Placeholder(graph, "u", U8({4})), Placeholder(graph, "flag", Bool({4}))};
  EXPECT_FALSE(call(inputs).valid());
  return Error(graph);
}

TEST(ElementwiseErrorsTest, NameTheLineOfTheCall) {
  Graph graph;
  const Value x = Placeholder(graph, "x", I32({4}));
  const int line = __LINE__ + 1;
  Selu(x);
  EXPECT_EQ(Message(graph.status()),
            StrCat("elementwise_ops_test.cc:", line,
                   ": selu: input must be floating (f32, f64 or bf16), found "
                   "i32[4]"));
}

TEST(ElementwiseErrorsTest, OperatorsNameTheirLine) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const Value y = Placeholder(graph, "y", F32({3}));
  const int line = __LINE__ + 1;
  const Value sum = 2 * x + y;
  EXPECT_FALSE(sum.valid());
  EXPECT_EQ(Message(graph.status()),
            StrCat("elementwise_ops_test.cc:", line,
                   ": add: shapes [4] and [3] do not broadcast: 4 against 3 in "
                   "dimension 0 of the result"));
}

TEST(ElementwiseErrorsTest, ElementTypes) {
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.f32_wide + in.i32; }),
            "add: element types differ: a f32[4], b i32[4]; cast one of them");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.u8 - in.u8; }),
            "subtract: a must be a signed number (f32, f64, bf16, i32 or i64), "
            "found u8[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return -in.flag; }),
            "negate: input must be a signed number (f32, f64, bf16, i32 or "
            "i64), found bool[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.i32 / in.i32; }),
            "divide: a must be floating (f32, f64 or bf16), found i32[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Power(in.f32, in.i32); }),
            "power: exponent must be floating (f32, f64 or bf16), found "
            "i32[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Less(in.flag, in.flag); }),
            "less: a must be a number (f32, f64, bf16, i32, i64 or u8), found "
            "bool[4]");
  EXPECT_EQ(
      ErrorOf([](const Inputs& in) { return LogicalAnd(in.flag, in.i32); }),
      "logical_and: b must be bool, found i32[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) {
              return Select(in.i32, in.f32_wide, in.f32_wide);
            }),
            "select: condition must be bool, found i32[4]");
  EXPECT_EQ(ErrorOf([](const Inputs& in) {
              return Select(in.flag, in.i32, in.f32_wide);
            }),
            "select: element types differ: if_true i32[4], if_false f32[4]; "
            "cast one of them");
  EXPECT_EQ(
      ErrorOf([](const Inputs& in) { return Cast(in.i32, DType::kOpaque); }),
      "cast: opaque values cannot be cast: input i32[4] to opaque");
}

TEST(ElementwiseErrorsTest, Shapes) {
  EXPECT_EQ(
      ErrorOf([](const Inputs& in) { return Maximum(in.f32, in.f32_wide); }),
      "maximum: shapes [2,3] and [4] do not broadcast: 3 against 4 in "
      "dimension 1 of the result");
  EXPECT_EQ(
      ErrorOf([](const Inputs& in) { return Select(in.flag, in.f32, 0); }),
      "select: shapes [4] and [2,3] do not broadcast: 4 against 3 in "
      "dimension 1 of the result");
}

TEST(ElementwiseErrorsTest, Attributes) {
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Elu(in.f32, -0.5); }),
            "elu: attribute alpha = -0.5 is out of range: expected a number "
            "of at least 0 and at most 1e+06");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return LeakyRelu(in.f32, kNaN); }),
            "leaky_relu: attribute slope = nan is out of range: expected a "
            "number of at least -1e+06 and at most 1e+06");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Clamp(in.f32, 3, 1); }),
            "clamp: minimum 3 is larger than maximum 1");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Clamp(in.f32, kNaN, 1); }),
            "clamp: attribute minimum = nan is out of range: expected a "
            "number");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Clamp(in.i32, 0, 2.5); }),
            "clamp: the bound 2.5 is not a whole number, as the bounds of "
            "input i32[4] must be");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Celu(in.f32, 0); }),
            "celu: attribute alpha = 0 is out of range: expected a number of "
            "at least 1e-06 and at most 1e+06");
  EXPECT_EQ(ErrorOf([](const Inputs& in) {
              return AddNode(GeluOp(), {in.f32}, {{"form", "tan"}},
                             {.location = Here()})
                  .output();
            }),
            "gelu: attribute form = 'tan' is not one of erf, tanh; did you "
            "mean 'tanh'?");
}

// ---- Numbers as operands ----------------------------------------------------

TEST(OperandTest, ANumberTakesTheTypeOfTheOtherInput) {
  Graph graph;
  const Value x = Placeholder(graph, "x", BF16({4}));
  const Value product = 0.1 * x;
  EXPECT_EQ(TypeOf(product.node().input(0)), "bf16[]");
  EXPECT_EQ(ScalarConstant(product.node().input(0)), 0.10009765625);
  const Value sum = Cast(x, DType::kI64) + 7;
  EXPECT_EQ(TypeOf(sum), "i64[4]");
  EXPECT_EQ(ScalarConstant(sum.node().input(1)), 7);
  EXPECT_EQ(sum.node().input(1).node().location().line,
            sum.node().location().line);
}

TEST(OperandTest, ANumberThatIsNoneOfThatTypeIsAnError) {
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.i32 * 0.5; }),
            "the number 0.5 is no i32, the element type of the other input "
            "i32[4]; cast that input first");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Maximum(in.u8, -1); }),
            "the number -1 is no u8, the element type of the other input "
            "u8[4]; cast that input first");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.f32 + 1e300; }),
            "the number 1e+300 is no f32, the element type of the other input "
            "f32[2,3]; cast that input first");
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  EXPECT_TRUE(Minimum(x, kInfinity).valid());
  EXPECT_TRUE((x * kNaN).valid());
}

TEST(OperandTest, WithoutAGraphNothingIsMade) {
  EXPECT_FALSE((Operand(1) + Operand(2)).valid());
  EXPECT_FALSE((Value() * Value()).valid());
  EXPECT_FALSE((2 * Value()).valid());
  EXPECT_FALSE((-Operand(2)).valid());
  EXPECT_FALSE(Select(Value(), 1, 2).valid());
  EXPECT_FALSE(Selu(Value()).valid());
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return in.f32 + Value(); }),
            "add: input 1 is an empty value, made by no op");
  EXPECT_EQ(ErrorOf([](const Inputs& in) { return Select(in.flag, 1, 0); }),
            "select: if_true and if_false are both numbers, which have no "
            "element type; make one a Constant");
}

TEST(OperandTest, AfterAnErrorCallsStayQuiet) {
  EXPECT_EQ(ErrorOf([](const Inputs& in) {
              return Select(Less(1 + 2 * Selu(in.i32), 3), in.f32, 0.5);
            }),
            "selu: input must be floating (f32, f64 or bf16), found i32[4]");
}

// ---- Derivatives at kinks (as PyTorch has them) -----------------------------

TEST(KinksTest, Activations) {
  const auto leaky = [](double slope) {
    return [slope](const Value& x) { return LeakyRelu(x, slope); };
  };
  EXPECT_EQ(Derivative([](const Value& x) { return Relu(x); }, {-1, 0, 1}),
            (Doubles{0, 0, 1}));
  EXPECT_EQ(Derivative(leaky(0.25), {-1, 0, 1}), (Doubles{0.25, 0.25, 1}));
  EXPECT_EQ(Derivative(leaky(-0.5), {-1, 0, 1}), (Doubles{-0.5, -0.5, 1}));
  EXPECT_EQ(Derivative([](const Value& x) { return Elu(x, 2); }, {0, 1}),
            (Doubles{2, 1}));
  EXPECT_EQ(Derivative([](const Value& x) { return Selu(x); }, {0, 1}),
            (Doubles{1.0507009873554804934 * 1.6732632423543772848,
                     1.0507009873554804934}));
  EXPECT_EQ(Derivative([](const Value& x) { return Celu(x, 2); }, {0, 1}),
            (Doubles{1, 1}));
}

TEST(KinksTest, PiecewiseLinearActivations) {
  EXPECT_EQ(
      Derivative([](const Value& x) { return Relu6(x); }, {-1, 0, 3, 6, 7}),
      (Doubles{0, 0, 1, 0, 0}));
  EXPECT_EQ(
      Derivative([](const Value& x) { return HardTanh(x); }, {-2, -1, 0, 1, 2}),
      (Doubles{0, 0, 1, 0, 0}));
  EXPECT_EQ(Derivative([](const Value& x) { return HardSigmoid(x, 0.25); },
                       {-3, -2, 0, 2, 3}),
            (Doubles{0, 0, 0.25, 0, 0}));
  EXPECT_EQ(Derivative([](const Value& x) { return HardSwish(x); },
                       {-4, -3, 0, 3, 4}),
            (Doubles{0, -0.5, 0.5, 1.5, 1}));
}

TEST(KinksTest, UnaryArithmetic) {
  EXPECT_EQ(Derivative([](const Value& x) { return Abs(x); }, {-2, 0, 2}),
            (Doubles{-1, 0, 1}));
  EXPECT_EQ(Derivative([](const Value& x) { return Clamp(x, -1, 1); },
                       {-2, -1, 0, 1, 2}),
            (Doubles{0, 1, 1, 1, 0}));
  EXPECT_EQ(Derivative([](const Value& x) { return Sign(x); }, {-2, 0, 2}),
            (Doubles{0, 0, 0}));
  EXPECT_EQ(Derivative([](const Value& x) { return Floor(x); }, {-2, 0.5}),
            (Doubles{0, 0}));
}

TEST(KinksTest, MaximumAndMinimumShareATie) {
  const Binary maximum = [](const Value& a, const Value& b) {
    return Maximum(a, b);
  };
  const Binary minimum = [](const Value& a, const Value& b) {
    return Minimum(a, b);
  };
  EXPECT_EQ(Partials(maximum, 2, 2), (Pair{0.5, 0.5}));
  EXPECT_EQ(Partials(maximum, 1, 2), (Pair{0, 1}));
  EXPECT_EQ(Partials(minimum, 2, 2), (Pair{0.5, 0.5}));
  EXPECT_EQ(Partials(minimum, 1, 2), (Pair{1, 0}));
}

TEST(KinksTest, PowerAtBaseAndExponentZero) {
  const Binary power = [](const Value& a, const Value& b) {
    return Power(a, b);
  };
  EXPECT_EQ(Partials(power, 0, 2), (Pair{0, 0}));
  EXPECT_EQ(Partials(power, 0, 0), (Pair{0, 0}));
  EXPECT_EQ(Partials(power, 0, 1), (Pair{1, 0}));
  EXPECT_EQ(Partials(power, 3, 0), (Pair{0, std::log(3.0)}));
  EXPECT_TRUE(std::isnan(Partials(power, -2, 3).second));
  EXPECT_EQ(Partials(power, -2, 3).first, 12);
  // A constant exponent has no gradient and leaves no log of a negative base.
  EXPECT_EQ(Derivative([](const Value& x) { return Power(x, 3); }, {-2, 0}),
            (Doubles{12, 0}));
  EXPECT_EQ(Derivative([](const Value& x) { return Power(x, 0); }, {-2, 0}),
            (Doubles{0, 0}));
}

TEST(KinksTest, SelectMasksTheBranchNotTaken) {
  EXPECT_EQ(
      Derivative(
          [](const Value& x) { return Select(Greater(x, 1), x * x, 3 * x); },
          {0, 1, 2}),
      (Doubles{3, 3, 4}));
}

// ---- No gradient ------------------------------------------------------------

TEST(NoGradientTest, StopGradientCutsAndIntegersCarryNone) {
  EXPECT_EQ(Derivative([](const Value& x) { return x * StopGradient(x); }, {3}),
            (Doubles{3}));
  EXPECT_EQ(Derivative(
                [](const Value& x) {
                  return x * Cast(Cast(x, DType::kI32), DType::kF64);
                },
                {3.5}),
            (Doubles{3}));
  EXPECT_EQ(Derivative(
                [](const Value& x) {
                  return Cast(Cast(x, DType::kF32), DType::kF64) * 2;
                },
                {3.5}),
            (Doubles{2}));
}

// ---- Broadcast gradients ----------------------------------------------------

TEST(BroadcastGradientTest, SumsOnlyWhereShapesDiffer) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n", 2}));
  const Value bias = Placeholder(graph, "bias", F64({2}));
  EXPECT_EQ(Unbroadcast(x, x), x);
  EXPECT_EQ(TypeOf(Unbroadcast(x, bias)), "f64[2]");
  // Two unknown sizes may differ, one of them being 1.
  const Value open = Placeholder(graph, "open", F64({Dimension::Unknown()}));
  const Value twin = Placeholder(graph, "twin", F64({Dimension::Unknown()}));
  EXPECT_EQ(&Unbroadcast(open + twin, open).node().op(), &SumToLikeOp());

  auto gradients = Gradients(ReduceSum(x * bias), std::vector<Value>{bias});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  EXPECT_EQ(Evaluate(graph, (*gradients)[0],
                     {{x, {DType::kF64, {3, 2}, {1, 2, 3, 4, 5, 6}}},
                      {bias, Numbers({7, 8})}}),
            (Doubles{9, 12}));
}

// ---- Values at the edges of their domain ------------------------------------

TEST(ElementwiseReferenceTest, NaNPassesThrough) {
  const std::vector<Unary> ops = {
      [](const Value& x) { return Relu(x); },
      [](const Value& x) { return Relu6(x); },
      [](const Value& x) { return HardTanh(x); },
      [](const Value& x) { return HardSigmoid(x); },
      [](const Value& x) { return HardSwish(x); },
      [](const Value& x) { return Clamp(x, -1, 1); },
      [](const Value& x) { return Sign(x); },
      [](const Value& x) { return Maximum(x, 0); },
      [](const Value& x) { return Minimum(0, x); },
      [](const Value& x) { return Mish(x); },
      [](const Value& x) { return Softplus(x); },
      [](const Value& x) { return Selu(x); },
      [](const Value& x) { return LeakyRelu(x, 0); }};
  for (size_t i = 0; i < ops.size(); ++i) {
    const Doubles y = Apply(ops[i], {kNaN});
    ASSERT_EQ(y.size(), 1u) << i;
    EXPECT_TRUE(std::isnan(y[0])) << i;
  }
}

TEST(ElementwiseReferenceTest, KnownValues) {
  EXPECT_EQ(Apply([](const Value& x) { return HardSwish(x); }, {-3, 0, 1, 4}),
            (Doubles{0, 0, 4.0 / 6, 4}));
  EXPECT_EQ(Apply([](const Value& x) { return Softplus(x); }, {1000, -1000}),
            (Doubles{1000, 0}));
  const Doubles gelu = Apply([](const Value& x) { return Gelu(x); }, {1, -1});
  EXPECT_NEAR(gelu[0], 0.8413447460685429, 1e-15);
  EXPECT_NEAR(gelu[1], -0.15865525393145707, 1e-15);
  const Doubles tanh_form =
      Apply([](const Value& x) { return Gelu(x, GeluForm::kTanh); }, {1, -1});
  EXPECT_NEAR(tanh_form[0], 0.8411919906082768, 1e-15);
  EXPECT_NEAR(tanh_form[1], -0.15880800939172324, 1e-15);
  EXPECT_EQ(
      Apply([](const Value& x) { return Cast(x, DType::kU8); }, {-3, 2.9, 300}),
      (Doubles{0, 2, 255}));
  EXPECT_EQ(
      Apply([](const Value& x) { return Cast(x, DType::kBool); }, {0, 0.5, -2}),
      (Doubles{0, 1, 1}));
}

// ---- Simplify ---------------------------------------------------------------

class SimplifyTest : public testing::Test {
 protected:
  Graph graph;
  Value x = Placeholder(graph, "x", F32({2, 3}));
  Value y = Placeholder(graph, "y", F32({2, 3}));
  Value whole = Placeholder(graph, "whole", I32({2}));
  // A constant with one element that gives its reader another shape.
  Value Wide(float number) {
    return Constant(graph, *Tensor::Of<float>({1, 1, 1}, {number}));
  }
};

TEST_F(SimplifyTest, NeutralNumbers) {
  EXPECT_EQ(Simplified(x * 1), x);
  EXPECT_EQ(Simplified(1 * x), x);
  EXPECT_EQ(Simplified(x / 1), x);
  EXPECT_EQ(Simplified(x - 0), x);
  EXPECT_EQ(Simplified(x + -0.0), x);
  EXPECT_EQ(Simplified(whole + 0), whole);
  EXPECT_EQ(Simplified(Power(x, 1)), x);
  EXPECT_EQ(Simplified(-(-x)), x);
  EXPECT_EQ(Simplified(LogicalNot(LogicalNot(Less(x, y)))).node().op().name,
            "less");
}

TEST_F(SimplifyTest, WhatWouldChangeABitIsLeftAlone) {
  EXPECT_FALSE(Simplified(x + 0).valid());     // -0 + 0 is 0
  EXPECT_FALSE(Simplified(x - -0.0).valid());  // -0 - -0 is 0
  EXPECT_FALSE(Simplified(x * 0).valid());     // infinity * 0 is NaN
  EXPECT_FALSE(Simplified(x / x).valid());
  EXPECT_FALSE(Simplified(1 - x).valid());
  EXPECT_FALSE(Simplified(1 / x).valid());
}

TEST_F(SimplifyTest, ABroadcastIsKept) {
  EXPECT_FALSE(Simplified(x * Wide(1)).valid());
  EXPECT_FALSE(Simplified(x / Wide(1)).valid());
  EXPECT_FALSE(Simplified(x - Wide(0)).valid());
  EXPECT_FALSE(Simplified(Wide(-0.0f) + x).valid());
  EXPECT_FALSE(Simplified(Power(x, Wide(1))).valid());
  EXPECT_FALSE(Simplified(x * Wide(-1)).valid());
  const Value yes = Constant(graph, 1, DType::kBool);
  EXPECT_FALSE(Simplified(Select(yes, Wide(2), x)).valid());
  const Value open = Placeholder(graph, "open", F32({Dimension::Unknown()}));
  const Value twin = Placeholder(graph, "twin", F32({Dimension::Unknown()}));
  EXPECT_FALSE(Simplified(Select(yes, open, twin)).valid());
}

TEST_F(SimplifyTest, SignsMoveIntoSums) {
  const Value difference = Simplified(x + -y);
  ASSERT_EQ(OpName(difference), "subtract");
  EXPECT_EQ(difference.node().input(0), x);
  EXPECT_EQ(difference.node().input(1), y);
  const Value turned = Simplified(-x + y);
  ASSERT_EQ(OpName(turned), "subtract");
  EXPECT_EQ(turned.node().input(0), y);
  EXPECT_EQ(OpName(Simplified(x - -y)), "add");
  EXPECT_EQ(OpName(Simplified(-1 * x)), "negate");
  EXPECT_EQ(OpName(Simplified(Power(x, 2))), "square");
}

TEST_F(SimplifyTest, ConstantConditionsAndCasts) {
  const Value yes = Constant(graph, 1, DType::kBool);
  const Value no = Constant(graph, 0, DType::kBool);
  EXPECT_EQ(Simplified(Select(yes, x, y)), x);
  EXPECT_EQ(Simplified(Select(no, x, y)), y);
  EXPECT_EQ(Simplified(StopGradient(x)), x);
  EXPECT_EQ(Simplified(Cast(x, DType::kF32)), x);
  EXPECT_EQ(Simplified(Cast(Cast(x, DType::kF64), DType::kF32)), x);
  EXPECT_EQ(Simplified(Cast(Cast(whole, DType::kF64), DType::kI32)), whole);
  EXPECT_FALSE(Simplified(Cast(Cast(x, DType::kBF16), DType::kF32)).valid());
  EXPECT_FALSE(Simplified(Cast(Cast(whole, DType::kF32), DType::kI32)).valid());
  EXPECT_FALSE(Simplified(Cast(Cast(x, DType::kF64), DType::kBF16)).valid());
}

// ---- Hints ------------------------------------------------------------------

TEST(ElementwiseHintsTest, SayWhichInitializerSuits) {
  for (const OpDef* op : {&TanhOp(), &SigmoidOp(), &SoftsignOp(), &HardTanhOp(),
                          &HardSigmoidOp()}) {
    EXPECT_EQ(op->initializer_hint, InitializerHint::kGlorot) << op->name;
  }
  for (const OpDef* op :
       {&ReluOp(), &LeakyReluOp(), &EluOp(), &Relu6Op(), &CeluOp(), &GeluOp(),
        &SiluOp(), &MishOp(), &SoftplusOp(), &HardSwishOp()}) {
    EXPECT_EQ(op->initializer_hint, InitializerHint::kHe) << op->name;
  }
  EXPECT_EQ(SeluOp().initializer_hint, InitializerHint::kLeCun);
  EXPECT_EQ(AddOp().hint_flow, HintFlow::kPass);
  EXPECT_EQ(MultiplyOp().hint_flow, HintFlow::kStop);
}

}  // namespace
}  // namespace evengrad
