#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/tools/command.h"

namespace evengrad {
namespace {

const std::string kModel = EVENGRAD_SOURCE_DIR "/examples/models/mnist.eg";

std::string WriteText(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/dump_command_" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(DumpCommandTest, TheExampleRoundTrips) {
  const CommandResult first = RunEvengrad("dump " + kModel);
  ASSERT_EQ(first.exit_code, 0) << first.error;
  EXPECT_NE(first.output.find("  %images: f32[batch,784] = placeholder()\n"),
            std::string::npos);
  const std::string copy = WriteText("copy.eg", first.output);
  const CommandResult second = RunEvengrad("dump " + copy);
  EXPECT_EQ(second.output, first.output);
}

TEST(DumpCommandTest, SummaryAndStages) {
  const CommandResult summary =
      RunEvengrad("dump " + kModel + " --format=summary --size=batch=32");
  ASSERT_EQ(summary.exit_code, 0) << summary.error;
  EXPECT_NE(summary.output.find("hidden1"), std::string::npos);
  EXPECT_NE(summary.output.find("78,500"), std::string::npos);  // 785 * 100
  EXPECT_NE(summary.output.find("89,500"), std::string::npos);  // all
  EXPECT_NE(summary.output.find("peak memory: "), std::string::npos);

  const CommandResult training =
      RunEvengrad("dump " + kModel +
                  " --stage=training --optimizer=adam --clip=global_norm:1.0");
  ASSERT_EQ(training.exit_code, 0) << training.error;
  EXPECT_NE(training.output.find("  return loss=%mean_loss, logits="),
            std::string::npos);
  EXPECT_NE(training.output.find("first_moment"), std::string::npos);
  EXPECT_NE(training.output.find("clip_by_global_norm"), std::string::npos);

  // What trains already is not minimized again.
  const std::string trained = WriteText("trained.eg", training.output);
  EXPECT_EQ(RunEvengrad("dump " + trained + " --stage=training").output,
            training.output);

  const CommandResult plan = RunEvengrad(
      "dump " + kModel + " --stage=plan --loss=loss --size=batch=32");
  ASSERT_EQ(plan.exit_code, 0) << plan.error;
  EXPECT_NE(plan.output.find("implementation"), std::string::npos);
  EXPECT_NE(plan.output.find("f32[32,784]"), std::string::npos);

  const CommandResult after =
      RunEvengrad("dump " + kModel + " --after=specialize --size=batch=7");
  ASSERT_EQ(after.exit_code, 0) << after.error;
  EXPECT_NE(after.output.find("%images: f32[7,784]"), std::string::npos);
}

TEST(DumpCommandTest, BadUsage) {
  const CommandResult stage = RunEvengrad("dump " + kModel + " --stage=plann");
  EXPECT_EQ(stage.exit_code, 2);
  EXPECT_EQ(stage.error,
            "evengrad: --stage=plann: expected one of model, gradients, "
            "training, optimized, plan; did you mean 'plan'?\n");
  const CommandResult size = RunEvengrad("dump " + kModel + " --size=batch");
  EXPECT_EQ(size.exit_code, 2);
  EXPECT_EQ(size.error,
            "evengrad: --size=batch: expected NAME=N with N of at least 0, "
            "such as batch=32\n");
  const CommandResult optimizer =
      RunEvengrad("dump " + kModel + " --optimizer=adma");
  EXPECT_EQ(optimizer.exit_code, 2);
  EXPECT_EQ(RunEvengrad("dump").exit_code, 2);
  const CommandResult pass = RunEvengrad("dump " + kModel + " --after=prun");
  EXPECT_EQ(pass.exit_code, 2);
  EXPECT_EQ(pass.error,
            "evengrad: --after=prun: expected infer, specialize, fold, "
            "simplify, share or prune; did you mean 'prune'?\n");
  for (const std::string other : {"model", "plan"}) {
    const CommandResult both =
        RunEvengrad("dump " + kModel + " --after=prune --stage=" + other);
    EXPECT_EQ(both.exit_code, 2);
    EXPECT_EQ(both.error,
              "evengrad: --after=prune: stops within --stage=optimized, and "
              "--stage=" +
                  other + " is given; leave one of them out\n");
  }
  const std::string optimized = "dump " + kModel + " --after=prune";
  EXPECT_EQ(RunEvengrad(optimized + " --stage=optimized").output,
            RunEvengrad(optimized).output);
}

TEST(DumpCommandTest, BadFilesAreOneLineAndExitCode1) {
  const CommandResult missing = RunEvengrad("dump /nowhere/model.eg");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.error,
            "evengrad: /nowhere/model.eg: cannot be read: No such file or "
            "directory\n");
  const std::string path =
      WriteText("broken.eg", "evengrad 1\ngraph {\n  %x: f32[2] = slu()\n}\n");
  const CommandResult broken = RunEvengrad("dump " + path);
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_EQ(broken.output, "");
  EXPECT_EQ(broken.error, "evengrad: " + path +
                              ":3:16: unknown op 'slu'; did you mean "
                              "'selu'?\n");
  const CommandResult loss =
      RunEvengrad("dump " + kModel + " --stage=training --loss=mean_los");
  EXPECT_EQ(loss.exit_code, 1);
  EXPECT_EQ(loss.error, "evengrad: --loss=mean_los: " + kModel +
                            " has no result and no node of that name; did you "
                            "mean 'mean_loss'?\n");
  const std::string lossless = WriteText(
      "lossless.eg", "evengrad 1\ngraph {\n  %x: f32[2] = placeholder()\n}\n");
  const CommandResult none =
      RunEvengrad("dump " + lossless + " --stage=gradients");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.error, "evengrad: " + lossless +
                            ": stage gradients needs a loss: name it with "
                            "--loss=NAME\n");
}

