// Programs written as ONNX models and read again compute the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/formats/onnx/model_file.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/sample_graph.h"
#include "tests/formats/file_testing.h"
#include "tests/ops/op_cases.h"

namespace evengrad {
namespace {

using testing::CheckClose;
using testing::DrawInputs;
using testing::NumberSource;
using testing::OpSample;

class OnnxExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  }
};

// The op on placeholders, with `outputs` of its outputs as results.
absl::StatusOr<Program> ProgramOf(const OpDef& op, const OpSample& sample,
                                  int outputs) {
  Program program = {.mode = Mode::kInference};
  std::vector<Value> inputs;
  for (const testing::InputSample& input : sample.inputs) {
    inputs.push_back(
        Placeholder(program.graph, StrCat("x", inputs.size()), input.type));
  }
  const Node node = program.graph.Add(op, inputs, sample.attributes);
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  for (int i = 0; i < std::min(outputs, node.num_outputs()); ++i) {
    program.fetches.push_back({StrCat("y", i), node.output(i)});
  }
  return program;
}

absl::StatusOr<std::vector<ReferenceTensor>> Run(
    const Program& program, const std::vector<ReferenceTensor>& inputs) {
  std::vector<ReferenceFeed> feeds;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Node node = program.graph.FindNode(StrCat("x", i));
    if (!node.valid()) continue;  // nobody reads it
    feeds.push_back({node.output(), inputs[i]});
  }
  EVENGRAD_ASSIGN_OR_RETURN(ReferenceResult result,
                            RunReference(program, feeds));
  return result.fetches;
}

// Where ThroughFile leaves the model.
std::string LastModel() {
  static const std::string* const path =
      new std::string(PathForTest("model.onnx"));
  return *path;
}

// For tools/check_onnx.sh: the model, what it was fed and what it answered.
void KeepForOthers(const std::string& path, const std::string& name,
                   const std::vector<ReferenceTensor>& inputs,
                   const Program& program,
                   const std::vector<ReferenceTensor>& outputs) {
  const char* const folder = std::getenv("EVENGRAD_ONNX_FOLDER");
  if (folder == nullptr) return;
  std::string base;
  for (int i = 0; base.empty() || std::filesystem::exists(base + ".onnx");
       ++i) {
    base = StrCat(folder, "/", name, "_", i);
  }
  std::filesystem::copy(path, base + ".onnx");
  std::vector<NamedTensor> fed, found;
  for (size_t i = 0; i < inputs.size(); ++i) {
    fed.push_back({StrCat("x", i), *ToTensor(inputs[i])});
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    found.push_back({program.fetches[i].name, *ToTensor(outputs[i])});
  }
  ASSERT_EQ(WriteSafetensors(base + ".in.safetensors", fed), absl::OkStatus());
  ASSERT_EQ(WriteSafetensors(base + ".out.safetensors", found),
            absl::OkStatus());
}

absl::StatusOr<Program> ThroughFile(const Program& program) {
  const std::string path = LastModel();
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(program.graph, {.num_threads = 1}));
  EVENGRAD_RETURN_IF_ERROR(SaveOnnx(session, program, path));
  return LoadOnnx(path);
}

// Numbers that become attributes are f32 in ONNX.
constexpr testing::Tolerance kTolerance = {.absolute = 1e-5, .relative = 1e-5};

absl::Status CheckRoundTrip(const OpDef& op, const OpSample& sample,
                            const OpSample& concrete, int outputs) {
  EVENGRAD_ASSIGN_OR_RETURN(const Program program,
                            ProgramOf(op, sample, outputs));
  EVENGRAD_ASSIGN_OR_RETURN(const Program loaded, ThroughFile(program));
  NumberSource numbers(5);
  const std::vector<ReferenceTensor> inputs = DrawInputs(concrete, numbers);
  EVENGRAD_ASSIGN_OR_RETURN(const auto expected, Run(program, inputs));
  EVENGRAD_ASSIGN_OR_RETURN(const auto found, Run(loaded, inputs));
  KeepForOthers(LastModel(), std::string(op.name), inputs, program, expected);
  for (size_t i = 0; i < expected.size(); ++i) {
    // As the element type holds it.
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor rounded, ToTensor(found[i]));
    EVENGRAD_RETURN_IF_ERROR(
        CheckClose(ToReference(rounded), expected[i], kTolerance));
    const TensorType& type = loaded.fetches[i].value.type();
    if (type.dtype != program.fetches[i].value.dtype() ||
        !MayBeEqual(type.shape, program.fetches[i].value.shape())) {
      return InvalidArgument("the type became ", type.ToString());
    }
  }
  return absl::OkStatus();
}

