// What the parser says about broken texts: one error, with the place.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/status.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/random_graph.h"
#include "tests/ops/op_cases.h"

namespace evengrad {
namespace {

// The message about `text`, or "" where it parses.
std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<Program> program = ParseProgram(text, {.file = "m.eg"});
  return program.ok() ? "" : std::string(Message(program.status()));
}

// The message about `nodes` in a graph; they begin in line 3.
std::string ErrorIn(std::string_view nodes) {
  return ErrorOf(StrCat("evengrad 1\ngraph {\n", nodes, "\n}\n"));
}
std::string ErrorInProgram(std::string_view statements) {
  return ErrorOf(StrCat("evengrad 1\nprogram training {\n",
                        "%x: f32[2] = placeholder()\n"
                        "%w: f32[2] = state() initialized %c\n"
                        "%c: f32[2] = constant(value={1, 2})\n",
                        statements, "\n}\n"));
}

TEST(GraphTextErrorsTest, HeaderAndVersion) {
  EXPECT_EQ(ErrorOf(""),
            "m.eg:1:1: expected 'evengrad 1' at the beginning, found the end "
            "of the text");
  EXPECT_EQ(ErrorOf("<html>"),
            "m.eg:1:1: expected 'evengrad 1' at the beginning, found '<'");
  EXPECT_EQ(ErrorOf("evengrad 2\ngraph {}"),
            "m.eg:1:10: the text has version 2, which is newer than this "
            "program; expected at most 1: update Evengrad");
  EXPECT_EQ(ErrorOf("evengrad 0\ngraph {}"),
            "m.eg:1:10: there is no version 0; expected 1 to 1");
  EXPECT_EQ(ErrorOf("evengrad 99999999999999999999 graph {}"),
            "m.eg:1:10: the version of the text does not fit 64 bits");
  EXPECT_EQ(ErrorOf("evengrad graph {}"),
            "m.eg:1:10: expected the version of the text (an integer), found "
            "'graph'");
  EXPECT_EQ(ErrorOf("evengrad 1\n  grahp {"),
            "m.eg:2:3: expected 'graph' or 'program', found 'grahp'; did you "
            "mean 'graph'?");
  EXPECT_EQ(ErrorOf("evengrad 1\nprogram trainig {"),
            "m.eg:2:9: expected the mode, 'training', 'inference' or "
            "'monte_carlo', found 'trainig'; did you mean 'training'?");
  EXPECT_EQ(ErrorOf("evengrad 1 graph {} graph {}"),
            "m.eg:1:21: expected the end of the text after '}', found 'graph'");
}

TEST(GraphTextErrorsTest, TruncatedTexts) {
  EXPECT_EQ(ErrorOf("evengrad 1\ngraph {\n  %x: f32[2] = placeholder()"),
            "m.eg:3:29: expected a node (%name: …) or '}', found the end of "
            "the text");
  EXPECT_EQ(ErrorOf("evengrad 1\ngraph {\n  %x: f32[2"),
            "m.eg:3:12: expected ']' or ',' after a size, found the end of the "
            "text");
  EXPECT_EQ(ErrorOf("evengrad 1\ngraph {\n  %\"x"),
            "m.eg:3:4: the string has no end: expected '\"'");
}

TEST(GraphTextErrorsTest, Names) {
  EXPECT_EQ(ErrorIn("%x: f32[2] = placeholder()\n  %x: f32[2] = relu(%x)"),
            "m.eg:4:4: %x is defined twice, first at m.eg:3:2");
  EXPECT_EQ(ErrorIn("%input: f32[2] = placeholder()\n"
                    "%y: f32[2] = add(%input, %inptu)"),
            "m.eg:4:26: %inptu is not defined; did you mean 'input'?");
  EXPECT_EQ(ErrorIn("%x: f32[2] = relu(%x)"), "m.eg:3:19: %x is not defined");
  EXPECT_EQ(ErrorIn("%a: f32[2] = relu(%b)\n%b: f32[2] = relu(%a)"),
            "m.eg:3:19: %b is defined below, at m.eg:4:1; a node reads only "
            "nodes above it");
  EXPECT_EQ(ErrorIn("%x: f32[2] = placeholder()\n%y: f32[2] = relu(%x:1)"),
            "m.eg:4:19: %x has 1 output(s), there is no :1");
  EXPECT_EQ(ErrorIn("%: f32[2] = placeholder()"),
            "m.eg:3:2: expected a node's name, found ':'");
  EXPECT_EQ(ErrorIn("%ü: f32[2] = placeholder()"),
            "m.eg:3:2: expected a node's name, found a character beyond ASCII "
            "(write it in a string)");
  EXPECT_EQ(ErrorIn("%\"a\nb\": f32[2] = placeholder()"),
            "m.eg:3:2: the string has no end in its line: expected '\"'");
  EXPECT_EQ(ErrorIn("%\"a\\q\": f32[2] = placeholder()"),
            "m.eg:3:4: expected one of the escapes \\\" \\\\ \\n \\t \\r and "
            "\\x with two hexadecimal digits");
}

TEST(GraphTextErrorsTest, OpsAndArguments) {
  const std::string x = "%x: f32[2,3] = placeholder()\n";
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = slu(%x)"),
            "m.eg:4:16: unknown op 'slu'; did you mean 'selu'?");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = selu(%x, %x)"),
            "m.eg:4:16: y: selu takes 1 input(s), 2 given");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = leaky_relu(%x, slop=1)"),
            "m.eg:4:31: op 'leaky_relu' has no attribute 'slop'; did you mean "
            "'slope'?");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = leaky_relu(%x, slope=1, slope=1)"),
            "m.eg:4:40: attribute slope is given twice");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = leaky_relu(%x, slope=steep)"),
            "m.eg:4:37: expected a number for slope, found 'steep'");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = leaky_relu(%x, slope=1e999)"),
            "m.eg:4:37: a number for slope '1e999' is out of range");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = leaky_relu(%x slope=1)"),
            "m.eg:4:30: expected ')' or ',' after an argument, found 'slope'");
  EXPECT_EQ(ErrorIn(x + "%y: f32[] = reduce_sum(%x, axes=[0,2])"),
            "m.eg:4:13: y: input f32[2,3]: axis 2 is out of range for rank 2");
  EXPECT_EQ(ErrorIn(x + "%y: f32[] = reduce_sum(%x, axes=[0,a])"),
            "m.eg:4:36: expected a list of integers for axes, found 'a'");
  EXPECT_EQ(ErrorIn(x + "%y: f32[] = reduce_sum(%x, keep_dimensions=1)"),
            "m.eg:4:44: expected a bool for keep_dimensions (true or false), "
            "found '1'");
  EXPECT_EQ(ErrorIn(x + "%y: f32[3,3] = matmul(%x, %x) loc(\"model.cc\":27)"),
            "m.eg:4:16: model.cc:27: y: inner dimensions differ: input "
            "f32[2,3] has 3 "
            "columns, weights f32[2,3] have 2 rows");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = relu(%x) loc(\"model.cc\":0)"),
            "m.eg:4:40: there is no line 0");
  EXPECT_EQ(ErrorIn(x + "%y: f32[2,3] = relu(%x) intialized %x"),
            "m.eg:4:25: expected a node (%name: …) or '}', found 'intialized'; "
            "did you mean 'initialized'?");
}

