// Passes, from text to text (formats/graph_text.h).
#include "evengrad/runtime/passes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

std::string Text(std::string_view statements) {
  return StrCat("evengrad 1\nprogram training {\n", statements, "}\n");
}

// What `pass` makes of the statements of a program. A pass that says that
// nothing changed must leave the text alone.
std::string After(absl::StatusOr<bool> (*pass)(Program&),
                  std::string_view statements) {
  absl::StatusOr<Program> program = ParseProgram(Text(statements));
  if (!program.ok()) return std::string(Message(program.status()));
  const absl::StatusOr<bool> changed = pass(*program);
  if (!changed.ok()) return std::string(Message(changed.status()));
  const std::string text = PrintProgram(*program);
  EXPECT_TRUE(*changed || text == Text(statements)) << text;
  return text;
}

absl::StatusOr<bool> Narrow(Program& program) {
  EVENGRAD_RETURN_IF_ERROR(NarrowPass(program).status());
  return true;
}

TEST(NarrowPassTest, ProductsOfF32MatricesAreMadeOfBF16Ones) {
  EXPECT_EQ(After(Narrow, R"(  %x: f32[3,4] = placeholder()
  %d: f64[2,2] = placeholder()
  %y: f32[3,3] = matmul(%x, %x, transpose_weights=true) loc("model.cc":7)
  %z: f64[2,2] = matmul(%d, %d)
  return y=%y, z=%z
)"),
            Text(R"(  %x: f32[3,4] = placeholder()
  %d: f64[2,2] = placeholder()
  %y/cast: bf16[3,4] = cast(%x) loc("model.cc":7)
  %y/cast_1: bf16[3,4] = cast(%x) loc("model.cc":7)
  %y: f32[3,3] = matmul(%y/cast, %y/cast_1, output_f32=true, transpose_weights=true) loc("model.cc":7)
  %z: f64[2,2] = matmul(%d, %d)
  return y=%y, z=%z
)"));
}

TEST(NarrowPassTest, OthersKeepTheirNames) {
  EXPECT_EQ(After(Narrow, R"(  %x: f32[2,2] = placeholder()
  %y: f32[2,2] = matmul(%x, %x)
  %y/cast: f32[2,2] = placeholder()
  %y/cast_1: f32[2,2] = matmul(%y, %y/cast)
  return z=%y/cast_1
)"),
            Text(R"(  %x: f32[2,2] = placeholder()
  %y/cast_2: bf16[2,2] = cast(%x)
  %y/cast_3: bf16[2,2] = cast(%x)
  %y: f32[2,2] = matmul(%y/cast_2, %y/cast_3, output_f32=true)
  %y/cast: f32[2,2] = placeholder()
  %y/cast_1/cast: bf16[2,2] = cast(%y)
  %y/cast_1/cast_1: bf16[2,2] = cast(%y/cast)
  %y/cast_1: f32[2,2] = matmul(%y/cast_1/cast, %y/cast_1/cast_1, output_f32=true)
  return z=%y/cast_1
)"));
}

// The copy of a state is read by both products, and updated with it.
TEST(NarrowPassTest, StatesHaveCopies) {
  EXPECT_EQ(After(Narrow, R"(  %x: f32[2,2] = placeholder()
  %w: f32[2,2] = state()
  %v: f32[2,2] = state()
  %w/bf16: f32[] = placeholder()
  %y: f32[2,2] = matmul(%x, %w)
  %z: f32[2,2] = matmul(%w, %v)
  %new: f32[2,2] = add(%w, %y)
  return z=%z, other=%w/bf16
  update %w = %new
)"),
            Text(R"(  %x: f32[2,2] = placeholder()
  %w: f32[2,2] = state()
  %v: f32[2,2] = state()
  %w/bf16: f32[] = placeholder()
  %y/cast: bf16[2,2] = cast(%x)
  %w/bf16_1: bf16[2,2] = state()
  %y: f32[2,2] = matmul(%y/cast, %w/bf16_1, output_f32=true)
  %v/bf16: bf16[2,2] = state()
  %z: f32[2,2] = matmul(%w/bf16_1, %v/bf16, output_f32=true)
  %new: f32[2,2] = add(%w, %y)
  %w/bf16_1/cast: bf16[2,2] = cast(%new)
  return z=%z, other=%w/bf16
  update %w = %new
  update %w/bf16_1 = %w/bf16_1/cast
)"));
}

TEST(FoldPassTest, WhatDependsOnConstantsAloneIsComputed) {
  EXPECT_EQ(After(FoldPass, R"(  %x: f32[2] = placeholder()
  %a: f32[2] = constant(value={1, 2})
  %b: f32[2] = constant(value={0.5, 4})
  %sum: f32[2] = add(%a, %b) loc("model.cc":7)
  %root: f32[2] = square(%sum)
  %y: f32[2] = multiply(%x, %root)
  return y=%y
)"),
            Text(R"(  %x: f32[2] = placeholder()
  %a: f32[2] = constant(value={1, 2})
  %b: f32[2] = constant(value={0.5, 4})
  %sum: f32[2] = constant(value={1.5, 6}) loc("model.cc":7)
  %root: f32[2] = constant(value={2.25, 36})
  %y: f32[2] = multiply(%x, %root)
  return y=%y
)"));
}

TEST(FoldPassTest, NamesMayBeThoseOfConstants) {
  EXPECT_EQ(After(FoldPass, R"(  %a: f32[] = constant(value={1})
  %constant: f32[] = add(%a, %a)
  return y=%constant
)"),
            Text(R"(  %a: f32[] = constant(value={1})
  %constant: f32[] = constant(value={2})
  return y=%constant
)"));
}

TEST(FoldPassTest, OthersAreLeftAlone) {
  for (const char* statements :
       {R"(  %x: f32[2] = placeholder()
  %y: f32[2] = exp(%x)
  return y=%y
)",
        // A large tensor of one number is better made by a loop.
        R"(  %a: f32[] = constant(value={3})
  %y: f32[100,100] = broadcast_to(%a)
  return y=%y
)",
        // Kernels wrap around where doubles go on.
        R"(  %a: i32[] = constant(value={2000000000})
  %y: i32[] = add(%a, %a)
  return y=%y
)",
        // Random numbers differ from run to run.
        R"(  %y: f32[2] = random_uniform(stream=7)
  return y=%y
)"}) {
    EXPECT_EQ(After(FoldPass, statements), Text(statements));
  }
}

TEST(SharePassTest, EqualNodesAreMerged) {
  EXPECT_EQ(After(SharePass, R"(  %x: f32[4] = placeholder()
  %a: f32[4] = tanh(%x) loc("model.cc":1)
  %b: f32[4] = tanh(%x) loc("model.cc":2)
  %y: f32[4] = add(%a, %b)
  return y=%y, b=%b
)"),
            Text(R"(  %x: f32[4] = placeholder()
  %a: f32[4] = tanh(%x) loc("model.cc":1)
  %y: f32[4] = add(%a, %a)
  return y=%y, b=%a
)"));
}

TEST(SharePassTest, WhatFollowsMergedNodesIsMergedToo) {
  EXPECT_EQ(After(SharePass, R"(  %x: f32[4] = placeholder()
  %a: f32[4] = exp(%x)
  %b: f32[4] = exp(%x)
  %c: f32[4] = leaky_relu(%a, slope=0.5)
  %d: f32[4] = leaky_relu(%b, slope=0.5)
  %e: f32[4] = leaky_relu(%b, slope=0.25)
  return c=%c, d=%d, e=%e
)"),
            Text(R"(  %x: f32[4] = placeholder()
  %a: f32[4] = exp(%x)
  %c: f32[4] = leaky_relu(%a, slope=0.5)
  %e: f32[4] = leaky_relu(%a, slope=0.25)
  return c=%c, d=%c, e=%e
)"));
}

// Sources that are fed or kept, random numbers, and zeros of either sign.
TEST(SharePassTest, NodesThatOnlyLookEqualStayApart) {
  const std::string_view statements = R"(  %x: f32[] = placeholder()
  %y: f32[] = placeholder()
  %a: f32[] = state()
  %b: f32[] = state()
  %u: f32[] = random_uniform(stream=7)
  %v: f32[] = random_uniform(stream=7)
  %zero: f32[] = constant(value={0})
  %negative: f32[] = constant(value={-0})
  %p: f32[] = leaky_relu(%x, slope=0)
  %n: f32[] = leaky_relu(%x, slope=-0)
  return p=%p, n=%n
)";
  EXPECT_EQ(After(SharePass, statements), Text(statements));
}

TEST(PrunePassTest, WhatNobodyNeedsGoes) {
  EXPECT_EQ(After(PrunePass, R"(  %x: f32[4] = placeholder()
  %unread: f32[4] = exp(%x)
  %w: f32[4] = state()
  %unused: f32[4] = state()
  %next: f32[4] = add(%w, %x)
  %seen: f32[4] = tanh(%x)
  return x=%x
  update %w = %next
  observe seen(%seen) every 10
)"),
            Text(R"(  %x: f32[4] = placeholder()
  %w: f32[4] = state()
  %next: f32[4] = add(%w, %x)
  %seen: f32[4] = tanh(%x)
  return x=%x
  update %w = %next
  observe seen(%seen) every 10
)"));
}

TEST(PrunePassTest, ANeededProgramStays) {
  const std::string_view statements = R"(  %x: f32[4] = placeholder()
  %y: f32[4] = exp(%x)
  return y=%y
)";
  EXPECT_EQ(After(PrunePass, statements), Text(statements));
}

TEST(SimplifyPassTest, AppliesTheRulesOfOps) {
  EXPECT_EQ(After(SimplifyPass, R"(  %x: f32[4] = placeholder()
  %wide: f64[4] = cast(%x)
  %back: f32[4] = cast(%wide)
  %y: f32[4] = tanh(%back)
  return y=%y
)"),
            Text(R"(  %x: f32[4] = placeholder()
  %wide: f64[4] = cast(%x)
  %back: f32[4] = cast(%wide)
  %y: f32[4] = tanh(%x)
  return y=%y
)"));
}

}  // namespace
}  // namespace evengrad