TEST_F(OnnxExportTest, EveryOpWithACounterpartComputesTheSame) {
  int ops = 0;
  int unsupported = 0;
  for (const OpCase& row : BuiltinOpCases()) {
    if (FindOnnxExport(*row.op) == nullptr) continue;
    ++ops;
    for (const OpSample& sample : row.samples) {
      if (sample.large) continue;
      absl::Status status = CheckRoundTrip(*row.op, sample, sample, 8);
      if (absl::IsUnimplemented(status)) {  // what only backward reads
        status = CheckRoundTrip(*row.op, sample, sample, 1);
      }
      if (absl::IsUnimplemented(status)) {
        ++unsupported;
        continue;
      }
      EXPECT_TRUE(status.ok())
          << Describe(*row.op, sample) << ": " << Message(status);
    }
  }
  EXPECT_GE(ops, 85);
  // A batch norm with the channels first, a gather of zeros.
  EXPECT_LE(unsupported, 2);
}

TEST_F(OnnxExportTest, EveryOpWithACounterpartKeepsNamedSizes) {
  int written = 0;
  for (const OpCase& row : BuiltinOpCases()) {
    if (FindOnnxExport(*row.op) == nullptr || row.needs_sizes) continue;
    for (const OpSample& sample : row.samples) {
      if (sample.large) continue;
      const OpSample symbols = testing::WithSymbols(sample);
      const absl::Status status = CheckRoundTrip(*row.op, symbols, sample, 1);
      written += status.ok() ? 1 : 0;
      // An index that a size is no part of, a sum to an unknown size.
      if (absl::IsUnimplemented(status)) continue;
      EXPECT_TRUE(status.ok())
          << Describe(*row.op, symbols) << ": " << Message(status);
    }
  }
  EXPECT_GE(written, 200);
}

// Hidden layers with what inference changes: dropout, batch norm.
TEST_F(OnnxExportTest, ANetworkKeepsItsBatchNamesAndAnswers) {
  Graph graph;
  const Value images = Placeholder(graph, "images", F32({"batch", 12}));
  Value x = images;
  for (int i = 1; i <= 2; ++i) {
    const NameScope layer(graph, StrCat("hidden", i));
    x = Dropout(Selu(BatchNorm(Dense(x, 9))), 0.25);
  }
  const Value logits =
      Dense(LayerNorm(x, {.name = "norm"}), 5, {.name = "logits"});
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 9});
  ASSERT_TRUE(session.ok()) << session.status();
  const Program program = {
      .graph = graph,
      .fetches = {{"logits", logits}, {"answer", ArgMax(logits)}}};
  const std::string path = PathForTest("network.onnx");
  ASSERT_EQ(SaveOnnx(*session, program, path), absl::OkStatus());

  const absl::StatusOr<OnnxModel> model = ReadOnnxModel(path);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->opset, 17);
  ASSERT_EQ(model->inputs.size(), 1u);
  EXPECT_EQ(std::get<TensorType>(model->inputs[0].type), F32({"batch", 12}));
  EXPECT_EQ(std::get<TensorType>(model->outputs[0].type), F32({"batch", 5}));
  int norms = 0;
  for (const OnnxNode& node : model->nodes) {
    norms += node.op == "BatchNormalization" ? 1 : 0;
    EXPECT_NE(node.op, "Dropout");
  }
  EXPECT_EQ(norms, 2);

  const absl::StatusOr<Program> loaded = LoadOnnx(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->mode, Mode::kInference);
  for (const Value& parameter : Parameters(graph)) {
    const Node node = loaded->graph.FindNode(parameter.node().name());
    ASSERT_TRUE(node.valid()) << parameter.name();
    EXPECT_TRUE(IsParameter(node)) << parameter.name();
  }
  const Node mean = loaded->graph.FindNode("hidden1/running_mean");
  ASSERT_TRUE(mean.valid());
  EXPECT_FALSE(IsParameter(mean));
  EXPECT_TRUE(mean.training_update().valid());

  absl::StatusOr<Session> again =
      Session::Create(loaded->graph, {.seed = 1, .num_threads = 1});
  ASSERT_TRUE(again.ok()) << again.status();
  for (int64_t batch : {1, 6}) {  // any size of the named one
    Tensor fed = *Tensor::Zeros(F32({batch, 12}));
    for (int64_t i = 0; i < fed.num_elements(); ++i) {
      StoreFromDouble(DType::kF32, fed.mutable_data(), i, std::sin(i));
    }
    const auto expected =
        session->Run({logits, program.fetches[1].value}, {{images, fed}});
    const auto found =
        again->Run(*loaded, {{loaded->graph.FindNode("images").output(), fed}});
    ASSERT_TRUE(expected.ok()) << expected.status();
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(CheckClose(ToReference(found->values()[0]),
                         ToReference(expected->values()[0]), kTolerance),
              absl::OkStatus());
    EXPECT_EQ(found->values()[1], expected->values()[1]);
  }
}

