// Instructions that run as one pass, and outputs that lie where inputs lie.
#include "evengrad/ops/joined_primitives.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "evengrad/graph/tensor.h"
#include "evengrad/ops/elementwise_kernel.h"

namespace evengrad {
namespace {

ElementwiseProgram Trace(int num_inputs,
                         Expression (*formula)(const ElementwiseContext&)) {
  OpDef op;
  op.elementwise = formula;
  return TraceElementwise(op, num_inputs, {});
}

std::vector<JoinedPrimitive> Joined(const ElementwiseProgram& program,
                                    DType dtype = DType::kF32) {
  std::vector<JoinedPrimitive> kinds;
  for (const ElementwisePass& pass : PlanPasses(program, dtype)) {
    const bool immediate = pass.joined == JoinedPrimitive::kNone &&
                           pass.primitive == Primitive::kImmediate;
    if (!immediate) kinds.push_back(pass.joined);
  }
  return kinds;
}

Expression Update(const ElementwiseContext& c) {
  return c.input(0) - c.input(1) * c.input(2);
}
Expression ScaledElu(const ElementwiseContext& c) {
  const Expression x = c.input(0);
  return Select(x > 0.0, 1.05 * x, 1.75 * Expm1(x));
}
Expression ReluGradient(const ElementwiseContext& c) {
  return Select(c.input(0) > 0.0, c.input(1), 0.0);
}
Expression TwoReaders(const ElementwiseContext& c) {
  const Expression product = c.input(0) * c.input(1);
  return (product + c.input(2)) * product;
}
Expression AtOne(const ElementwiseContext& c) {
  return Select(c.input(0) > 1.0, c.input(1), c.input(2));
}

TEST(JoinedPrimitivesTest, OnePassDoesTheWork) {
  using Kinds = std::vector<JoinedPrimitive>;
  EXPECT_EQ(Joined(Trace(3, Update)),
            Kinds{JoinedPrimitive::kNegativeMultiplyAdd});
  EXPECT_EQ(Joined(Trace(1, ScaledElu)), Kinds{JoinedPrimitive::kScaledElu});
  EXPECT_EQ(Joined(Trace(2, ReluGradient)),
            Kinds{JoinedPrimitive::kSelectPositive});
  // In f64 expm1 has a loop of its own.
  EXPECT_EQ(Joined(Trace(1, ScaledElu), DType::kF64).size(), 4u);
}

TEST(JoinedPrimitivesTest, WhatIsOnlyWatchedIsKeptBesideTheJoinedPass) {
  using Kinds = std::vector<JoinedPrimitive>;
  ElementwiseProgram program = Trace(3, Update);
  const int product = program.num_inputs;
  program.outputs.push_back(product);
  EXPECT_EQ(Joined(program),
            (Kinds{JoinedPrimitive::kNone, JoinedPrimitive::kNone}));
  program.only_watched = {false, true};
  EXPECT_EQ(Joined(program), (Kinds{JoinedPrimitive::kNone,
                                    JoinedPrimitive::kNegativeMultiplyAdd}));
  // All that a joined pass has absorbed, where a watched one needs it.
  ElementwiseProgram elu = Trace(1, ScaledElu);
  for (size_t i = 0; i < elu.instructions.size(); ++i) {
    if (elu.instructions[i].primitive != Primitive::kMultiply) continue;
    elu.outputs.push_back(elu.num_inputs + static_cast<int>(i));
  }
  elu.only_watched = {false, true, true};
  EXPECT_EQ(Joined(elu),
            (Kinds{JoinedPrimitive::kNone, JoinedPrimitive::kNone,
                   JoinedPrimitive::kNone, JoinedPrimitive::kScaledElu}));
}

TEST(JoinedPrimitivesTest, WhatWatchesJoinsNothing) {
  using Kinds = std::vector<JoinedPrimitive>;
  ElementwiseProgram program = Trace(3, Update);
  const int product = program.num_inputs;
  // product - its square
  const int square = program.Append(
      {.primitive = Primitive::kMultiply, .inputs = {product, product, -1}});
  program.outputs.push_back(program.Append(
      {.primitive = Primitive::kSubtract, .inputs = {product, square, -1}}));
  program.only_watched = {false, true};
  program.num_watching = 2;
  EXPECT_EQ(
      Joined(program),
      (Kinds{JoinedPrimitive::kNone, JoinedPrimitive::kNegativeMultiplyAdd,
             JoinedPrimitive::kNone, JoinedPrimitive::kNone}));
}

TEST(JoinedPrimitivesTest, WhatOthersReadIsKept) {
  EXPECT_EQ(Joined(Trace(3, TwoReaders)).size(), 3u);
  EXPECT_EQ(Joined(Trace(3, AtOne)).size(), 2u);
  EXPECT_EQ(Joined(Trace(3, Update), DType::kI64).size(), 2u);
  EXPECT_EQ(Joined(Trace(3, Update), DType::kF64).size(), 2u);
}

// Runs a loop of one-dimensional f32 inputs; output o lies at places[o].
void RunLoop(const ElementwiseProgram& program, int64_t n,
             std::vector<float*> buffers, std::vector<int> input_buffers,
             std::vector<int> output_buffers) {
  FusedLoop loop{.program = program, .shape = Shape{n}};
  for (int buffer : input_buffers) {
    loop.inputs.push_back(F32({n}));
    loop.input_buffers.push_back(buffer);
  }
  for (int buffer : output_buffers) {
    loop.outputs.push_back({.type = F32({n}), .buffer = buffer});
  }
  absl::StatusOr<std::unique_ptr<Kernel>> kernel =
      MakeFusedLoop(std::move(loop));
  ASSERT_TRUE(kernel.ok());
  const std::shared_ptr<std::byte> scratch =
      AllocateAligned(static_cast<int64_t>((*kernel)->scratch_bytes()) + 1);
  std::vector<void*> pointers(buffers.begin(), buffers.end());
  const KernelContext context = {.buffers = pointers.data(),
                                 .scratch = scratch.get()};
  for (int part = 0; part < (*kernel)->num_parts(); ++part) {
    (*kernel)->Run(part, context);
  }
}

TEST(JoinedPrimitivesTest, ScaledEluIsExactWhereItMatters) {
  std::vector<float> x = {-INFINITY, -1e30f, -100, -87.5f, -1,       -1e-20f,
                          -0.0f,     0,      1,    1e30f,  INFINITY, NAN};
  std::vector<float> y(x.size());
  RunLoop(Trace(1, ScaledElu), static_cast<int64_t>(x.size()),
          {x.data(), y.data()}, {0}, {1});
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = x[i] > 0 ? 1.05 * x[i] : 1.75 * std::expm1(x[i]);
    if (std::isnan(expected) || std::isinf(expected)) {
      EXPECT_EQ(std::isnan(y[i]), std::isnan(expected)) << x[i];
      EXPECT_EQ(std::isinf(y[i]), std::isinf(expected)) << x[i];
    } else {
      EXPECT_NEAR(y[i], expected, 3e-7 * std::abs(expected)) << x[i];
    }
  }
}

// The first output takes the memory of an input that the second one reads.
TEST(JoinedPrimitivesTest, AnOutputMayLieWhereALaterStepReads) {
  ElementwiseProgram program{.num_inputs = 3};
  const int sum =
      program.Append({.primitive = Primitive::kAdd, .inputs = {0, 1, -1}});
  const int difference = program.Append(
      {.primitive = Primitive::kSubtract, .inputs = {sum, 2, -1}});
  program.outputs = {sum, difference};
  constexpr int64_t kCount = 3000;
  for (const int first_output : {0, 1, 2, 3}) {
    std::vector<std::vector<float>> memory(5, std::vector<float>(kCount));
    for (int64_t i = 0; i < kCount; ++i) {
      for (int b = 0; b < 3; ++b) {
        memory[b][i] = static_cast<float>((i * (b + 3)) % 17);
      }
    }
    const std::vector<std::vector<float>> before = memory;
    std::vector<float*> buffers;
    for (std::vector<float>& buffer : memory) buffers.push_back(buffer.data());
    RunLoop(program, kCount, buffers, {0, 1, 2}, {first_output, 4});
    for (int64_t i = 0; i < kCount; ++i) {
      const float expected = before[0][i] + before[1][i];
      ASSERT_EQ(memory[first_output][i], expected) << i;
      ASSERT_EQ(memory[4][i], expected - before[2][i]) << i;
    }
  }
}

}  // namespace
}  // namespace evengrad
