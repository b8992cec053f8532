// ONNX models as programs: what becomes of their parts, and what is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/formats/onnx/model_file.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

OnnxValueInfo Info(const std::string& name, const TensorType& type) {
  return {.name = name, .type = type};
}

// y = relu(x · w + b), as a model of floats.
OnnxModel SmallModel() {
  OnnxModel model;
  model.opset = 17;
  model.inputs = {Info("x", F32({"batch", 3}))};
  model.outputs = {Info("y", F32({"batch", 2}))};
  model.initializers = {{"w", *Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6})},
                        {"b", *Tensor::Of<float>({2}, {-20, 1})}};
  model.nodes = {{.name = "layer/gemm",
                  .op = "Gemm",
                  .inputs = {"x", "w", "b"},
                  .outputs = {"h"}},
                 {.op = "Relu", .inputs = {"h"}, .outputs = {"y"}}};
  return model;
}

class OnnxImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  }

  static std::string Write(const OnnxModel& model) {
    std::string path = PathForTest("model.onnx");
    EXPECT_EQ(WriteOnnxModel(model, path), absl::OkStatus());
    return path;
  }
  static absl::Status ErrorOf(const OnnxModel& model) {
    return LoadOnnx(Write(model)).status();
  }
  static void ExpectError(const absl::Status& status,
                          const std::vector<std::string>& parts) {
    EXPECT_FALSE(status.ok());
    for (const std::string& part : parts) {
      EXPECT_NE(Message(status).find(part), std::string_view::npos)
          << "expected '" << part << "' in: " << status;
    }
  }
};

TEST_F(OnnxImportTest, PartsKeepTheirNames) {
  const absl::StatusOr<Program> program = LoadOnnx(Write(SmallModel()));
  ASSERT_TRUE(program.ok()) << program.status();
  const Graph& graph = program->graph;
  EXPECT_EQ(program->mode, Mode::kInference);
  EXPECT_EQ(graph.FindNode("x").output_type(), F32({"batch", 3}));
  EXPECT_TRUE(IsParameter(graph.FindNode("w")));
  ASSERT_EQ(program->fetches.size(), 1u);
  EXPECT_EQ(program->fetches[0].name, "y");
  EXPECT_EQ(program->fetches[0].value.type(), F32({"batch", 2}));
  const Node product = graph.FindNode("layer/gemm/matmul");
  ASSERT_TRUE(product.valid());
  EXPECT_EQ(product.location().line, 1);

  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto result = session->Run(
      *program, {{graph.FindNode("x").output(),
                  *Tensor::Of<float>({2, 3}, {1, 1, 1, 2, 2, 2})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->values()[0], *Tensor::Of<float>({2, 2}, {0, 13, 0, 25}));
}

TEST_F(OnnxImportTest, ANamedBatchSurvivesArithmeticOnShapes) {
  // reshape(x, concat(shape(x)[0], [-1])), as PyTorch writes a flattening.
  OnnxModel model;
  model.opset = 17;
  model.inputs = {Info("x", F32({"batch", 3, 4}))};
  model.outputs = {Info("y", F32({"batch", 12}))};
  model.initializers = {{"zero", *Tensor::Of<int64_t>({}, {0})},
                        {"axes", *Tensor::Of<int64_t>({1}, {0})},
                        {"rest", *Tensor::Of<int64_t>({1}, {-1})}};
  model.nodes = {{.op = "Shape", .inputs = {"x"}, .outputs = {"s"}},
                 {.op = "Gather", .inputs = {"s", "zero"}, .outputs = {"n"}},
                 {.op = "Unsqueeze", .inputs = {"n", "axes"}, .outputs = {"u"}},
                 {.op = "Concat",
                  .inputs = {"u", "rest"},
                  .outputs = {"t"},
                  .attributes = {{"axis", int64_t{0}}}},
                 {.op = "Reshape", .inputs = {"x", "t"}, .outputs = {"y"}}};
  const absl::StatusOr<Program> program = LoadOnnx(Write(model));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->fetches[0].value.type(), F32({"batch", 12}));
}

TEST_F(OnnxImportTest, InputsThatDecideAboutShapesAreTakenFromWhatIsFed) {
  OnnxModel model;
  model.opset = 17;
  model.inputs = {Info("x", F32({4})), Info("shape", I64({2}))};
  model.outputs = {Info("y", F32({2, 2}))};
  model.nodes = {{.op = "Reshape", .inputs = {"x", "shape"}, .outputs = {"y"}}};
  const std::string path = Write(model);
  const absl::Status status = LoadOnnx(path).status();
  EXPECT_TRUE(absl::IsUnimplemented(status));
  ExpectError(status, {"node 1 (Reshape)", "unsupported", "'shape'",
                       "computed while the model runs"});
  const std::vector<NamedTensor> fed = {
      {"shape", *Tensor::Of<int64_t>({2}, {2, -1})}};
  const absl::StatusOr<Program> program = LoadOnnx(path, {.inputs = fed});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->fetches[0].value.type(), F32({2, 2}));
}