// ---- Pictures ---------------------------------------------------------------

TEST(DumpCommandTest, PicturesOfEveryStage) {
  for (const std::string stage :
       {"model", "gradients", "training", "optimized", "plan"}) {
    const std::string flags =
        "dump " + kModel + " --loss=loss --size=batch=32 --stage=" + stage;
    const CommandResult json = RunEvengrad(flags + " --format=json");
    ASSERT_EQ(json.exit_code, 0) << json.error;
    EXPECT_EQ(json.output.rfind("{\"format\":\"evengrad graph\",\"version\":1,"
                                "\"title\":\"mnist.eg\",\"stage\":\"" +
                                    stage + "\"",
                                0),
              0u)
        << json.output.substr(0, 200);
    EXPECT_NE(json.output.find("\"sizes\":{\"batch\":32}"), std::string::npos);
    EXPECT_NE(json.output.find("\"flops\":"), std::string::npos) << stage;
    EXPECT_EQ(json.output.find("\"kernels\":[") != std::string::npos,
              stage == "plan");
    const CommandResult dot = RunEvengrad(flags + " --format=dot");
    ASSERT_EQ(dot.exit_code, 0) << dot.error;
    EXPECT_NE(dot.output.find("label=\"hidden1\""), std::string::npos);
    EXPECT_EQ(dot.output.find("_gradient {") != std::string::npos,
              stage != "model");
    const CommandResult html = RunEvengrad(flags + " --format=html");
    ASSERT_EQ(html.exit_code, 0) << html.error;
    EXPECT_EQ(html.output.rfind("<!DOCTYPE html>", 0), 0u);
    // The page holds the JSON, and its program is there.
    EXPECT_NE(html.output.find(json.output.substr(0, 100)), std::string::npos);
    EXPECT_NE(html.output.find("graphModel.make(graph)"), std::string::npos);
  }
}

TEST(DumpCommandTest, OutputIsWrittenWholeOrNotAtAll) {
  const std::string path = ::testing::TempDir() + "/dump_command_output.json";
  std::remove(path.c_str());
  const std::string flags =
      "dump " + kModel + " --format=json --output=" + path;
  EXPECT_EQ(RunEvengrad(flags + " --stage=training --loss=nothing").exit_code,
            1);
  EXPECT_EQ(RunEvengrad(flags + " --statistics=/no/such.csv").exit_code, 1);
  EXPECT_FALSE(std::ifstream(path).good());
  const CommandResult done = RunEvengrad(flags);
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(done.output, "");
  EXPECT_EQ(FileContents(path),
            RunEvengrad("dump " + kModel + " --format=json").output);
  const CommandResult nowhere = RunEvengrad(
      "dump " + kModel + " --format=json --output=/no/such/folder/x.json");
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_NE(nowhere.error.find("/no/such/folder/x.json"), std::string::npos);
}

