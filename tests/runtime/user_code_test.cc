// Code of users that throws, or contradicts itself: errors, on any thread.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"

namespace evengrad {
namespace {

// Four parts, of which the last throws where `thrown` is set.
class CopyKernel : public Kernel {
 public:
  CopyKernel(const KernelRequest& request, const bool& thrown, int parts,
             size_t scratch)
      : input_(request.input_buffers[0]),
        output_(request.output_buffers[0]),
        thrown_(thrown),
        parts_(parts),
        scratch_(scratch) {}
  int num_parts() const override { return parts_; }
  size_t scratch_bytes() const override { return scratch_; }
  void Run(int part, const KernelContext& context) const override {
    if (thrown_ && part == 3) throw std::runtime_error("no paper");
    constexpr int64_t kShare = 100000 / 4;
    for (int64_t i = part * kShare; i < (part + 1) * kShare; ++i) {
      context.output<float>(output_)[i] = context.input<float>(input_)[i];
    }
  }

 private:
  int input_;
  int output_;
  const bool& thrown_;
  int parts_;
  size_t scratch_;
};

struct CopyOp {
  OpDef op = {
      .name = "copy",
      .inputs = {"input"},
      .infer_type = SameAsInput,
      .gradient = [](const Node&, std::span<const Value> gradients)
          -> std::vector<Value> { return {gradients[0]}; },
      .make_kernel = [this](const KernelRequest& request)
          -> absl::StatusOr<std::unique_ptr<Kernel>> {
        return std::make_unique<CopyKernel>(request, thrown, parts, scratch);
      },
      .cost = [](const Node&) { return Cost{.flops = 1e9}; },
  };
  bool thrown = false;
  int parts = 4;
  size_t scratch = 0;

  // copy(x · 1) for ones, or the first error.
  absl::StatusOr<Tensor> Run(int threads) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({100000}));
    const Value y = AddNode(op, {x}, {}, {}).output();
    const auto gradients = Gradients(ReduceSum(y), {{x}});
    EVENGRAD_RETURN_IF_ERROR(gradients.status());
    EVENGRAD_ASSIGN_OR_RETURN(Session session,
                              Session::Create(graph, {.num_threads = threads}));
    const std::vector<Value> fetched = {y};
    const std::vector<Feed> feeds = {{x, *Tensor::Zeros(F32({100000}))}};
    absl::StatusOr<RunResult> result = session.Run(fetched, feeds);
    if (thrown) {  // and goes on when it does not throw any more
      thrown = false;
      EVENGRAD_RETURN_IF_ERROR(session.Run(fetched, feeds).status());
      return result.status();
    }
    EVENGRAD_RETURN_IF_ERROR(result.status());
    return result->values()[0];
  }
};

std::string ErrorOf(CopyOp& op, int threads = 1) {
  return std::string(Message(op.Run(threads).status()));
}

TEST(UserCodeTest, WhatAKernelThrowsIsAnError) {
  for (const int threads : {1, 2}) {
    CopyOp copy;
    EXPECT_TRUE(copy.Run(threads).ok());
    copy.thrown = true;
    const std::string error = ErrorOf(copy, threads);
    EXPECT_TRUE(error.ends_with("copy: its kernel has thrown: no paper"))
        << error;
  }
}

TEST(UserCodeTest, WhatAnOpsFunctionsThrowIsAnError) {
  CopyOp infer;
  infer.op.infer_type =
      [](const InferContext&) -> absl::StatusOr<std::vector<TensorType>> {
    throw 3;
  };
  EXPECT_TRUE(ErrorOf(infer).ends_with(
      "infer_type of op 'copy' has thrown something that is no "
      "std::exception"))
      << ErrorOf(infer);
  CopyOp gradient;
  gradient.op.gradient = [](const Node&,
                            std::span<const Value>) -> std::vector<Value> {
    throw std::runtime_error("steep");
  };
  EXPECT_TRUE(ErrorOf(gradient).ends_with(
      "copy: gradient of op 'copy' has thrown: steep"))
      << ErrorOf(gradient);
  CopyOp make;
  make.op.make_kernel =
      [](const KernelRequest&) -> absl::StatusOr<std::unique_ptr<Kernel>> {
    throw std::runtime_error("no tools");
  };
  EXPECT_TRUE(
      ErrorOf(make).ends_with("make_kernel of op 'copy' has thrown: no tools"))
      << ErrorOf(make);
  CopyOp cost;
  cost.op.cost = [](const Node&) -> Cost { throw std::runtime_error("dear"); };
  EXPECT_EQ(ErrorOf(cost), "a function of an op has thrown: dear");
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({3}));
  EXPECT_EQ(Message(Gradients(ReduceSum(Tanh(x)), {{x}},
                              {.recompute = [](const Node&) -> int {
                                throw std::runtime_error("forgotten");
                              }})
                        .status()),
            "GradientOptions::recompute has thrown: forgotten");
}

TEST(UserCodeTest, OpsThatContradictThemselves) {
  CopyOp parts;
  parts.parts = 0;
  EXPECT_TRUE(
      ErrorOf(parts).ends_with("the kernel of op 'copy' has 0 parts, "
                               "expected 1 or more"))
      << ErrorOf(parts);
  for (const size_t scratch : {size_t{1} << 50, ~size_t{0}}) {
    CopyOp greedy;
    greedy.scratch = scratch;
    EXPECT_TRUE(ErrorOf(greedy).ends_with(
        StrCat("the kernel of op 'copy' asks for ", scratch,
               " bytes of scratch memory, more than there can be")))
        << ErrorOf(greedy);
  }
  CopyOp alias;
  alias.op.alias = true;
  alias.op.make_kernel = {};
  alias.op.infer_type = [](const InferContext&) {
    return std::vector<TensorType>{F32({200000})};
  };
  alias.op.gradient = [](const Node& node, std::span<const Value>) {
    return std::vector<Value>{node.input(0)};
  };
  EXPECT_TRUE(ErrorOf(alias).ends_with(
      "copy: output f32[200000] of an alias has another size than its input "
      "f32[100000]"))
      << ErrorOf(alias);
  CopyOp outputs;
  outputs.op.outputs = {"a", "b"};
  outputs.op.elementwise = [](const ElementwiseContext& context) {
    return context.input(0);
  };
  EXPECT_TRUE(ErrorOf(outputs).ends_with(
      "op 'copy': an elementwise op has exactly one output"))
      << ErrorOf(outputs);
  CopyOp ending;
  ending.op.loop_output = [](const Node&) {
    return LoopOutput{.ending = LoopEnding::kSum, .type = F32({7, 9})};
  };
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({100000}));
  const Value y = AddNode(ending.op, {Tanh(x)}, {}, {}).output();
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok());
  EXPECT_TRUE(
      Message(session->Run({y}, {{x, *Tensor::Zeros(F32({100000}))}}).status())
          .find("loop_output of op 'copy' does not agree") !=
      std::string_view::npos);
}

TEST(UserCodeTest, TwoFetchesOfOneName) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}), {"model.cc", 7});
  const Program program = {.graph = graph,
                           .fetches = {{"a", Tanh(x)}, {"a", x}}};
  EXPECT_EQ(Message(VerifyProgram(program)),
            "model.cc:7: x: two fetches have the name 'a'; give each its own");
  // Values have names of their own, also one that is asked for twice.
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok());
  const std::vector<Value> twice = {x, x};
  const std::vector<Feed> feeds = {{x, *Tensor::Zeros(F32({}))}};
  const auto result = session->Run(twice, feeds);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->values()[0], result->values()[1]);
}

}  // namespace
}  // namespace evengrad