TEST_F(OnnxImportTest, OneErrorListsAllUnknownOps) {
  OnnxModel model = SmallModel();
  model.nodes[0].op = "Frobnicate";
  model.nodes.push_back({.op = "Mystery", .inputs = {"h"}, .outputs = {"z"}});
  model.nodes.push_back({.op = "Relu",
                         .domain = "com.example",
                         .inputs = {"h"},
                         .outputs = {"v"}});
  const absl::Status status = ErrorOf(model);
  EXPECT_TRUE(absl::IsUnimplemented(status));
  ExpectError(status, {"model.onnx", "unsupported: 3 ops", "Frobnicate (node 1",
                       "Mystery (node 3", "com.example.Relu (node 4"});
}

TEST_F(OnnxImportTest, WhatARuleDoesNotReadIsRefused) {
  OnnxModel model = SmallModel();
  model.nodes[1].attributes.emplace("surprise", int64_t{1});
  ExpectError(ErrorOf(model), {"node 2 (Relu)", "unsupported", "'surprise'"});
  model = SmallModel();
  model.nodes[1].inputs.push_back("x");
  ExpectError(ErrorOf(model), {"node 2 (Relu)", "unsupported", "'x'"});
  model = SmallModel();
  model.nodes[0].attributes.emplace("alpha", std::string("one"));
  ExpectError(ErrorOf(model), {"node 1", "'alpha' must be a number"});
}

// A rule that refuses a node stops in the middle: what it has not read by then
// is not what is wrong.
TEST_F(OnnxImportTest, WhatARuleRefusesIsTheError) {
  OnnxModel model = SmallModel();
  model.nodes[1].op = "Concat";
  model.nodes[1].inputs = {"h", "h"};
  model.nodes[1].attributes = {{"axis", int64_t{9}}};
  absl::Status status = ErrorOf(model);
  ExpectError(status, {"node 2 (Concat)", "axis 9 is out of range for rank 2"});
  EXPECT_EQ(Message(status).find("unsupported"), std::string_view::npos);
  model.nodes[1].op = "Cast";
  model.nodes[1].inputs = {"h"};
  model.nodes[1].attributes = {{"to", int64_t{77}}};
  status = ErrorOf(model);
  ExpectError(status, {"node 2 (Cast)", "77"});
  EXPECT_EQ(Message(status).find("'h'"), std::string_view::npos) << status;
}

TEST_F(OnnxImportTest, BrokenGraphsNameTheNode) {
  OnnxModel model = SmallModel();
  model.nodes[0].inputs[0] = "y";
  ExpectError(ErrorOf(model), {"node 1 'layer/gemm' (Gemm)", "'y'", "cycle"});
  model = SmallModel();
  model.nodes[1].outputs[0] = "h";
  ExpectError(ErrorOf(model), {"node 2", "'h' is defined twice"});
  model = SmallModel();
  model.initializers[0].value = *Tensor::Of<float>({4, 1}, {1, 2, 3, 4});
  ExpectError(ErrorOf(model), {"model.onnx", "node 1", "matmul", "3", "4"});
  model = SmallModel();
  model.outputs[0].name = "nothing";
  ExpectError(ErrorOf(model), {"output 'nothing'", "is no input"});
  model = SmallModel();
  model.outputs[0].type = I64({"batch", 2});
  ExpectError(ErrorOf(model), {"output 'y'", "i64", "f32"});
  model = SmallModel();
  model.nodes[0].inputs.pop_back();
  model.nodes[0].inputs.pop_back();
  ExpectError(ErrorOf(model), {"node 1", "input 1 is missing"});
}

