// The gradient check is itself checked: every gradient of every built-in op is
// made wrong in several ways, and each time the check must report it.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string_view>
#include <vector>

#include "evengrad/graph/op_def.h"
#include "evengrad/ops/ops.h"
#include "evengrad/testing/check_gradient.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::OpSample;

// One wrong gradient of one input. Leaves values alone that it cannot change.
struct Mutation {
  std::string_view name;
  Value (*apply)(const Value& gradient);
};

Value Negated(const Value& gradient) { return Negate(gradient); }
Value Dropped(const Value&) { return Value(); }
Value Scaled(const Value& gradient) { return 1.01 * gradient; }
Value Halved(const Value& gradient) { return 0.5 * gradient; }
Value Stopped(const Value& gradient) {
  return Multiply(StopGradient(gradient), 0);
}
// In square matrices only.
Value Transposed(const Value& gradient) {
  const bool square =
      gradient.rank() == 2 && gradient.shape()[0] == gradient.shape()[1];
  return square ? Transpose(gradient) : gradient;
}

constexpr Mutation kMutations[] = {
    {"wrong sign", Negated}, {"dropped", Dropped}, {"1.01 times", Scaled},
    {"half", Halved},        {"zero", Stopped},    {"transposed", Transposed},
};

// Ops in which there is nothing to mutate, and why.
const std::map<std::string_view, std::string_view> kWithoutGradient = {
    {"sign", "constant but for a jump"},
    {"floor", "constant but for jumps"},
    {"less", "the output is bool"},
    {"less_equal", "the output is bool"},
    {"greater", "the output is bool"},
    {"greater_equal", "the output is bool"},
    {"equal", "the output is bool"},
    {"not_equal", "the output is bool"},
    {"logical_and", "the output is bool"},
    {"logical_or", "the output is bool"},
    {"logical_not", "the output is bool"},
    {"size_of", "depends on the type only"},
    {"arg_max", "the output is an index"},
    {"one_hot", "the input is an index"},
};

// A variadic op may have fewer inputs than names.
bool Reaches(const std::vector<Value>& gradients, int input) {
  return input < static_cast<int>(gradients.size()) && gradients[input].valid();
}

// `op` with the gradient of `input` mutated; tells whether that changed any.
OpDef Mutate(const OpDef& op, const Mutation& mutation, int input,
             bool& changed) {
  OpDef mutant = op;
  mutant.gradient = [&op, &mutation, input, &changed](
                        const Node& node,
                        std::span<const Value> output_gradients) {
    std::vector<Value> gradients = op.gradient(node, output_gradients);
    if (!Reaches(gradients, input)) return gradients;
    const Value before = gradients[input];
    gradients[input] = mutation.apply(before);
    changed = changed || !(gradients[input] == before);
    return gradients;
  };
  return mutant;
}

// Whether the op's gradient gives `input` anything for the f64 version of a
// sample.
bool HasGradient(const OpCase& row, int input) {
  bool found = false;
  OpDef spy = *row.op;
  spy.gradient = [&](const Node& node,
                     std::span<const Value> output_gradients) {
    std::vector<Value> gradients = row.op->gradient(node, output_gradients);
    found = found || Reaches(gradients, input);
    return gradients;
  };
  for (const OpSample& sample : row.samples) {
    if (!sample.large) (void)testing::CheckGradient(spy, sample);
  }
  return found;
}

bool IsCaught(const OpCase& row, const OpDef& mutant) {
  for (const OpSample& sample : row.samples) {
    if (!sample.large && !testing::CheckGradient(mutant, sample).ok()) {
      return true;
    }
  }
  return false;
}

// How many mutants of a row there are, and how many are caught.
struct Tally {
  int mutants = 0;
  int caught = 0;
};

void MutateEveryInput(const OpCase& row, Tally& tally) {
  for (size_t i = 0; i < row.op->inputs.size(); ++i) {
    const int input = static_cast<int>(i);
    if (!HasGradient(row, input)) continue;
    for (const Mutation& mutation : kMutations) {
      bool changed = false;
      const bool caught =
          IsCaught(row, Mutate(*row.op, mutation, input, changed));
      if (!changed) continue;  // a vector has no transpose
      ++tally.mutants;
      if (caught) {
        ++tally.caught;
      } else {
        ADD_FAILURE() << row.op->name << ": gradient of input " << input << " "
                      << mutation.name << " is not noticed";
      }
    }
  }
}

TEST(MutationsTest, EveryWrongGradientIsCaught) {
  Tally total;
  for (const OpCase& row : BuiltinOpCases()) {
    if (row.gradient != testing::GradientKind::kDerivative) continue;
    Tally tally;
    MutateEveryInput(row, tally);
    EXPECT_EQ(tally.mutants == 0, kWithoutGradient.contains(row.op->name))
        << row.op->name << " has " << tally.mutants << " mutants";
    total.mutants += tally.mutants;
    total.caught += tally.caught;
  }
  std::cout << total.caught << " of " << total.mutants << " mutants caught\n";
  EXPECT_GE(total.mutants, 300);
}

}  // namespace
}  // namespace evengrad