TEST(GraphTextErrorsTest, TypesThatLie) {
  const std::string x = "%x: f32[batch,3] = placeholder()\n";
  EXPECT_EQ(ErrorIn(x + "%y: f32[batch,4] = relu(%x)"),
            "m.eg:4:5: %y is declared as f32[batch,4], op 'relu' makes it "
            "f32[batch,3]");
  EXPECT_EQ(ErrorIn(x + "%y: f32[?,3] = relu(%x)"),
            "m.eg:4:5: %y is declared as f32[?,3], op 'relu' makes it "
            "f32[batch,3]");
  EXPECT_EQ(ErrorIn(x + "%y: f64[batch,3] = relu(%x)"),
            "m.eg:4:5: %y is declared as f64[batch,3], op 'relu' makes it "
            "f32[batch,3]");
  EXPECT_EQ(ErrorIn(x + "%y: f32[batch,3], f32[] = relu(%x)"),
            "m.eg:4:5: op 'relu' has 1 output(s), found 2 type(s)");
  EXPECT_EQ(ErrorIn("%x: f23[2] = placeholder()"),
            "m.eg:3:5: expected an element type, found 'f23'; did you mean "
            "'f32'?");
  EXPECT_EQ(ErrorIn("%c: f32[3] = constant(value={1, 2})"),
            "m.eg:3:29: a tensor of type f32[3] has 3 element(s), found 2");
  EXPECT_EQ(ErrorIn("%c: f32[n] = constant(value={1, 2})"),
            "m.eg:3:29: a tensor's sizes must be numbers: dimension n of [n] "
            "has no size yet");
  EXPECT_EQ(ErrorIn("%c: u8[1] = constant(value={256})"),
            "m.eg:3:29: an element (integer) '256' is out of range");
  EXPECT_EQ(ErrorIn("%c: i32[1] = constant(value={1.5})"),
            "m.eg:3:30: expected an element (integer), found '1.5'");
  EXPECT_EQ(ErrorIn("%c: f32[1] = constant(value={nan(0x1)})"),
            "m.eg:3:34: expected the 32 bits of a NaN, such as 0x7fc00001");
  EXPECT_EQ(ErrorIn("%c: f32[1] = constant(value={infinity})"),
            "m.eg:3:30: expected an element (number), found 'infinity'");
}

