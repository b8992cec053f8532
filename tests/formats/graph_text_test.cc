// Printing and parsing of graphs and programs; errors are in
// graph_text_errors_test.cc.
#include "evengrad/formats/graph_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/host_call.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/testing/random_graph.h"
#include "tests/ops/op_cases.h"

namespace evengrad {
namespace {

std::string Reprinted(const std::string& text) {
  const absl::StatusOr<Program> program = ParseProgram(text);
  return program.ok() ? PrintProgram(*program)
                      : std::string(Message(program.status()));
}

TEST(GraphTextTest, AModelReadsAsItsDocumentationSays) {
  Graph graph;
  const SourceLocation line = {"src/model.cc", 27};
  const Value x = Placeholder(graph, "images", F32({"batch", 784}), line);
  Value hidden;
  {
    const NameScope scope(graph, "hidden1");
    hidden = LeakyRelu(Dense(x, 100, {.bias = false}, line), 0.3, line);
  }
  EXPECT_EQ(PrintGraph(graph),
            R"(evengrad 1
graph {
  %images: f32[batch,784] = placeholder() loc("src/model.cc":27)
  %hidden1/weights/initial/auto_initializer: f32[784,100] = auto_initializer() loc("src/model.cc":27)
  %hidden1/weights: f32[784,100] = parameter() initialized %hidden1/weights/initial/auto_initializer loc("src/model.cc":27)
  %hidden1/matmul: f32[batch,100] = matmul(%images, %hidden1/weights) loc("src/model.cc":27)
  %hidden1/leaky_relu: f32[batch,100] = leaky_relu(%hidden1/matmul, slope=0.3) loc("src/model.cc":27)
}
)");
  const absl::StatusOr<Graph> parsed = ParseGraph(PrintGraph(graph));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const absl::Status same = testing::CheckSameGraph(*parsed, graph);
  EXPECT_TRUE(same.ok()) << same;
}

// What a running mean becomes in training stands below the state.
TEST(GraphTextTest, TrainingUpdates) {
  Graph graph;
  const Value mean = State(graph, "mean", Constant(graph, 1.0));
  const Value next = 0.5 * mean;
  ASSERT_TRUE(graph.SetTrainingUpdate(mean.node(), next).ok());
  const std::string text = PrintGraph(graph);
  EXPECT_NE(text.find(" = state() initialized %constant updated %multiply"),
            std::string::npos)
      << text;
  const absl::StatusOr<Graph> parsed = ParseGraph(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->FindNode("mean").training_update().id(), next.id());
  const absl::Status same = testing::CheckSameGraph(*parsed, graph);
  EXPECT_TRUE(same.ok()) << same;
}

TEST(GraphTextTest, AProgramKeepsItsResults) {
  const std::string text = R"(evengrad 1
program inference {
  %x: f32[n,?] = placeholder()
  %zero: f32[] = constant(value={-0})
  %step: f32[] = state() initialized %zero
  %sparse_softmax_cross_entropy/labels: i32[n] = placeholder()
  %loss: f32[n], f32[n,?] = sparse_softmax_cross_entropy(%x, %sparse_softmax_cross_entropy/labels)
  %mean: f32[] = reduce_mean(%loss)
  %next: f32[] = add(%step, %mean) gradient_of %loss
  return loss=%loss, "the residual"=%loss:1, loss=%x
  update %step = %next
  observe watch(%x, %loss:1) every 100
  observe ""()
  guard "the loss" = %mean before_updates
  guard next = %next of %loss:1
  non_finite skip_step exempt "mask/*", "a b"
}
)";
  EXPECT_EQ(Reprinted(text), text);
  const absl::StatusOr<Program> program = ParseProgram(text);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->mode, Mode::kInference);
  EXPECT_EQ(program->fetches[1].name, "the residual");
  EXPECT_EQ(program->fetches[1].value.id().output, 1);
  EXPECT_EQ(program->updates[0].state.name(), "step");
  EXPECT_EQ(program->observations[0].every_n_steps, 100);
  EXPECT_EQ(program->observations[0].values.size(), 2u);
  EXPECT_EQ(program->guards[0].description, "the loss");
  EXPECT_TRUE(program->guards[0].subject == program->guards[0].value);
  EXPECT_TRUE(program->guards[0].before_updates);
  EXPECT_EQ(program->guards[1].subject.id().output, 1);
  EXPECT_FALSE(program->guards[1].before_updates);
  EXPECT_EQ(program->non_finite.policy, NonFinitePolicy::kSkipStep);
  EXPECT_EQ(program->non_finite.exempt,
            (std::vector<std::string>{"mask/*", "a b"}));
  EXPECT_EQ(program->graph.FindNode("next").gradient_of(),
            program->graph.FindNode("loss").id());
}