TEST(DumpCommandTest, AnSvgIsRenderedWhereGraphvizIsInstalled) {
  const std::string path = ::testing::TempDir() + "/dump_command_output.svg";
  std::remove(path.c_str());
  const std::string flags = "dump " + kModel + " --format=dot --output=" + path;
  const CommandResult without = RunEvengrad(flags, "env PATH=/nowhere");
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_EQ(
      without.error,
      "evengrad: an .svg needs the program dot: install Graphviz, or name "
      "the output .dot\n");
  EXPECT_FALSE(std::ifstream(path).good());
  if (std::system("command -v dot >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "Graphviz is not installed";
  }
  const CommandResult with =
      RunEvengrad(flags + " --stage=training --clip=global_norm:1");
  ASSERT_EQ(with.exit_code, 0) << with.error;
  const std::string svg = FileContents(path);
  EXPECT_NE(svg.find("<svg"), std::string::npos);
  EXPECT_NE(svg.find(">hidden1</text>"), std::string::npos);
}

const std::string kHeader =
    "step,layer,tensor,elements,mean,deviation,minimum,maximum,norm,zero_share,"
    "nans,infinities,saturated_share,dead_units,gradient_ratio,update_ratio\n"
    "5,,loss,,0.5,,,,,,,,,,,\n";

TEST(DumpCommandTest, StatisticsAreThoseOfTheModel) {
  const std::string flags = "dump " + kModel + " --format=json --statistics=";
  const std::string good = WriteText(
      "good.csv", kHeader +
                      "5,hidden1,output gradient,3200,0,1,0,0,2,0,0,0,,,"
                      ",\n5,hidden1,bias,100,0,1,0,0,2,0,0,0,,,,\n");
  const CommandResult shown = RunEvengrad(flags + good);
  ASSERT_EQ(shown.exit_code, 0) << shown.error;
  EXPECT_NE(shown.output.find("\"output_gradient\":{\"elements\":3200"),
            std::string::npos);

  auto error = [&](const std::string& path) {
    const CommandResult result = RunEvengrad(flags + path);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.output, "");
    return result.error;
  };
  EXPECT_EQ(error("/no/such.csv"),
            "evengrad: /no/such.csv: cannot be read: No such file or "
            "directory\n");
  EXPECT_EQ(error(kModel),
            "evengrad: " + kModel +
                ": is no statistics file: its first line is not the one that "
                "evengrad train --csv writes\n");
  const std::string other = WriteText(
      "other.csv", kHeader + "5,hiden1,output,3200,0,1,0,0,2,0,0,0,,,,\n");
  EXPECT_EQ(error(other), "evengrad: " + other +
                              ": statistics of another model: the graph has no "
                              "layer 'hiden1'; did you mean 'hidden1'?\n");
  const std::string wide = WriteText(
      "wide.csv", kHeader + "5,hidden1,bias,300,0,1,0,0,2,0,0,0,,,,\n");
  EXPECT_EQ(error(wide), "evengrad: " + wide +
                             ": statistics of another model: hidden1/bias has "
                             "300 numbers there, and is f32[100] in the "
                             "graph\n");
  const CommandResult text =
      RunEvengrad("dump " + kModel + " --statistics=" + good);
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_EQ(text.error,
            "evengrad: --statistics is for --format=html and json\n");
}

TEST(DumpCommandTest, UnknownFormat) {
  const CommandResult format = RunEvengrad("dump " + kModel + " --format=htm");
  EXPECT_EQ(format.exit_code, 2);
  EXPECT_EQ(format.error,
            "evengrad: --format=htm: expected one of text, summary, dot, json, "
            "html; did you mean 'html'?\n");
}

TEST(DumpCommandTest, AFullDiskIsAnError) {
  const CommandResult result =
      RunEvengrad("dump " + kModel, "sh -c '\"$@\" >/dev/full' sh");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.error, "evengrad: the dump cannot be written\n");
}

}  // namespace
}  // namespace evengrad
