// evengrad run, convert, train --model and dump, on models from files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/formats/onnx/model_file.h"
#include "tests/tools/command.h"
#include "tests/tools/small_data.h"

namespace evengrad {
namespace {

// logits = images · w + b, and the mean loss.
constexpr const char* kModel = R"(evengrad 1
program inference {
  %images: f32[batch,16] = placeholder()
  %labels: i32[batch] = placeholder()
  %w/initial: f32[16,3] = random_normal(deviation=0.1, stream=1)
  %w: f32[16,3] = parameter() initialized %w/initial
  %b/initial: f32[3] = constant(value={0.5, 0, -0.5})
  %b: f32[3] = parameter() initialized %b/initial
  %product: f32[batch,3] = matmul(%images, %w)
  %sum: f32[batch,3] = add(%product, %b)
  %losses: f32[batch], f32[batch,3] = sparse_softmax_cross_entropy(%sum, %labels)
  %mean: f32[] = reduce_mean(%losses)
  return loss=%mean, logits=%sum
}
)";

class ModelCommandsTest : public SmallDataTest {
 protected:
  void SetUp() override {
    SmallDataTest::SetUp();
    Write("model.eg", kModel);
    Tensor images = *Tensor::Zeros(F32({5, 16}));
    for (int64_t i = 0; i < images.num_elements(); ++i) {
      StoreFromDouble(DType::kF32, images.mutable_data(), i, std::sin(i));
    }
    ASSERT_EQ(WriteSafetensors(
                  Path("in.safetensors"),
                  {{"images", images},
                   {"labels", *Tensor::Of<int32_t>({5}, {0, 1, 2, 1, 0})}}),
              absl::OkStatus());
  }

  CommandResult Run(const std::string& model, const std::string& flags) {
    return RunEvengrad("run " + Path(model) + " --inputs=" +
                       Path("in.safetensors") + " --threads=1 " + flags);
  }
  Tensor Output(const std::string& file, const std::string& name) {
    const auto tensors = ReadSafetensors(Path(file));
    EXPECT_TRUE(tensors.ok()) << tensors.status();
    if (!tensors.ok()) return *Tensor::Zeros(F32({}));
    for (const NamedTensor& tensor : *tensors) {
      if (tensor.name == name) return tensor.tensor;
    }
    ADD_FAILURE() << file << " has no tensor " << name;
    return *Tensor::Zeros(F32({}));
  }
  static void ExpectClose(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.type(), b.type());
    for (int64_t i = 0; i < a.num_elements(); ++i) {
      EXPECT_NEAR(LoadAsDouble(a.dtype(), a.data(), i),
                  LoadAsDouble(b.dtype(), b.data(), i), 1e-5);
    }
  }
};

TEST_F(ModelCommandsTest, RunWritesResultsAndGradients) {
  const CommandResult result = Run(
      "model.eg", "--outputs=" + Path("out.safetensors") + " --gradients=loss");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  std::vector<std::string> names;
  const auto written = ReadSafetensors(Path("out.safetensors"));
  ASSERT_TRUE(written.ok()) << written.status();
  for (const NamedTensor& tensor : *written) {
    names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"gradient/b", "gradient/images",
                                             "gradient/w", "logits", "loss"}));
  // The gradient of the bias is the mean of softmax - one-hot: its sum is 0.
  const std::vector<double> bias =
      Output("out.safetensors", "gradient/b").ToDoubles();
  EXPECT_NEAR(bias[0] + bias[1] + bias[2], 0, 1e-6);
  EXPECT_NE(bias[0], 0);
}

TEST_F(ModelCommandsTest, TheReferenceAgrees) {
  for (const char* flag : {"", "--reference"}) {
    const CommandResult result =
        Run("model.eg", StrCat("--gradients=loss ", flag, " --outputs=",
                               Path(StrCat("out", flag, ".safetensors"))));
    ASSERT_EQ(result.exit_code, 0) << result.error;
  }
  for (const char* name : {"loss", "logits", "gradient/w"}) {
    ExpectClose(Output("out.safetensors", name),
                Output("out--reference.safetensors", name));
  }
  const CommandResult compared = Run("model.eg", "--compare --gradients=loss");
  EXPECT_EQ(compared.exit_code, 0) << compared.error;
  EXPECT_NE(compared.output.find("values compared with the reference"),
            std::string::npos);
  const CommandResult strict =
      Run("model.eg", "--compare --rtol=1e-12 --atol=1e-12");
  ExpectComplaint(strict, 1, "the first node that differs: op 'matmul'");
  EXPECT_NE(strict.error.find("product"), std::string::npos) << strict.error;
}