TEST(GraphTextTest, WhiteSpaceAndCommentsAreFree) {
  EXPECT_EQ(Reprinted("# a model\n evengrad\t1 program\r\ntraining{"
                      "%x:f32[2]=placeholder()# of two\n"
                      "%\"y\":f32[2]=leaky_relu(slope=1,%x)return a=%y}"),
            R"(evengrad 1
program training {
  %x: f32[2] = placeholder()
  %y: f32[2] = leaky_relu(%x, slope=1)
  return a=%y
}
)");
}

TEST(GraphTextTest, AGraphIsAProgramWithoutResults) {
  const std::string text = "evengrad 1\ngraph {\n}\n";
  EXPECT_EQ(Reprinted(text), "evengrad 1\nprogram training {\n}\n");
  EXPECT_EQ(PrintGraph(*ParseGraph(text)), text);
}

// Of every kind, with values that are easily lost.
TEST(GraphTextTest, AttributesKeepEveryBit) {
  static const OpDef* const op = new OpDef{
      .name = "an op",
      .outputs = {"first", "second"},
      .attributes = {{.name = "b", .fallback = true},
                     {.name = "i", .fallback = int64_t{0}},
                     {.name = "d", .fallback = 0.0},
                     {.name = "s", .fallback = std::string("default")},
                     {.name = "is", .fallback = std::vector<int64_t>{1}},
                     {.name = "ds", .fallback = std::vector<double>{}},
                     {.name = "t", .fallback = DType::kF32},
                     {.name = "shape", .fallback = Shape()},
                     {.name = "an x", .fallback = Tensor()}},
      .infer_type =
          [](const InferContext&) -> absl::StatusOr<std::vector<TensorType>> {
        return std::vector<TensorType>{F32({2}), I64({})};
      },
      .is_source = true};
  OpRegistry ops;
  ASSERT_TRUE(ops.Register(*op).ok());
  Graph graph;
  const double sub = std::numeric_limits<double>::denorm_min();
  graph.Add(*op, {});
  graph.Add(*op, {},
            {{"b", false},
             {"i", std::numeric_limits<int64_t>::min()},
             {"d", -0.0},
             {"s", std::string("\"\\\n\t\r\x01\x7fé\0", 10)},
             {"is", std::vector<int64_t>{}},
             {"ds", std::vector<double>{0.1, 1e300, sub, -INFINITY, NAN,
                                        std::copysign(NAN, -1)}},
             {"t", DType::kOpaque},
             {"shape", Shape({3, "n", Dimension::Unknown(), 0})},
             {"an x", *Tensor::Of<float>({2}, {1e-45f, -NAN})}});
  graph.Add(*op, {}, {{"an x", *Tensor::Of<int64_t>({0, 7}, {})}});
  EXPECT_EQ(PrintGraph(graph), R"(evengrad 1
graph {
  %"an op": f32[2], i64[] = "an op"()
  %"an op_1": f32[2], i64[] = "an op"("an x"={1e-45, nan(0xffc00000)}, b=false, d=-0, ds=[0.1,1e+300,5e-324,-inf,nan,nan(0xfff8000000000000)], i=-9223372036854775808, is=[], s="\"\\\n\t\r\x01\x7fé\x00", shape=[3,n,?,0], t=opaque)
  %"an op_2": f32[2], i64[] = "an op"("an x"=i64[0,7]{})
}
)");
  const absl::StatusOr<Graph> parsed =
      ParseGraph(PrintGraph(graph), {.ops = &ops});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const absl::Status same = testing::CheckSameGraph(*parsed, graph);
  EXPECT_TRUE(same.ok()) << same;
}

