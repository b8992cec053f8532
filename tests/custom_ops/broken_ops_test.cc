// The ops of examples/custom_op pass the checks, and when they are broken on
// purpose, in five ways each, CheckOp says so. The guide shows this table.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/testing/check_op.h"
#include "examples/custom_op/op_cases.h"

namespace my_ops {
namespace {

using eg::ElementwiseContext;
using eg::Expression;
using eg::KernelRequest;
using eg::Node;
using eg::OpDef;
using eg::StrCat;
using eg::Value;
using Gradients = std::span<const Value>;
using Values = std::vector<Value>;

// One way to break an op, and part of what CheckOp then says.
struct Breakage {
  std::string what;
  std::string finding;  // after the op's name
  std::function<void(OpDef&)> apply;
};

const std::vector<Breakage>& BreakagesOfPenalizedTanh() {
  static const auto* const breakages = new std::vector<Breakage>{
      {"it has the name `selu`", "definition: a built-in op has this name",
       [](OpDef& op) { op.name = "selu"; }},
      {"it has no gradient", "definition: no gradient, the row expects one",
       [](OpDef& op) { op.gradient = {}; }},
      {"the type rule takes integers too",
       "type rule: penalized_tanh i32[3,3]: accepted",
       [](OpDef& op) { op.infer_type = eg::SameAsInput; }},
      {"the expression has the sides exchanged",
       "kernels: penalized_tanh f32[3,3], unfused: output 0: element",
       [](OpDef& op) {
         op.elementwise = [](const ElementwiseContext& context) {
           const Expression t = Tanh(context.input(0));
           return Select(context.input(0) > 0.0,
                         context.attribute<double>("slope") * t, t);
         };
       }},
      {"the gradient leaves out the slope",
       "points: point 0, penalized_tanh f64[3]: reference: gradient of input 0",
       [](OpDef& op) {
         op.gradient = [](const Node& node, Gradients gradients) {
           return Values{gradients[0] * (1 - Square(Tanh(node.input(0))))};
         };
       }},
  };
  return *breakages;
}

// The kernel of `op`, of which only the parts that `runs` names run.
class PartialKernel final : public eg::Kernel {
 public:
  PartialKernel(std::unique_ptr<eg::Kernel> inner, bool (*runs)(int part))
      : inner_(std::move(inner)), runs_(runs) {}
  int num_parts() const override { return inner_->num_parts(); }
  size_t scratch_bytes() const override { return inner_->scratch_bytes(); }
  void Run(int part, const eg::KernelContext& context) const override {
    if (runs_(part)) inner_->Run(part, context);
  }