TEST(GraphTextErrorsTest, AbsurdDimensions) {
  EXPECT_EQ(ErrorIn("%x: f32[-1] = placeholder()"),
            "m.eg:3:9: a size cannot be negative");
  EXPECT_EQ(ErrorIn("%x: f32[9223372036854775808] = placeholder()"),
            "m.eg:3:9: a size does not fit 64 bits");
  EXPECT_EQ(ErrorIn("%x: f32[4611686018427387904,2] = placeholder()"),
            "m.eg:3:8: the number of elements of [4611686018427387904,2] "
            "overflows 64 bits");
  EXPECT_EQ(ErrorIn("%x: f32[1,1,1,1,1,1,1,1,1] = placeholder()"),
            "m.eg:3:8: a shape has at most 8 dimensions");
  EXPECT_EQ(ErrorIn("%x: f32[a-b] = placeholder()"),
            "m.eg:3:9: expected a dimension's name (letters, digits and _), "
            "found 'a-b'");
  EXPECT_EQ(ErrorIn("%x: f32[2.5] = placeholder()"),
            "m.eg:3:9: expected a size (an integer), found '2.5'");
  // A lie about a petabyte takes no memory.
  EXPECT_EQ(ErrorIn("%c: f32[281474976710656] = constant(value={1})"),
            "m.eg:3:43: a tensor of type f32[281474976710656] has "
            "281474976710656 element(s), found 1");
  EXPECT_EQ(ErrorIn("%x: f32[281474976710656] = placeholder()"), "");
}

TEST(GraphTextErrorsTest, TrainingUpdates) {
  const std::string c = "%c: f32[2] = constant(value={1, 2})\n";
  EXPECT_EQ(ErrorIn(c + "%w: f32[2] = state() initialized %c updated %d"),
            "m.eg:4:45: %d is not defined");
  EXPECT_EQ(ErrorIn(c + "%w: f32[2] = state() initialized %c updated %c "
                        "updated %c"),
            "m.eg:4:48: a state has one training update");
  EXPECT_EQ(ErrorIn(c + "%w: f32[2] = parameter() initialized %c updated %c"),
            "m.eg:4:49: w: only states have training updates, this is a "
            "parameter, which the optimizer updates");
}

TEST(GraphTextErrorsTest, InitialValues) {
  EXPECT_EQ(ErrorIn("%w: f32[2] = state() initialized %c"),
            "m.eg:3:34: %c is not defined");
  EXPECT_EQ(ErrorIn("%c: f32[2] = constant(value={1, 2})\n"
                    "%x: f32[2] = placeholder() initialized %c"),
            "m.eg:4:40: only states are initialized, %x is made by op "
            "'placeholder'");
  EXPECT_EQ(ErrorIn("%c: f32[1] = constant(value={1})\n"
                    "%w: f32[2] = state() initialized %c"),
            "m.eg:4:34: w: the state has type f32[2], its initializer c has "
            "type f32[1]");
  EXPECT_EQ(ErrorIn("%w: f32[2] = state() initialized %w"),
            "m.eg:3:34: the initial value of a state depends on the state "
            "itself");
  EXPECT_EQ(ErrorIn("%v: f32[2] = state() initialized %b\n"
                    "%w: f32[2] = state() initialized %a\n"
                    "%a: f32[2] = relu(%v)\n"
                    "%b: f32[2] = relu(%w)"),
            "m.eg:3:34: the initial value of a state depends on the state "
            "itself");
  EXPECT_EQ(ErrorIn("%v: f32[2] = state() initialized %w\n"
                    "%w: f32[2] = state() initialized %c\n"
                    "%c: f32[2] = constant(value={1, 2})"),
            "");
}