TEST_F(ModelCommandsTest, MistakesOfRunNameTheirCause) {
  const std::string out = "--outputs=" + Path("out.safetensors");
  ExpectComplaint(Run("model.eg", ""), 2, "--outputs");
  ExpectComplaint(Run("model.eg", out + " --precision=f16"), 2,
                  "expected f32 or bf16");
  ExpectComplaint(Run("model.eg", "--compare --precision=bf16"), 2,
                  "--compare is for f32");
  const std::string run = "run " + Path("model.eg") +
                          " --inputs=" + Path("in.safetensors") + " --compare ";
  for (const char* threads : {"-1", "257"}) {
    ExpectComplaint(RunEvengrad(StrCat(run, "--threads=", threads)), 2,
                    StrCat("--threads=", threads,
                           ": expected 1 to 256, or 0 for one a core"));
  }
  for (const char* tolerance :
       {"--rtol=-1", "--rtol=nan", "--atol=-0.5", "--atol=inf", "--atol=nan"}) {
    ExpectComplaint(
        RunEvengrad(run + tolerance), 2,
        StrCat(tolerance, ": expected a finite number that is not negative"));
  }
  ExpectComplaint(Run("model.eg", out + " --frob"), 2, "--frob");
  ExpectComplaint(Run("none.eg", out), 1, "No such file");
  ExpectComplaint(Run("model.eg", out + " --gradients=los"), 1,
                  "did you mean 'loss'?");
  ExpectComplaint(Run("model.eg", out + " --gradients=logits"), 1,
                  "must be a floating scalar");
  ASSERT_EQ(WriteSafetensors(Path("in.safetensors"),
                             {{"image", *Tensor::Zeros(F32({5, 16}))}}),
            absl::OkStatus());
  ExpectComplaint(Run("model.eg", out), 1, "input 'images'");
}

TEST_F(ModelCommandsTest, ConvertedModelsComputeTheSame) {
  if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  ASSERT_EQ(
      RunEvengrad("convert " + Path("model.eg") + " " + Path("model.onnx"))
          .exit_code,
      0);
  ASSERT_EQ(RunEvengrad("convert " + Path("model.onnx") + " " + Path("back.eg"))
                .exit_code,
            0);
  for (const char* model : {"model.eg", "model.onnx", "back.eg"}) {
    const CommandResult result =
        Run(model, "--gradients=loss --outputs=" +
                       Path(StrCat(model, ".safetensors")));
    ASSERT_EQ(result.exit_code, 0) << model << result.error;
  }
  for (const char* other : {"model.onnx", "back.eg"}) {
    for (const char* name :
         {"loss", "logits", "gradient/w", "gradient/images"}) {
      ExpectClose(Output(StrCat(other, ".safetensors"), name),
                  Output("model.eg.safetensors", name));
    }
  }
  const CommandResult dump =
      RunEvengrad("dump " + Path("model.onnx") + " --stage=training");
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_NE(dump.output.find("update %w = "), std::string::npos);
  ExpectComplaint(RunEvengrad("convert " + Path("model.eg") + " x.pt"), 2,
                  ".onnx");
}

TEST_F(ModelCommandsTest, AnUnknownOpIsUnsupported) {
  if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  OnnxModel model;
  model.opset = 17;
  model.inputs = {{.name = "images", .type = F32({2})}};
  model.outputs = {{.name = "y", .type = F32({2})}};
  model.nodes = {{.op = "Frobnicate", .inputs = {"images"}, .outputs = {"y"}}};
  ASSERT_EQ(WriteOnnxModel(model, Path("odd.onnx")), absl::OkStatus());
  ExpectComplaint(Run("odd.onnx", "--outputs=" + Path("out.safetensors")), 1,
                  "unsupported");
}

// Names of a file may hold anything; a terminal must not obey them.
TEST_F(ModelCommandsTest, MessagesHoldNoControlCharacters) {
  if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  OnnxModel model;
  model.opset = 17;
  model.outputs = {{.name = "y", .type = F32({2})}};
  model.nodes = {{.op = "Relu", .inputs = {"x\n\x1b[31m"}, .outputs = {"y"}}};
  ASSERT_EQ(WriteOnnxModel(model, Path("odd.onnx")), absl::OkStatus());
  ExpectComplaint(Run("odd.onnx", "--outputs=" + Path("out.safetensors")), 1,
                  "'x ?[31m' is no input");
}