 private:
  std::unique_ptr<eg::Kernel> inner_;
  bool (*runs_)(int part);
};

const std::vector<Breakage>& BreakagesOfHadamard() {
  static const auto* const breakages = new std::vector<Breakage>{
      {"it has no reference",
       "definition: neither a reference nor a decomposition",
       [](OpDef& op) { op.reference = {}; }},
      {"the type rule wants sizes that are numbers",
       "type rule: hadamard f32[n3,n4]: ",
       [](OpDef& op) {
         op.infer_type =
             [](const eg::InferContext& context) -> eg::InferredTypes {
           EVENGRAD_RETURN_IF_ERROR(context.input(0).shape.Sizes().status());
           return HadamardOp().infer_type(context);
         };
       }},
      {"the type rule takes any size",
       "errors: no error for f32[4,6], expected \"power of two",
       [](OpDef& op) {
         op.infer_type =
             [](const eg::InferContext& context) -> eg::InferredTypes {
           eg::TensorType even = context.input(0);
           if (even.rank() > 0) even.shape[even.rank() - 1] = 4;
           const eg::InferContext other(context.op(), {&even, 1},
                                        context.attributes());
           EVENGRAD_RETURN_IF_ERROR(HadamardOp().infer_type(other).status());
           return std::vector<eg::TensorType>{context.input(0)};
         };
       }},
      {"the kernel leaves out the second part of its rows",
       "kernels: hadamard f32[512,256], unfused: output 0: element",
       [](OpDef& op) {
         op.make_kernel = [](const KernelRequest& request)
             -> absl::StatusOr<std::unique_ptr<eg::Kernel>> {
           EVENGRAD_ASSIGN_OR_RETURN(std::unique_ptr<eg::Kernel> kernel,
                                     HadamardOp().make_kernel(request));
           return std::make_unique<PartialKernel>(
               std::move(kernel), [](int part) { return part != 1; });
         };
       }},
      {"the gradient passes the output gradient on as it is",
       "points: point 0, hadamard f64[4]: reference: gradient of input 0",
       [](OpDef& op) {
         op.gradient = [](const Node&, Gradients gradients) {
           return Values{gradients[0]};
         };
       }},
  };
  return *breakages;
}

Value RootMeanSquare(const Node& node, const Value& epsilon) {
  return Sqrt(ReduceMean(Square(node.input(0)),
                         {.axes = {-1}, .keep_dimensions = true}) +
              epsilon);
}

Value Number(const Node& node, double number) {
  return eg::Constant(node.graph(), number, node.input(0).dtype());
}

Value Epsilon(const Node& node) {
  return Number(node, node.attribute<double>("epsilon"));
}

const std::vector<Breakage>& BreakagesOfUnitRms() {
  static const auto* const breakages = new std::vector<Breakage>{
      {"it decomposes into something of another shape",
       "op 'unit_rms' decomposes into f32[3,1] where its type rule infers "
       "f32[3,3]",
       [](OpDef& op) {
         op.decompose = [](const Node& node) {
           return Values{RootMeanSquare(node, Epsilon(node))};
         };
       }},
      {"the gradient is of another shape than the input",
       "gradient of op 'unit_rms' has type f32[3,1] for input 'input' of type "
       "f32[3,3]",
       [](OpDef& op) {
         op.gradient = [](const Node& node, Gradients) {
           return Values{RootMeanSquare(node, Epsilon(node))};
         };
       }},
      {"the gradient takes the root for a constant",
       "points: point 0, unit_rms f64[2] {epsilon=0}: reference: gradient of "
       "input 0",
       [](OpDef& op) {
         op.gradient = [](const Node& node, Gradients gradients) {
           return Values{gradients[0] / RootMeanSquare(node, Epsilon(node))};
         };
       }},
      {"the decomposition forgets epsilon, the gradient does not",
       "gradients: unit_rms f32[2,3,5] {epsilon=0.1}: gradient of input 0 at",
       [](OpDef& op) {
         op.decompose = [](const Node& node) {
           return Values{node.input(0) / RootMeanSquare(node, Number(node, 0))};
         };
       }},
      {"the gradient is right, and has no gradient of its own",
       "second gradients: unit_rms f32[3,3]: second gradient, of input 0 at",
       [](OpDef& op) {
         op.gradient = [](const Node& node, Gradients gradients) {
           return Values{
               StopGradient(UnitRmsOp().gradient(node, gradients).front())};
         };
       }},
  };
  return *breakages;
}

struct Subject {
  eg::testing::OpCase (*row)(const OpDef& op);
  const OpDef& op;
  const std::vector<Breakage>& breakages;
};

std::vector<Subject> Subjects() {
  return {
      {PenalizedTanhCase, PenalizedTanhOp(), BreakagesOfPenalizedTanh()},
      {HadamardCase, HadamardOp(), BreakagesOfHadamard()},
      {UnitRmsCase, UnitRmsOp(), BreakagesOfUnitRms()},
  };
}

std::string Guide() {
  std::ifstream file(EVENGRAD_SOURCE_DIR "/docs/custom_ops.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(BrokenOpsTest, TheOpsPassAllChecks) {
  for (const Subject& subject : Subjects()) {
    const absl::Status status = CheckOp(subject.row(subject.op));
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(BrokenOpsTest, EveryBreakageIsFound) {
  for (const Subject& subject : Subjects()) {
    EXPECT_EQ(subject.breakages.size(), 5u) << subject.op.name;
    for (const Breakage& breakage : subject.breakages) {
      OpDef broken = subject.op;
      breakage.apply(broken);
      const absl::Status status = CheckOp(subject.row(broken));
      EXPECT_FALSE(status.ok()) << subject.op.name << ": " << breakage.what;
      EXPECT_NE(eg::Message(status).find(breakage.finding),
                std::string_view::npos)
          << breakage.what << ": expected: " << breakage.finding
          << "\nactual: " << status;
    }
  }
}

TEST(BrokenOpsTest, TheGuideShowsThisTable) {
  const std::string guide = Guide();
  for (const Subject& subject : Subjects()) {
    for (const Breakage& breakage : subject.breakages) {
      const std::string row =
          StrCat("| ", subject.op.name, " | ", breakage.what, " | `",
                 breakage.finding, "` |\n");
      EXPECT_NE(guide.find(row), std::string::npos)
          << "docs/custom_ops.md lacks:\n"
          << row;
    }
  }
}

}  // namespace
}  // namespace my_ops