TEST_F(OnnxExportTest, OneErrorListsAllOpsWithoutCounterpart) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({3, 3}));
  const Value noise = RandomNormal(graph, F32({3, 3}));
  const Value y = Orthogonalize(x) + noise;
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::Status status =
      SaveOnnx(*session, {.graph = graph, .fetches = {{"y", y}}},
               PathForTest("model.onnx"));
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  for (const char* part : {"unsupported", "orthogonalize", "random_normal"}) {
    EXPECT_NE(Message(status).find(part), std::string_view::npos) << status;
  }
}

// ONNX has no product of bf16 matrices with an f32 result: they are cast.
TEST_F(OnnxExportTest, AProductOfNarrowMatricesStaysAsExact) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 50}));
  const Value w = Placeholder(graph, "w", F32({50, 2}));
  const Program program = {
      .graph = graph,
      .mode = Mode::kInference,
      .fetches = {{"y", MatMul(Cast(x, DType::kBF16), Cast(w, DType::kBF16),
                               {.output_f32 = true})}}};
  const absl::StatusOr<Program> loaded = ThroughFile(program);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const std::vector<float> numbers(100, 1.001f);  // in bf16: 1
  for (const Program& each : {program, *loaded}) {
    absl::StatusOr<Session> session = Session::Create(each.graph);
    ASSERT_TRUE(session.ok()) << session.status();
    const auto result =
        session->Run(each, {{each.graph.FindNode("x").output(),
                             *Tensor::Of<float>({2, 50}, numbers)},
                            {each.graph.FindNode("w").output(),
                             *Tensor::Of<float>({50, 2}, numbers)}});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->values()[0].ToDoubles(), std::vector<double>(4, 50.0));
  }
}

// Results that are an input, a state, and one value twice.
TEST_F(OnnxExportTest, EveryResultKeepsItsName) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  const Value w =
      Parameter(graph, "w", Constant(graph, *Tensor::Of<float>({2}, {3, 4})));
  const Value y = x * w;
  const Program program = {
      .graph = graph,
      .fetches = {{"in", x}, {"state", w}, {"once", y}, {"twice", y}}};
  const absl::StatusOr<Program> loaded = ThroughFile(program);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->fetches.size(), 4u);
  EXPECT_EQ(loaded->fetches[3].name, "twice");
  absl::StatusOr<Session> session = Session::Create(loaded->graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor fed = *Tensor::Of<float>({2}, {5, 6});
  const auto result =
      session->Run(*loaded, {{loaded->graph.FindNode("x").output(), fed}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->values()[0], fed);
  EXPECT_EQ(result->values()[2], *Tensor::Of<float>({2}, {15, 24}));
  EXPECT_EQ(result->values()[3], result->values()[2]);
}

}  // namespace
}  // namespace evengrad
