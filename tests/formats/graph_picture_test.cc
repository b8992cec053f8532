// Pictures of programs: what they say, and that JSON, DOT and HTML say it
// whatever the names.
#include "evengrad/formats/graph_picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/formats/embedded_files.h"
#include "evengrad/formats/graph_dot.h"
#include "evengrad/formats/graph_html.h"
#include "evengrad/formats/graph_json.h"
#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/json_reader.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/compiler.h"

namespace evengrad {
namespace {

// Two equal hidden layers, an output layer, their gradients, and an update of
// hidden1's weights by a hook's scale.
Program Training() {
  absl::StatusOr<Program> program = ParseProgram(R"(evengrad 1
program training {
  %x: f32[batch,4] = placeholder()
  %hidden1/start: f32[4,4] = constant(value={0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0})
  %hidden1/weights: f32[4,4] = parameter() initialized %hidden1/start
  %hidden1/matmul: f32[batch,4] = matmul(%x, %hidden1/weights) loc("m.cc":3)
  %hidden1/relu: f32[batch,4] = relu(%hidden1/matmul)
  %hidden2/start: f32[4,4] = constant(value={0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0})
  %hidden2/weights: f32[4,4] = parameter() initialized %hidden2/start
  %hidden2/matmul: f32[batch,4] = matmul(%hidden1/relu, %hidden2/weights)
  %hidden2/relu: f32[batch,4] = relu(%hidden2/matmul)
  %target: f32[batch,4] = placeholder()
  %difference: f32[batch,4] = subtract(%hidden2/relu, %target)
  %mean: f32[] = reduce_mean(%difference)
  %gradient/a: f32[4,4] = matmul(%x, %hidden1/relu, transpose_input=true) gradient_of %hidden1/matmul
  %clip/two: f32[] = constant(value={2})
  %clip/multiply: f32[4,4] = multiply(%gradient/a, %clip/two)
  %rate/start: f32[] = constant(value={0.5})
  %rate: f32[] = state() initialized %rate/start
  %update/hidden1/weights/scaled: f32[4,4] = multiply(%clip/multiply, %rate)
  %update/hidden1/weights/new: f32[4,4] = subtract(%hidden1/weights, %update/hidden1/weights/scaled)
  return loss=%mean
  update %hidden1/weights = %update/hidden1/weights/new
}
)");
  EXPECT_TRUE(program.ok()) << program.status();
  return *program;
}

const PictureNode& Find(const GraphPicture& picture, std::string_view name) {
  const auto it = std::ranges::find(picture.nodes, name, &PictureNode::name);
  EXPECT_NE(it, picture.nodes.end()) << name;
  return *it;
}

std::string Place(const GraphPicture& picture, std::string_view name) {
  const PictureNode& node = Find(picture, name);
  return StrCat(picture.layers[node.layer].name, " ", Name(node.pass), " ",
                Name(node.role));
}

TEST(GraphPictureTest, NodesStandInTheirLayersAndPasses) {
  const GraphPicture picture = PictureOf(Training());
  std::string layers;
  for (const PictureLayer& layer : picture.layers) {
    layers +=
        StrCat(layer.name, ":", Name(layer.kind), ":", layer.parameters, " ");
  }
  EXPECT_EQ(layers,
            "x:input:0 hidden1:layer:16 hidden2:layer:16 target:input:0 "
            "mean:other:0 clip:hook:0 training:update:0 ");
  EXPECT_EQ(Place(picture, "x"), "x forward input");
  EXPECT_EQ(Place(picture, "hidden1/weights"), "hidden1 forward parameter");
  EXPECT_EQ(Place(picture, "hidden1/start"), "hidden1 initial constant");
  EXPECT_EQ(Place(picture, "hidden1/relu"), "hidden1 forward compute");
  EXPECT_EQ(Place(picture, "difference"), "mean forward compute");
  EXPECT_EQ(Place(picture, "gradient/a"), "hidden1 gradient compute");
  EXPECT_EQ(Place(picture, "clip/multiply"), "clip update compute");
  EXPECT_EQ(Place(picture, "rate"), "training update state");
  EXPECT_EQ(Place(picture, "update/hidden1/weights/new"),
            "hidden1 update compute");
  EXPECT_EQ(Find(picture, "hidden1/matmul").location, "m.cc:3");
  EXPECT_EQ(Find(picture, "gradient/a").attributes,
            (std::vector<std::pair<std::string, std::string>>{
                {"transpose_input", "true"}}));
}

// Minimize leaves the initializer in whose place it has put another.
TEST(GraphPictureTest, InitializersThatAreNotNeededAreInitial) {
  Graph graph;
  Value x = Placeholder(graph, "x", F32({"batch", 4}));
  Value out = Dense(x, 3, {.name = "one"});
  Program program{.graph = graph, .fetches = {{"out", out}}};
  ASSERT_TRUE(ResolveInitializers(program.graph).ok());
  const GraphPicture picture = PictureOf(program);
  for (const PictureNode& node : picture.nodes) {
    EXPECT_EQ(node.pass == PicturePass::kInitial,
              node.name.find("initial") != std::string::npos)
        << node.name;
  }
}

// As files of other programs have them: no scopes.
TEST(GraphPictureTest, WithoutScopesAMatrixOfWeightsBeginsALayer) {
  const auto graph = ParseGraph(R"(evengrad 1
graph {
  %x: f32[2,4] = placeholder()
  %w1: f32[4,3] = parameter()
  %b1: f32[3] = parameter()
  %w2: f32[3,3] = parameter()
  %scaled: f32[2,4] = square(%x)
  %fc1: f32[2,3] = matmul(%scaled, %w1)
  %fc1b: f32[2,3] = add(%fc1, %b1)
  %relu1: f32[2,3] = relu(%fc1b)
  %fc2: f32[2,3] = matmul(%relu1, %w2)
  %out: f32[2,3] = tanh(%fc2)
}
)");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const GraphPicture picture = PictureOf(Program{.graph = *graph});
  std::string layers;
  for (const PictureLayer& layer : picture.layers) {
    layers += StrCat(layer.name, ":", Name(layer.kind), " ");
  }
  EXPECT_EQ(layers, "x:input scaled:other fc1:layer fc2:layer ");
  EXPECT_EQ(Place(picture, "b1"), "fc1 forward parameter");
  EXPECT_EQ(Place(picture, "out"), "fc2 forward compute");
}

// A product of [3,4] and [4,4]: 2*3*4*4 operations; 12 + 16 numbers read and 12
// written.
TEST(GraphPictureTest, CostsAreThoseOfTheLoweredProgram) {
  const Program program = Training();
  GraphPicture picture = PictureOf(program);
  const Graph& graph = program.graph;
  const auto lowered = Lower(program,
                             {{graph.FindNode("x").id(), {3, 4}},
                              {graph.FindNode("target").id(), {3, 4}}},
                             "specialize");
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  AddCosts(*lowered, picture);
  EXPECT_EQ(Find(picture, "hidden1/matmul").flops, 96);
  EXPECT_EQ(Find(picture, "hidden1/matmul").bytes, 4 * (12 + 16 + 12));
  EXPECT_EQ(Find(picture, "x").bytes, 0);
}

std::unique_ptr<CompiledProgram> Compiled() {
  const Program program = Training();
  auto compiled =
      Compile(program, {{program.graph.FindNode("x").id(), {3, 4}},
                        {program.graph.FindNode("target").id(), {3, 4}}});
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return *std::move(compiled);
}

// Each computed node is of one kernel; an arena buffer is in use from its
// writer to its last reader, and two that are in use at the same time are apart
// unless one was written over the other.
TEST(GraphPictureTest, PlansSayWhatRunsAndWhereItLies) {
  const auto compiled = Compiled();
  const GraphPicture picture = PictureOf(*compiled);
  ASSERT_EQ(picture.kernels.size(), compiled->kernels.size());
  for (size_t k = 0; k < picture.kernels.size(); ++k) {
    const PictureKernel& kernel = picture.kernels[k];
    EXPECT_EQ(kernel.implementation, compiled->kernels[k]->implementation());
    for (int id : kernel.nodes) {
      EXPECT_EQ(picture.nodes[id].kernel, static_cast<int>(k));
    }
    EXPECT_NE(std::ranges::find(kernel.nodes, kernel.home), kernel.nodes.end());
    for (int b : kernel.reads) {
      EXPECT_LE(picture.buffers[b].first, kernel.stage);
      EXPECT_GE(picture.buffers[b].last, kernel.stage);
    }
  }
  for (const PictureBuffer& a : picture.buffers) {
    EXPECT_LE(a.first, a.last);
    if (a.kind != BufferKind::kArena) continue;
    EXPECT_LE(a.offset + a.bytes, picture.arena_bytes);
    for (const PictureBuffer& b : picture.buffers) {
      if (&a == &b || b.kind != BufferKind::kArena) continue;
      const bool together = a.first < b.last && b.first < a.last;
      const bool apart =
          a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
      EXPECT_TRUE(!together || apart) << a.name << " and " << b.name;
    }
  }
}

// ---- JSON -------------------------------------------------------------------

// Any JSON value, flattened: "nodes/3/name" -> "hidden1/matmul".
class Flattener {
 public:
  explicit Flattener(std::string_view text) : text_(text), json_(text) {}