// Fields of protobuf messages, by hand: what no writer of ours produces.
std::string Field(int number, const std::string& bytes) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  for (size_t size = bytes.size();; size >>= 7) {
    const bool last = size < 0x80;
    field += static_cast<char>((size & 0x7f) | (last ? 0 : 0x80));
    if (last) return field + bytes;
  }
}
std::string Varint(int number, uint64_t value) {
  std::string field(1, static_cast<char>(number << 3));
  for (;; value >>= 7) {
    const bool last = value < 0x80;
    field += static_cast<char>((value & 0x7f) | (last ? 0 : 0x80));
    if (last) return field;
  }
}
// Two messages one after the other are one with the fields of both.
std::string WithInitializer(const std::string& model,
                            const std::string& tensor) {
  return model + Field(7, Field(5, tensor));
}

TEST_F(OnnxImportTest, ExternalDataIsRefused) {
  const std::string path = Write(SmallModel());
  const std::string entry = Field(1, "location") + Field(2, "/etc/passwd");
  const std::string tensor = Varint(1, 1) + Varint(2, 1) + Field(8, "stolen") +
                             Field(13, entry) + Varint(14, 1);
  WriteContents(path, WithInitializer(ContentsOf(path), tensor));
  ExpectError(LoadOnnx(path).status(),
              {"model.onnx", "'stolen'", "external data", "refused"});
}

TEST_F(OnnxImportTest, SizesThatDoNotFitTheValuesAreRefused) {
  const std::string path = Write(SmallModel());
  const std::string model = ContentsOf(path);
  const std::string huge = Varint(1, uint64_t{1} << 40) + Varint(2, 1) +
                           Field(8, "huge") + Field(9, "abcd");
  WriteContents(path, WithInitializer(model, huge));
  ExpectError(LoadOnnx(path).status(), {"'huge'", "1099511627776", "4 bytes"});
  const std::string negative =
      Varint(1, ~uint64_t{0}) + Varint(2, 1) + Field(8, "negative");
  WriteContents(path, WithInitializer(model, negative));
  ExpectError(LoadOnnx(path).status(), {"'negative'", "size -1"});
  const std::string overflow = Varint(1, uint64_t{1} << 40) +
                               Varint(1, uint64_t{1} << 40) + Varint(2, 1) +
                               Field(8, "overflow");
  WriteContents(path, WithInitializer(model, overflow));
  ExpectError(LoadOnnx(path).status(), {"'overflow'"});
  const std::string twice =
      Varint(1, 1) + Varint(2, 1) + Field(8, "w") + Field(9, "abcd");
  WriteContents(path, WithInitializer(model, twice));
  ExpectError(LoadOnnx(path).status(), {"'w' is given twice"});
}

// Two bytes of a file can stand for a message of hundreds.
TEST_F(OnnxImportTest, AFileOfEmptyMessagesIsRefusedBeforeItIsParsed) {
  const std::string path = PathForTest("model.onnx");
  std::string nodes;
  for (int i = 0; i < 2'000'000; ++i) nodes += Field(1, "");
  WriteContents(path, Field(7, nodes));
  ExpectError(LoadOnnx(path).status(), {"too many parts"});
  std::string nested = Field(1, "");
  for (int i = 0; i < 200; ++i) nested = Field(1, Field(5, Field(6, nested)));
  WriteContents(path, Field(7, nested));
  ExpectError(LoadOnnx(path).status(), {"nested"});
}

TEST_F(OnnxImportTest, EveryTruncationIsAnErrorThatNamesTheByte) {
  const std::string path = Write(SmallModel());
  const std::string whole = ContentsOf(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteContents(path, whole.substr(0, size));
    const absl::Status status = LoadOnnx(path).status();
    ASSERT_FALSE(status.ok()) << size;
    ExpectError(status, {"model.onnx: "});
  }
  WriteContents(path, "evengrad 1\ngraph {\n}\n");
  ExpectError(LoadOnnx(path).status(), {"byte", "no ONNX file"});
  ExpectError(LoadOnnx(path + ".none").status(), {"No such file"});
}

TEST_F(OnnxImportTest, NoFlippedBitDoesHarm) {
  const std::string path = Write(SmallModel());
  const std::string whole = ContentsOf(path);
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    WriteContents(path, bytes);
    const absl::StatusOr<Program> program = LoadOnnx(path);
    if (program.ok()) {
      EXPECT_EQ(VerifyProgram(*program), absl::OkStatus());
    } else {
      EXPECT_FALSE(program.status().message().empty());
    }
  }
}

TEST_F(OnnxImportTest, TheListOfOpsIsSorted) {
  const std::vector<std::string_view> ops = OnnxOps();
  EXPECT_GE(ops.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ops.begin(), ops.end()));
}

}  // namespace
}  // namespace evengrad
