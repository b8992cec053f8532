// What evengrad train shows of a run: statistics, verdicts, clipping, profiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/tools/train_command_fixture.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

TEST_F(TrainCommandTest, EveryWayToClip) {
  for (const char* clip : {"value:0.01", "norm:0.1", "global_norm:0.1",
                           "adaptive:0.001", "autoclip:10", "zclip"}) {
    const CommandResult result = Train(std::string("--clip=") + clip);
    EXPECT_EQ(result.exit_code, 0) << clip << ": " << result.error;
    const size_t line =
        result.output.find(std::string("\n--clip=") + clip + " acted in ");
    ASSERT_NE(line, std::string::npos) << result.output;
    EXPECT_EQ(result.output.find(" acted in 0 of", line), std::string::npos)
        << result.output;
  }
}

TEST_F(TrainCommandTest, ProposesAThresholdForClipping) {
  const CommandResult result = Train("--epochs=100 --clip=suggest:40");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.output.find("gradient norms of steps 21 to 40: median "),
            std::string::npos)
      << result.output;
  const size_t at = result.output.find("\nproposal: --clip=global_norm:");
  ASSERT_NE(at, std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("test accuracy"), std::string::npos);
  // What it proposes is accepted.
  std::istringstream line(result.output.substr(at));
  std::string word, flag;
  line >> word >> flag;
  EXPECT_EQ(Train(flag).exit_code, 0) << flag;
}

TEST_F(TrainCommandTest, StatisticsChangeNoFigure) {
  const std::string plain = Path("plain.json");
  const std::string watched = Path("watched.json");
  const std::string csv = Path("layers.csv");
  ASSERT_EQ(Train("--json=" + plain).exit_code, 0);
  const CommandResult result =
      Train("--statistics-every=10 --csv=" + csv + " --json=" + watched);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.error, "");  // no live table: this is no terminal
  // Beside the epochs there are verdicts, where there is one.
  EXPECT_EQ(WithoutSeconds(FileContents(watched))
                .substr(0, WithoutSeconds(FileContents(plain)).size()),
            WithoutSeconds(FileContents(plain)));
  EXPECT_NE(result.output.find("\nlayer "), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find('\x1b'), std::string::npos);
  const std::string lines = FileContents(csv);
  EXPECT_TRUE(lines.starts_with("step,layer,tensor,elements,mean,")) << lines;
  // The first step, then every tenth of 27.
  for (const char* look :
       {"\n1,hidden1,weights gradient,", "\n10,hidden1,weights gradient,",
        "\n20,hidden1,weights gradient,"}) {
    EXPECT_NE(lines.find(look), std::string::npos) << look << lines;
  }
  EXPECT_EQ(lines.find("\n2,"), std::string::npos) << lines;
  // Every line has as many cells as the first.
  std::string line;
  std::istringstream all(lines);
  std::getline(all, line);
  const auto cells = std::count(line.begin(), line.end(), ',');
  while (std::getline(all, line)) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), cells) << line;
  }
  EXPECT_FALSE(fs::exists(csv + ".partial"));
}

TEST_F(TrainCommandTest, NumbersThatAreNotFinite) {
  const CommandResult skipped =
      Train("--learning-rate=1e30 --non-finite=skip_step");
  EXPECT_EQ(skipped.exit_code, 0) << skipped.error;
  EXPECT_NE(skipped.output.find("\nskipped "), std::string::npos)
      << skipped.output;
  EXPECT_EQ(Train("--check-numerics --epochs=1").exit_code, 0);
  ExpectFailure("--check-numerics --learning-rate=1e30", "/matmul: step ");
  // What is exempt is not named; the loss is still not finite.
  ExpectFailure("--check-numerics --exempt='*' --learning-rate=1e30",
                "the loss is not finite");
  ExpectFailure("--check-numerics --exempt='hidden1/*' --exempt=foo",
                "--exempt=foo: the training program has no node of that name");
  const std::string csv = Path("never.csv");
  ExpectUsageError("--learning-rate=nan --statistics-every=1 --csv=" + csv,
                   "expected a finite number");
  EXPECT_FALSE(fs::exists(csv));
  EXPECT_FALSE(fs::exists(csv + ".partial"));
}

// What was seen of a run that failed is kept, with the error.
TEST_F(TrainCommandTest, FilesOfARunThatFails) {
  const std::string csv = Path("layers.csv");
  const std::string json = Path("run.json");
  const std::string report = Path("report.html");
  ExpectComplaint(Train("--learning-rate=1e30 --statistics-every=1 --csv=" +
                        csv + " --json=" + json + " --report=" + report),
                  1, "lower the learning rate");
  EXPECT_NE(FileContents(csv).find("\n1,hidden1,output,"), std::string::npos);
  EXPECT_NE(FileContents(json).find("{\"error\":\""), std::string::npos);
  EXPECT_NE(FileContents(report).find("The run stopped: "), std::string::npos);
}