  absl::Status Read(const std::string& path) {
    const char c = text_[json_.position()];
    if (c == '{') {
      return json_.Object([&](std::string name) {
        EXPECT_TRUE(seen_.insert(path + "/" + name).second) << path << name;
        return Read(path + "/" + name);
      });
    }
    if (c == '[') {
      int i = 0;
      return json_.Array([&] { return Read(StrCat(path, "/", i++)); });
    }
    if (c == '"') {
      EVENGRAD_ASSIGN_OR_RETURN(values[path], json_.String());
      return absl::OkStatus();
    }
    // The reader has no fractions: digits are kept as they stand.
    const size_t begin = json_.position();
    size_t end = begin;
    while (end < text_.size() && std::string_view(",]}\n").find(text_[end]) ==
                                     std::string_view::npos) {
      ++end;
    }
    values[path] = std::string(text_.substr(begin, end - begin));
    json_ = JsonReader(text_ = text_.substr(end));
    return absl::OkStatus();
  }

  std::map<std::string, std::string> values;

 private:
  std::string_view text_;
  JsonReader json_;
  std::set<std::string> seen_;
};

TEST(GraphJsonTest, ParsesBack) {
  GraphPicture picture = PictureOf(*Compiled());
  picture.title = "model.eg";
  picture.stage = "plan";
  const std::string text = PrintGraphJson(picture);
  Flattener json(text);
  ASSERT_TRUE(json.Read("").ok());
  auto& values = json.values;
  EXPECT_EQ(values["/format"], "evengrad graph");
  EXPECT_EQ(values["/version"], StrCat(kGraphJsonVersion));
  EXPECT_EQ(values["/mode"], "training");
  for (size_t id = 0; id < picture.nodes.size(); ++id) {
    const PictureNode& node = picture.nodes[id];
    const std::string at = StrCat("/nodes/", id, "/");
    EXPECT_EQ(values[at + "name"], node.name);
    EXPECT_EQ(values[at + "op"], node.op);
    EXPECT_EQ(values[at + "pass"], Name(node.pass));
    EXPECT_EQ(values[at + "layer"], StrCat(node.layer));
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      EXPECT_EQ(values[StrCat(at, "inputs/", i, "/0")],
                StrCat(node.inputs[i].node));
    }
    EXPECT_EQ(values[at + "outputs/0"], node.types[0].ToString());
  }
  EXPECT_EQ(values["/plan/arena_bytes"], StrCat(picture.arena_bytes));
  EXPECT_EQ(values["/results/0/name"], "loss");
}

// ---- DOT --------------------------------------------------------------------

// Balanced braces and brackets outside of strings, strings that end, and an
// even look at every statement: enough to notice text that breaks out.
void ExpectDot(const std::string& text) {
  std::string open;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      ASSERT_NE(c, '\n') << "a string over lines at " << i;
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      open += c;
    } else if (c == '}' || c == ']') {
      ASSERT_FALSE(open.empty()) << i;
      ASSERT_EQ(open.back(), c == '}' ? '{' : '[') << i;
      open.pop_back();
    } else {
      const bool plain =
          std::isalnum(static_cast<unsigned char>(c)) ||
          std::string_view(" \n_=->;,./").find(c) != std::string_view::npos;
      ASSERT_TRUE(plain || text.substr(0, i).rfind('\n') ==
                               text.substr(0, i).rfind("\n//"))
          << "'" << c << "' at " << i;
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(open, "");
}

TEST(GraphDotTest, LayersAreClustersWithForwardAndGradientSideBySide) {
  GraphPicture picture = PictureOf(Training());
  picture.stage = "training";
  const std::string dot = PrintGraphDot(picture);
  ExpectDot(dot);
  EXPECT_NE(dot.find("subgraph cluster_1 {\n    label=\"hidden1\""),
            std::string::npos);
  EXPECT_NE(dot.find("subgraph cluster_1_forward {"), std::string::npos);
  EXPECT_NE(dot.find("subgraph cluster_1_gradient {"), std::string::npos);
  EXPECT_NE(dot.find("subgraph cluster_1_update {"), std::string::npos);
  const int matmul =
      static_cast<int>(&Find(picture, "hidden1/matmul") - picture.nodes.data());
  const int gradient =
      static_cast<int>(&Find(picture, "gradient/a") - picture.nodes.data());
  EXPECT_NE(dot.find(StrCat("{ rank=same; n", matmul, " -> n", gradient)),
            std::string::npos)
      << dot;
  EXPECT_NE(dot.find("label=\"multiply 2\""), std::string::npos);
  EXPECT_EQ(dot.find("hidden1/start"), std::string::npos);
  ExpectDot(PrintGraphDot(PictureOf(*Compiled())));
}

// ---- Names ------------------------------------------------------------------

Graph HostileNames() {
  Graph graph;
  Value value = Placeholder(graph, "</script><script>alert(1)</script>",
                            F32({"batch", 4}));
  NameScope scope(graph, "<!--\"quotes\" & 'more' \\ \\N {}[]; \n -->");
  value = Dense(value, 4, {.name = std::string(10'000, 'n')});
  value = Relu(value);
  return graph;
}

TEST(GraphPictureTest, NamesStayNames) {
  const Graph graph = HostileNames();
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  GraphPicture picture = PictureOf(Program{.graph = graph});
  picture.title = "\"</title><b>\xff.eg";
  const std::string json = PrintGraphJson(picture);
  Flattener flat(json);
  ASSERT_TRUE(flat.Read("").ok());
  EXPECT_EQ(flat.values["/nodes/0/name"], "</script><script>alert(1)</script>");
  ExpectDot(PrintGraphDot(picture));
  const std::string html = PrintGraphHtml(picture);
  // The elements of the page are its own: what follows "<" elsewhere is
  // escaped.
  EXPECT_EQ(html.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(html.find("<!--\""), std::string::npos);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_NE(html.find("\\u003c/script>\\u003cscript>alert(1)"),
            std::string::npos);
  size_t scripts = 0;
  for (size_t at = html.find("<script"); at != std::string::npos;
       at = html.find("<script", at + 1)) {
    ++scripts;
  }
  EXPECT_EQ(scripts, 2u);  // the data and the program
  EXPECT_EQ(html.find("http://www.w3.org/1999"), std::string::npos);
  EXPECT_EQ(html.find("src="), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
}

// The page has all of the view's scripts, in an order in which each finds what
// it uses.
TEST(GraphHtmlTest, HasTheWholeView) {
  const std::string html = PrintGraphHtml(PictureOf(Training()));
  const std::string folder = EVENGRAD_SOURCE_DIR "/formats/html";
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("graph_")) continue;
    EXPECT_NE(html.find(EmbeddedFile(name)), std::string::npos) << name;
    ++scripts;
  }
  EXPECT_GE(scripts, 5);
  EXPECT_LT(html.find("const page = "), html.find("const graphModel = "));
  EXPECT_LT(html.find("const graphLayout = "), html.find("const graphDraw = "));
}

// ---- Statistics -------------------------------------------------------------

StatisticsRecord Record(const std::string& layer, int64_t elements) {
  return {
      .step = 10,
      .loss = 1,
      .layers = {{.name = layer,
                  .output = {.elements = 12, .norm = 1},
                  .output_gradient = {.elements = 12, .norm = 1e-9},
                  .parameters = {{.name = layer + "/weights",
                                  .value = {.elements = elements, .norm = 1},
                                  .gradient = {.elements = elements, .norm = 1},
                                  .update_ratio = 0.5}}}}};
}

TEST(PictureStatisticsTest, JoinTheLayersOfTheirModel) {
  GraphPicture picture = PictureOf(Training());
  ASSERT_TRUE(AddStatistics("run.csv", {Record("hidden2", 16)}, picture).ok());
  const LayerRecord& layer = picture.statistics.records[0].layers[0];
  EXPECT_EQ(picture.statistics.layers.at("hidden2"), 2);
  EXPECT_EQ(layer.activation, "relu");
  EXPECT_EQ(layer.units, 4);
  EXPECT_TRUE(layer.parameters[0].is_matrix);
  const std::string json = PrintGraphJson(picture);
  Flattener flat(json);
  ASSERT_TRUE(flat.Read("").ok());
  EXPECT_EQ(flat.values["/statistics/records/0/layers/0/layer"], "2");
  // An update of half the weights is a finding.
  EXPECT_EQ(flat.values["/statistics/records/0/findings/0/kind"],
            "large_updates");
}

TEST(PictureStatisticsTest, OfAnotherModelAreRefused) {
  GraphPicture picture = PictureOf(Training());
  EXPECT_EQ(Message(AddStatistics("run.csv", {Record("hidden3", 16)}, picture)),
            "run.csv: statistics of another model: the graph has no layer "
            "'hidden3'; did you mean 'hidden1'?");
  EXPECT_EQ(Message(AddStatistics("run.csv", {Record("hidden2", 8)}, picture)),
            "run.csv: statistics of another model: hidden2/weights has 8 "
            "numbers there, and is f32[4,4] in the graph");
  EXPECT_EQ(Message(AddStatistics("run.csv", {}, picture)),
            "run.csv: has no record of statistics");
}

TEST(PictureStatisticsTest, LongRunsAreThinnedOut) {
  GraphPicture picture = PictureOf(Training());
  std::vector<StatisticsRecord> records(1000, Record("hidden1", 16));
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].step = static_cast<int64_t>(i);
  }
  ASSERT_TRUE(AddStatistics("run.csv", records, picture).ok());
  EXPECT_EQ(picture.statistics.records.size(), 240u);
  EXPECT_EQ(picture.statistics.records.front().step, 0);
  EXPECT_EQ(picture.statistics.records.back().step, 999);
}

}  // namespace
}  // namespace evengrad