TEST(GraphTextErrorsTest, Results) {
  EXPECT_EQ(ErrorInProgram("return loss=%y"), "m.eg:6:13: %y is not defined");
  EXPECT_EQ(ErrorInProgram("return loss %x"),
            "m.eg:6:13: expected '=' after the result's name, found '%'");
  EXPECT_EQ(ErrorInProgram("retrun loss=%x"),
            "m.eg:6:1: expected a node (%name: …), return, update, observe, "
            "guard, non_finite or '}', found 'retrun'; did you mean 'return'?");
  EXPECT_EQ(ErrorInProgram("update %x = %c"),
            "m.eg:6:8: only states are updated, %x is made by op "
            "'placeholder'");
  EXPECT_EQ(ErrorInProgram("update %w = %x update %w = %x"),
            "m.eg:6:23: %w is updated twice");
  EXPECT_EQ(ErrorInProgram("%s: f32[] = reduce_sum(%x)\nupdate %w = %s"),
            "m.eg:7:13: the state %w has type f32[2], its new value has type "
            "f32[]");
  EXPECT_EQ(ErrorInProgram("guard loss = %x"),
            "m.eg:6:14: a guard's value is a floating scalar, %x has type "
            "f32[2]");
  EXPECT_EQ(
      ErrorInProgram("non_finite skip_stop"),
      "m.eg:6:12: expected error, skip_step or propagate, found 'skip_stop'; "
      "did you mean 'skip_step'?");
  EXPECT_EQ(ErrorInProgram("observe a(%x) every 0"),
            "m.eg:6:21: an observation is due every 0 steps; expected at least "
            "1");
  EXPECT_EQ(ErrorInProgram("observe a %x"),
            "m.eg:6:11: expected '(' after the observation's name, found '%'");
  EXPECT_EQ(ErrorOf("evengrad 1\ngraph {\n%x: f32[] = placeholder()\n"
                    "return x=%x\n}"),
            "m.eg:4:1: 'return' belongs to a program: expected 'program "
            "training' or 'program inference' instead of 'graph' at m.eg:2:1");
}

// Nothing nests, so nothing recurses: 1 GB of open brackets, wherever they
// stand, is an error at the first that does not belong there.
TEST(GraphTextErrorsTest, NestingOfAnyDepth) {
  const std::string open(kMaxGraphTextBytes - 1000, '[');
  EXPECT_EQ(ErrorOf(open),
            "m.eg:1:1: expected 'evengrad 1' at the beginning, found '['");
  EXPECT_EQ(ErrorOf("evengrad 1 graph {" + open),
            "m.eg:1:19: expected a node (%name: …) or '}', found '['");
  EXPECT_EQ(ErrorOf("evengrad 1 graph { %x: f32" + open),
            "m.eg:1:28: expected a size: an integer, a name or ?, found '['");
  EXPECT_EQ(ErrorOf(std::string(size_t{1} << 30, '{')),
            "m.eg: the text has 1073741824 bytes; at most 268435456 are read");
}

// Every prefix of a text is an error, and so is nearly every change of a byte;
// none is a crash.
TEST(GraphTextErrorsTest, BrokenTextsOfRandomPrograms) {
  testing::NumberSource numbers(7);
  int64_t broken = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const absl::StatusOr<Program> program =
        testing::RandomProgram(BuiltinOpCases(), seed);
    ASSERT_TRUE(program.ok()) << program.status();
    const std::string text = PrintProgram(*program);
    for (size_t i = 0; i < 200; ++i) {
      const auto place = static_cast<size_t>(
          numbers.Index(static_cast<int64_t>(text.size()) - 2));
      EXPECT_NE(ErrorOf(std::string_view(text).substr(0, place)), "") << text;
      std::string changed = text;
      switch (numbers.Index(3)) {
        case 0:
          changed[place] = static_cast<char>(numbers.Index(256));
          break;
        case 1:
          changed.erase(place, static_cast<size_t>(1 + numbers.Index(8)));
          break;
        default:
          changed.insert(place, changed.substr(place / 2, 12));
      }
      const std::string error = ErrorOf(changed);
      broken += !error.empty();
      EXPECT_TRUE(error.empty() || error.starts_with("m.eg:")) << error;
    }
  }
  EXPECT_GT(broken, 4000);
}

}  // namespace
}  // namespace evengrad