TEST_F(ModelCommandsTest, TrainsGraphTextAndOnnx) {
  std::vector<std::string> models = {"model.eg"};
  if (OnnxIsAvailable()) {
    ASSERT_EQ(
        RunEvengrad("convert " + Path("model.eg") + " " + Path("model.onnx"))
            .exit_code,
        0);
    models.push_back("model.onnx");
  }
  std::vector<std::string> tests;
  for (const std::string& model : models) {
    const CommandResult result = RunEvengrad(
        "train --data=" + folder_ + " --model=" + Path(model) +
        " --classes=3 --validation=30 --epochs=3 --learning-rate=0.1 "
        "--threads=1");
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_NE(result.output.find(model + ": 51 parameters"), std::string::npos)
        << result.output;
    tests.push_back(result.output.substr(result.output.find("test accuracy")));
    EXPECT_NE(tests.back().find("test accuracy 1.0000"), std::string::npos)
        << result.output;
  }
  EXPECT_EQ(tests.front(), tests.back());
}

// Without dropout: a saved model is there to be used. Training it is derived
// from it as from any model.
TEST_F(ModelCommandsTest, ASavedModelRunsAsItIsUsed) {
  const CommandResult trained = RunEvengrad(
      "train --data=" + folder_ + " --epochs=1 --hidden=8 --dropout=0.5 " +
      "--validation=30 --threads=1 --save-model=" + Path("saved.eg"));
  ASSERT_EQ(trained.exit_code, 0) << trained.error;
  const std::string saved = FileContents(Path("saved.eg"));
  EXPECT_NE(saved.find("program inference {"), std::string::npos) << saved;
  EXPECT_NE(saved.find("= dropout("), std::string::npos) << saved;
  const CommandResult dumped = RunEvengrad("dump " + Path("saved.eg") +
                                           " --stage=training --size=batch=32");
  ASSERT_EQ(dumped.exit_code, 0) << dumped.error;
  EXPECT_NE(dumped.output.find("program training {"), std::string::npos);
  EXPECT_NE(dumped.output.find("= dropout("), std::string::npos);
}

TEST_F(ModelCommandsTest, TrainsWithoutLogits) {
  std::string text = kModel;
  text.replace(text.find(", logits=%sum"), 13, "");
  Write("model.eg", text);
  const std::string flags = "train --data=" + folder_ +
                            " --model=" + Path("model.eg") +
                            " --classes=3 --validation=30 --threads=1 "
                            "--checkpoint=" +
                            Path("run") + " --epochs=";
  const CommandResult result = RunEvengrad(flags + "1");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("test accuracy -, loss"), std::string::npos)
      << result.output;
  const CommandResult resumed = RunEvengrad(flags + "2 --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.error;
  for (const std::string flag : {"--top-k=2", "--confusion"}) {
    const CommandResult ranked =
        RunEvengrad(StrCat(flags, "3 --resume ", flag));
    ExpectComplaint(ranked, 1,
                    StrCat(flag, ": --model=", Path("model.eg"),
                           " has no output 'logits'"));
    EXPECT_EQ(ranked.output, "");  // nothing was trained in vain
  }
}

TEST_F(ModelCommandsTest, ARunGoesOnWithTheSameModelUnderAnyName) {
  const auto train = [&](const std::string& model, const std::string& epochs) {
    return RunEvengrad("train --data=" + folder_ + " --model=" + Path(model) +
                       " --classes=3 --validation=30 --threads=1 --resume "
                       "--checkpoint=" +
                       Path("run") + " --epochs=" + epochs);
  };
  ASSERT_EQ(train("model.eg", "1").exit_code, 0);
  Write("renamed.eg", kModel);
  const CommandResult renamed = train("renamed.eg", "2");
  EXPECT_EQ(renamed.exit_code, 0) << renamed.error;
  // The loss is another one, the states are the same.
  std::string text = kModel;
  text.replace(text.find("reduce_mean"), 11, "reduce_sum");
  Write("model.eg", text);
  const CommandResult edited = train("model.eg", "3");
  ExpectComplaint(edited, 1, "with the options --model=content:");
  ExpectComplaint(edited, 1, ", this one has --model=content:");
}

TEST_F(ModelCommandsTest, MistakesOfTrainNameTheModel) {
  const auto train = [&](const std::string& flags) {
    return RunEvengrad("train --data=" + folder_ +
                       " --classes=3 --epochs=1 "
                       "--validation=30 " +
                       flags);
  };
  ExpectComplaint(train("--model=" + Path("model.eg") + " --hidden=10"), 2,
                  "--hidden");
  std::string text = kModel;
  text.replace(text.find("%labels"), 7, "%classs");
  text.replace(text.find(", %labels"), 9, ", %classs");
  Write("odd.eg", text);
  ExpectComplaint(train("--model=" + Path("odd.eg")), 1, "'labels'");
  text = kModel;
  for (size_t at; (at = text.find("16")) != std::string::npos;) {
    text.replace(at, 2, "15");
  }
  Write("small.eg", text);
  ExpectComplaint(train("--model=" + Path("small.eg")), 1, "small.eg");
}

}  // namespace
}  // namespace evengrad