TEST(GraphTextTest, ABrokenGraphPrintsWithItsError) {
  Graph graph;
  graph.Add(AddOp(),
            {Placeholder(graph, "x", F32({2}), {}),
             Placeholder(graph, "y", F32({3}), {})},
            {}, {.location = {"model.cc", 3}});
  EXPECT_EQ(PrintGraph(graph), R"(evengrad 1
graph {
  %x: f32[2] = placeholder()
  %y: f32[3] = placeholder()
  # error: model.cc:3: add: shapes [2] and [3] do not broadcast: 2 against 3 in dimension 0 of the result
}
)");
}

// ---- Random programs --------------------------------------------------------

TEST(GraphTextTest, TenThousandRandomProgramsRoundTrip) {
  constexpr uint64_t kPrograms = 10'000;
  std::set<std::string_view> ops;
  int64_t nodes = 0;
  int64_t symbols = 0;
  int64_t unknown = 0;
  int64_t empty = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const absl::StatusOr<Program> program =
        testing::RandomProgram(BuiltinOpCases(), seed);
    ASSERT_TRUE(program.ok()) << "seed " << seed << ": " << program.status();
    const std::string text = PrintProgram(*program);
    const absl::StatusOr<Program> parsed = ParseProgram(text);
    ASSERT_TRUE(parsed.ok())
        << "seed " << seed << ": " << parsed.status() << "\n"
        << text;
    ASSERT_EQ(PrintProgram(*parsed), text) << "seed " << seed;
    const absl::Status same = testing::CheckSameProgram(*parsed, *program);
    ASSERT_TRUE(same.ok()) << "seed " << seed << ": " << same << "\n" << text;
    nodes += program->graph.num_nodes();
    for (int id = 0; id < program->graph.num_nodes(); ++id) {
      const Node node = program->graph.node(id);
      ops.insert(node.op().name);
      for (const Dimension& size : node.output_type().shape) {
        symbols += size.is_symbol();
        unknown += size.is_unknown();
        empty += size == Dimension(0);
      }
    }
  }
  // Every op took part, with every kind of size.
  for (const OpDef* op : BuiltinOps().All()) {
    EXPECT_NE(ops.contains(op->name), testing::CallsTheProgram(*op))
        << op->name;
  }
  EXPECT_GT(symbols, 1000);
  EXPECT_GT(unknown, 1000);
  EXPECT_GT(empty, 1000);
  RecordProperty("nodes", std::to_string(nodes));
}

// ---- Files ------------------------------------------------------------------

std::string PathFor(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/graph_text_test_" + name;
  std::filesystem::remove(path);
  return path;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(GraphTextFileTest, SaveAndLoad) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"n", 3}));
  const Value y = Dense(x, 4);
  const std::string path = PathFor("saved.eg");
  ASSERT_TRUE(SaveGraph(graph, path).ok());
  EXPECT_EQ(Contents(path), PrintGraph(graph));
  const absl::StatusOr<Graph> loaded = LoadGraph(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(testing::CheckSameGraph(*loaded, graph).ok());

  const Program program{.graph = graph, .fetches = {{"y", y}}};
  ASSERT_TRUE(SaveProgram(program, path).ok());
  const absl::StatusOr<Program> again = LoadProgram(path);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(testing::CheckSameProgram(*again, program).ok());
  // A program is no graph.
  EXPECT_EQ(Message(LoadGraph(path).status()),
            path +
                ":2:1: expected 'graph', found 'program': read it with "
                "ParseProgram or LoadProgram");
}

