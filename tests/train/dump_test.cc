#include "evengrad/train/dump.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/hooks/clip_by_global_norm.h"
#include "evengrad/runtime/model_summary.h"

namespace evengrad {
namespace {

constexpr std::string_view kModel = R"(evengrad 1
graph {
  %x: f32[batch,4] = placeholder()
  %target: f32[batch,2] = placeholder()
  %hidden1/start: f32[4,3] = auto_initializer()
  %hidden1/weights: f32[4,3] = parameter() initialized %hidden1/start
  %hidden1/matmul: f32[batch,3] = matmul(%x, %hidden1/weights)
  %hidden1/relu: f32[batch,3] = relu(%hidden1/matmul)
  %hidden2/start: f32[3,2] = auto_initializer()
  %hidden2/weights: f32[3,2] = parameter() initialized %hidden2/start
  %hidden2/inner/product: f32[batch,2] = matmul(%hidden1/relu, %hidden2/weights)
  %difference: f32[batch,2] = subtract(%hidden2/inner/product, %target)
  %square: f32[batch,2] = square(%difference)
  %loss: f32[] = reduce_sum(%square)
}
)";

Graph Model() { return *ParseGraph(kModel); }
Value Loss(const Graph& graph) { return graph.FindNode("loss").output(); }

std::string DumpOf(const Graph& graph, const DumpOptions& options) {
  std::ostringstream out;
  const absl::Status status = DumpGraph(graph, options, out);
  return status.ok() ? out.str() : std::string(Message(status));
}

int Count(std::string_view text, std::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// ---- Summaries --------------------------------------------------------------

// By hand, for two rows: a product of [2,4] and [4,3] is 2*2*4*3 operations.
TEST(ModelSummaryTest, FiguresOfEachLayer) {
  Program program{.graph = Model()};
  program.fetches = {{"loss", Loss(program.graph)}};
  const absl::StatusOr<ModelSummary> summary =
      SummarizeModel(program, {{0, {2, 4}}, {1, {2, 2}}});
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(summary->layers.size(), 5u);
  EXPECT_EQ(summary->layers[0].name, "x");
  EXPECT_EQ(summary->layers[0].output, F32({"batch", 4}));
  EXPECT_EQ(summary->layers[1].name, "target");
  const LayerSummary& hidden = summary->layers[2];
  EXPECT_EQ(hidden.name, "hidden1");
  EXPECT_EQ(hidden.ops, (std::vector<std::string>{"matmul", "relu"}));
  EXPECT_EQ(hidden.output, F32({"batch", 3}));
  EXPECT_EQ(hidden.parameters, 12);
  EXPECT_EQ(hidden.flops, 2 * 2 * 4 * 3 + 2 * 3);
  EXPECT_EQ(hidden.activation_bytes, 4 * (6 + 6));
  // A scope without parameters belongs to the layer around it.
  EXPECT_EQ(summary->layers[3].name, "hidden2");
  EXPECT_EQ(summary->layers[3].flops, 2 * 2 * 3 * 2);
  // What is in no layer is named after its last node.
  const LayerSummary& rest = summary->layers[4];
  EXPECT_EQ(rest.name, "loss");
  EXPECT_EQ(rest.ops,
            (std::vector<std::string>{"subtract", "square", "reduce_sum"}));
  EXPECT_EQ(rest.activation_bytes, 4 * (4 + 4 + 1));
  EXPECT_EQ(summary->parameters, 18);
  EXPECT_EQ(summary->parameter_bytes, 72);
  EXPECT_EQ(summary->activation_bytes, 48 + 16 + 36);
  EXPECT_EQ(summary->gradient_flops, 0);
  EXPECT_EQ(summary->update_flops, 0);
  EXPECT_EQ(summary->memory.states, 72);
  EXPECT_EQ(summary->memory.feeds, 4 * (8 + 4));
  EXPECT_EQ(summary->memory.results, 4);
}

// Three more products: two gradients of weights, one of hidden1/relu; none of
// the input.
TEST(ModelSummaryTest, TrainingAddsGradientsAndUpdates) {
  const Graph graph = Model();
  const absl::StatusOr<Program> program =
      Minimize(Loss(graph), Sgd{.momentum = 0.5});
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<ModelSummary> summary =
      SummarizeModel(*program, {{0, {2, 4}}, {1, {2, 2}}});
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->layers.size(), 5u);
  EXPECT_EQ(summary->parameters, 18);
  EXPECT_GE(summary->gradient_flops, 48 + 24 + 24);
  EXPECT_LE(summary->gradient_flops, 48 + 24 + 24 + 60);
  EXPECT_GE(summary->update_flops, 18 * 4);  // v = m*v + g; p -= rate*v
  EXPECT_GT(summary->memory.states, 2 * 72);
}

TEST(DumpTest, SummaryIsATable) {
  EXPECT_EQ(
      DumpOf(Model(), {.format = DumpFormat::kSummary, .sizes = {{"batch", 2}}})
          .substr(0, 500),
      std::string(R"(for batch=2
layer    ops                           output        parameters  FLOPs  activations
-----------------------------------------------------------------------------------
x        placeholder                   f32[batch,4]           0      0          0 B
target   placeholder                   f32[batch,2]           0      0          0 B
hidden1  matmul, relu                  f32[batch,3]          12     54         48 B
hidden2  matmul                        f32[batch,2]           6     24         16 B
)")
          .substr(0, 500));
}

// ---- Stages -----------------------------------------------------------------

TEST(DumpTest, ModelIsTheText) { EXPECT_EQ(DumpOf(Model(), {}), kModel); }

TEST(DumpTest, EveryTextStageParsesBack) {
  const Graph graph = Model();
  for (const DumpStage stage :
       {DumpStage::kGradients, DumpStage::kTraining, DumpStage::kOptimized}) {
    DumpOptions options = {.stage = stage, .loss = Loss(graph)};
    options.minimize.hooks = {ClipByGlobalNorm(1)};
    const std::string text = DumpOf(graph, options);
    const absl::StatusOr<Program> parsed = ParseProgram(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
    EXPECT_EQ(PrintProgram(*parsed), text);
  }
}

TEST(DumpTest, GradientsAreFetchedByTheNamesOfTheirParameters) {
  const Graph graph = Model();
  const std::string text =
      DumpOf(graph, {.stage = DumpStage::kGradients, .loss = Loss(graph)});
  EXPECT_NE(text.find("  return loss=%loss, hidden1/weights=%gradient/"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("update"), std::string::npos);
  EXPECT_EQ(text.find("learning_rate"), std::string::npos);
}

TEST(DumpTest, TrainingHasOptimizerAndHooks) {
  const Graph graph = Model();
  DumpOptions options = {
      .stage = DumpStage::kTraining, .loss = Loss(graph), .optimizer = Adam()};
  EXPECT_EQ(DumpOf(graph, options).find("clip"), std::string::npos);
  options.minimize.hooks = {ClipByGlobalNorm(1)};
  const std::string text = DumpOf(graph, options);
  EXPECT_NE(text.find("%hidden1/weights/second_moment: "), std::string::npos);
  EXPECT_NE(text.find("%clip_by_global_norm/"), std::string::npos);
  EXPECT_NE(text.find("  update %hidden1/weights = "), std::string::npos);
}

TEST(DumpTest, AfterStopsBehindAPass) {
  const Graph graph = Model();
  auto after = [&](const std::string& pass) {
    return DumpOf(graph, {.stage = DumpStage::kOptimized,
                          .loss = Loss(graph),
                          .sizes = {{"batch", 2}},
                          .after = pass});
  };
  EXPECT_NE(after("infer").find("f32[batch,4]"), std::string::npos);
  EXPECT_EQ(after("specialize").find("f32[batch,4]"), std::string::npos);
  EXPECT_NE(after("specialize").find("%x: f32[2,4]"), std::string::npos);
  EXPECT_GE(Count(after("specialize"), "\n"), Count(after("prune"), "\n"));
  EXPECT_EQ(after("shar"), "there is no pass 'shar'; did you mean 'share'?");
  EXPECT_EQ(DumpOf(graph, {.after = "share"}),
            "after = share names a pass: only stage optimized has passes");
}

// The listing says what the compiled program has.
TEST(DumpTest, PlanListsKernelsAndBuffers) {
  const Graph graph = Model();
  const absl::StatusOr<Program> program = Minimize(Loss(graph), Sgd());
  ASSERT_TRUE(program.ok()) << program.status();
  std::ostringstream out;
  const absl::Status status = DumpProgram(
      *program, {.stage = DumpStage::kPlan, .sizes = {{"batch", 2}}}, out);
  ASSERT_TRUE(status.ok()) << status;
  const std::string text = out.str();
  const auto compiled = Compile(*program, {{0, {2, 4}}, {1, {2, 2}}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(text.substr(0, 12), "for batch=2\n");
  EXPECT_NE(text.find(StrCat((*compiled)->kernels.size(), " kernels in ",
                             (*compiled)->stages.size(), " stages; arena ")),
            std::string::npos)
      << text;
  for (const std::string& name : (*compiled)->kernel_names) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  EXPECT_NE(text.find((*compiled)->kernels[0]->implementation()),
            std::string::npos);
  EXPECT_NE(text.find("matmul+relu"), std::string::npos) << text;
  for (size_t b = 0; b < (*compiled)->buffers.size(); ++b) {
    EXPECT_NE(text.find(StrCat("\nb", b, " ")), std::string::npos) << b;
  }
}

// Kernels read what an earlier stage, or nobody, writes.
TEST(KernelDescriptionTest, ReadsAndWritesFollowTheSchedule) {
  const Graph graph = Model();
  const auto program = Minimize(Loss(graph), Adam());
  ASSERT_TRUE(program.ok()) << program.status();
  const auto compiled = Compile(*program, {{0, {2, 4}}, {1, {2, 2}}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  ASSERT_EQ((*compiled)->kernel_descriptions.size(),
            (*compiled)->kernels.size());
  std::vector<int> written_in((*compiled)->buffers.size(), -1);
  for (const KernelDescription& kernel : (*compiled)->kernel_descriptions) {
    EXPECT_FALSE(kernel.ops.empty());
    EXPECT_FALSE(kernel.writes.empty());
    for (int buffer : kernel.reads) {
      if ((*compiled)->buffers[buffer].kind != BufferKind::kArena) continue;
      EXPECT_GE(written_in[buffer], 0);
      EXPECT_LT(written_in[buffer], kernel.stage);
    }
    for (int buffer : kernel.writes) written_in[buffer] = kernel.stage;
  }
}

TEST(DumpTest, GraphsWithoutLossComputeTheirOutputs) {
  const std::string text = DumpOf(
      Model(), {.stage = DumpStage::kOptimized, .sizes = {{"batch", 2}}});
  EXPECT_NE(text.find("program inference"), std::string::npos) << text;
  EXPECT_NE(text.find("return loss=%loss\n"), std::string::npos) << text;
}

TEST(DumpTest, Errors) {
  const Graph graph = Model();
  EXPECT_EQ(DumpOf(graph, {.stage = DumpStage::kTraining}),
            "stage training needs a loss to minimize");
  EXPECT_EQ(DumpOf(graph, {.stage = DumpStage::kGradients}),
            "stage gradients needs a loss to minimize");
  EXPECT_EQ(DumpOf(graph, {.stage = DumpStage::kPlan, .sizes = {{"btch", 2}}}),
            "no placeholder has a dimension 'btch'; did you mean 'batch'?");
  EXPECT_EQ(DumpOf(Graph(), {.stage = DumpStage::kPlan}),
            "the graph computes nothing");
  EXPECT_EQ(DumpOf(Graph(), {.format = DumpFormat::kSummary}),
            "the graph computes nothing");
  std::ostringstream closed;
  closed.setstate(std::ios::badbit);
  EXPECT_EQ(Message(DumpGraph(graph, {}, closed)),
            "the dump cannot be written");
}

}  // namespace
}  // namespace evengrad