TEST_F(TrainCommandTest, VerdictsInTheJsonLinesAndTheReport) {
  const std::string json = Path("run.json");
  const std::string report = Path("report.html");
  const std::string events = Path("events");
  const CommandResult result = Train(
      "--hidden=12x8 --activation=sigmoid --clip=global_norm:0.01 "
      "--statistics-every=3 --json=" +
      json + " --report=" + report + " --tensorboard=" + events);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const std::string lines = FileContents(json);
  EXPECT_NE(lines.find("{\"finding\":\"vanishing\",\"layer\":\"\","
                       "\"first_step\":1,\"last_step\":27,\"holds\":true,"
                       "\"text\":\"vanishing gradient: the gradient at hidden1 "
                       "is 1/"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find("{\"clip\":\"global_norm:0.01\",\"acted\":27,"),
            std::string::npos)
      << lines;
  const std::string html = FileContents(report);
  for (const char* text :
       {"<h2 id=\"verdict\">The gradient vanishes", "--activation=selu",
        "global_norm:0.01 acted in 27 of 27 steps", "hidden12",
        "<dt>hidden</dt><dd>12x8</dd>", "test accuracy"}) {
    EXPECT_NE(html.find(text), std::string::npos) << text;
  }
  ASSERT_EQ(std::distance(fs::directory_iterator(events), {}), 1);
  const std::string path = fs::directory_iterator(events)->path();
  EXPECT_NE(FileContents(path).find("output_gradient_rms/hidden12"),
            std::string::npos);
}

TEST_F(TrainCommandTest, AProposalInTheJsonLines) {
  const std::string json = Path("run.json");
  ASSERT_EQ(Train("--clip=suggest:10 --json=" + json).exit_code, 0);
  EXPECT_NE(FileContents(json).find("{\"proposal\":\"global_norm:"),
            std::string::npos);
}

// Python's reader of JSON, and bars that are nested or apart on each row.
constexpr char kTraceCheck[] = R"(
import json, sys
trace = json.load(open(sys.argv[1]))
assert trace["otherData"]["dropped_events"] == 0
bars = [e for e in trace["traceEvents"] if e["ph"] == "X"]
rows = {e["tid"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
assert len(rows) == 2, rows
kernels = [e["args"] for e in bars if e["cat"] == "kernel"]
runs = [e for e in bars if e["cat"] == "run"]
assert {e["tid"] for e in runs} == {0} and len(kernels) > len(runs) > 0
assert any(k["flops"] > 0 for k in kernels)
assert all(k["bytes"] > 0 and k["implementation"] for k in kernels)
for row in rows:
    ends = []
    def place(e):
        begin = round(1000 * e["ts"])
        return begin, begin + round(1000 * e["dur"])
    mine = [place(e) for e in bars if e["tid"] == row]
    for begin, end in sorted(mine, key=lambda bar: (bar[0], -bar[1])):
        while ends and ends[-1] <= begin:
            ends.pop()
        assert not ends or end <= ends[-1], (begin, end, ends)
        ends.append(end)
)";

TEST_F(TrainCommandTest, ProfileIsATraceOfTheSteps) {
  const std::string trace = Path("trace.json");
  const CommandResult result = Train("--threads=2 --profile=" + trace);
  EXPECT_EQ(result.exit_code, 0) << result.error;
  const std::string text = FileContents(trace);
  for (const char* part :
       {"{\"traceEvents\":[", "\"name\":\"hidden1/matmul\"",
        "\"name\":\"run at step 1\"", "\"dropped_events\":0"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  const std::string script = Path("check.py");
  std::ofstream(script) << kTraceCheck;
  EXPECT_EQ(std::system(("python3 " + script + " " + trace).c_str()), 0);
}

TEST_F(TrainCommandTest, ExplainPrintsThePlan) {
  const CommandResult result = Train("--explain");
  EXPECT_EQ(result.exit_code, 0) << result.error;
  for (const char* part : {"passes (nodes before and after):", "kernels: ",
                           "memory: ", "slow products: none"}) {
    EXPECT_NE(result.output.find(part), std::string::npos) << part << "\n"
                                                           << result.output;
  }
  // The run itself is the same.
  EXPECT_NE(result.output.find(Train("").output.substr(0, 40)),
            std::string::npos);
}

}  // namespace
}  // namespace evengrad