TEST(GraphTextFileTest, WhatIsSavedStaysWhenSavingFails) {
  const std::string path = PathFor("kept.eg");
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  ASSERT_TRUE(SaveGraph(graph, path).ok());
  const std::string kept = Contents(path);
  const Program foreign{.graph = Graph(), .fetches = {{"x", x}}};
  EXPECT_FALSE(SaveProgram(foreign, path).ok());
  Add(x, Placeholder(graph, "y", F32({3})));
  EXPECT_EQ(SaveGraph(graph, path), graph.status());
  EXPECT_EQ(Contents(path), kept);
  EXPECT_EQ(Message(SaveGraph(Graph(), PathFor("no/such/folder"))),
            PathFor("no/such/folder") +
                ": cannot be written: No such file or directory");
  EXPECT_TRUE(Message(SaveGraph(Graph(), ::testing::TempDir()))
                  .ends_with("Is a directory"));
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_EQ(Message(SaveGraph(Graph(), "/dev/full")),
              "/dev/full: cannot be written: No space left on device");
  }
  // No partial file is left beside it.
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(::testing::TempDir())) {
    files +=
        entry.path().filename().string().starts_with("graph_text_test_kept.eg");
  }
  EXPECT_EQ(files, 1);
}

TEST(GraphTextFileTest, ALinkIsFollowed) {
  const std::string target = PathFor("target.eg");
  const std::string link = PathFor("link.eg");
  std::ofstream(target) << "old\n";
  std::filesystem::create_symlink(target, link);
  ASSERT_TRUE(SaveGraph(Graph(), link).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(Contents(target), "evengrad 1\ngraph {\n}\n");
}

TEST(GraphTextFileTest, FunctionsOfTheProgramAreNotSaved) {
  Graph graph;
  HostCall(Placeholder(graph, "x", F32({2})), "watch",
           [](const Tensor&) { return absl::OkStatus(); });
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  const std::string path = PathFor("host_call.eg");
  const std::string message(Message(SaveGraph(graph, path)));
  EXPECT_NE(message.find("op 'host_call' calls functions of this program, "
                         "which a file cannot hold"),
            std::string::npos)
      << message;
  EXPECT_FALSE(std::filesystem::exists(path));
  const std::string text = PrintGraph(graph);
  const std::string unread(Message(ParseGraph(text).status()));
  EXPECT_NE(unread.find("which text cannot hold"), std::string::npos)
      << unread << "\n"
      << text;
}

TEST(GraphTextFileTest, UnreadableFiles) {
  const std::string missing = PathFor("missing.eg");
  EXPECT_TRUE(absl::IsNotFound(LoadGraph(missing).status()));
  EXPECT_EQ(Message(LoadGraph(missing).status()),
            missing + ": cannot be read: No such file or directory");
  EXPECT_EQ(Message(LoadProgram(::testing::TempDir()).status()),
            ::testing::TempDir() + ": cannot be read: Is a directory");
  // Without end, and longer than allowed.
  EXPECT_EQ(Message(LoadGraph("/dev/zero").status()),
            "/dev/zero: the file has 268435457 bytes or more; at most "
            "268435456 are read");
  const std::string huge = PathFor("huge.eg");
  std::ofstream(huge).close();
  std::filesystem::resize_file(huge, int64_t{1} << 40);  // holes only
  EXPECT_EQ(Message(LoadGraph(huge).status()),
            huge +
                ": the file has 1099511627776 bytes or more; at most "
                "268435456 are read");
  std::filesystem::remove(huge);
}

}  // namespace
}  // namespace evengrad
