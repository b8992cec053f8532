// evengrad train on a small data set of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tools/command.h"
#include "tests/tools/small_data.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

class TrainCommandTest : public SmallDataTest {
 protected:
  CommandResult Train(const std::string& flags,
                      const std::string& before = "") {
    return RunEvengrad(Arguments(flags), before);
  }
  // Of a training that would take hours, when its second epoch is over.
  CommandResult Interrupt(int signal, int times, const std::string& flags) {
    return CommandRun(Arguments("--epochs=1000000 " + flags))
        .Interrupted(signal, "\n    2 ", times);
  }
  std::string Arguments(const std::string& flags) {
    return "train --data=" + folder_ +
           " --hidden=2x8 --validation=30 --epochs=3 --learning-rate=0.01 " +
           flags;
  }
  // 90 rows of three numbers; the largest is that of the class.
  std::string WriteCsv(const std::string& name) {
    std::string rows = "label,a,b,c\n";
    for (int i = 0; i < 90; ++i) {
      const int label = i % 3;
      rows += std::to_string(label);
      for (int j = 0; j < 3; ++j) {
        rows += "," +
                std::to_string((i * 31 + j * 17) % 50 + (j == label ? 100 : 0));
      }
      rows += "\n";
    }
    Write(name, rows);
    return Path(name);
  }
  // One line on standard error that contains `text`, and that exit code.
  void ExpectComplaint(const CommandResult& result, int exit_code,
                       const std::string& text) {
    EXPECT_EQ(result.exit_code, exit_code) << result.error;
    EXPECT_NE(result.error.find(text), std::string::npos)
        << "expected: " << text << "\nactual: " << result.error;
    EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1)
        << result.error;
  }
  void ExpectUsageError(const std::string& flags, const std::string& text) {
    const std::string json = Path("never.json");
    ExpectComplaint(Train("--json=" + json + " " + flags), 2, text);
    ExpectNoJson(json);
  }
  void ExpectFailure(const std::string& flags, const std::string& text) {
    const std::string json = Path("never.json");
    ExpectComplaint(Train("--json=" + json + " " + flags), 1, text);
    ExpectNoJson(json);
  }
  void ExpectNoJson(const std::string& json) {
    EXPECT_FALSE(fs::exists(json));
    EXPECT_FALSE(fs::exists(json + ".partial"));
  }
};

// JSON lines without the last member, the seconds, which differ between runs.
std::string WithoutSeconds(const std::string& text) {
  std::string kept;
  std::string line;
  for (std::istringstream lines(text); std::getline(lines, line);) {
    kept += line.substr(0, line.find(",\"seconds\"")) + "\n";
  }
  return kept;
}

TEST_F(TrainCommandTest, TrainsAndEndsWithTheTestAccuracy) {
  const std::string json = Path("run.json");
  const CommandResult result = Train("--epochs=8 --json=" + json);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.output.find("270 images to train on, 30 to validate, 300 to "
                               "test\n"),
            std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find("\ntest accuracy 1.0000, loss "),
            std::string::npos)
      << result.output;
  const std::string lines = FileContents(json);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 8);
  EXPECT_TRUE(lines.starts_with("{\"epoch\":1,\"train_loss\":")) << lines;
  for (const char* key : {"train_accuracy", "validation_loss",
                          "validation_accuracy", "seconds"}) {
    EXPECT_NE(lines.find(std::string("\"") + key + "\":"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(json + ".partial"));
}

TEST_F(TrainCommandTest, TheSameSeedGivesTheSameFiguresOnAnyThreadCount) {
  std::vector<std::string> runs;
  for (const char* flags : {"--seed=7 --threads=1", "--seed=7 --threads=1",
                            "--seed=7 --threads=2", "--seed=8 --threads=1"}) {
    const std::string json = Path("seed.json");
    const CommandResult result = Train(std::string(flags) + " --json=" + json);
    ASSERT_EQ(result.exit_code, 0) << result.error;
    runs.push_back(WithoutSeconds(FileContents(json)));
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
  EXPECT_NE(runs[0], runs[3]);
}

TEST_F(TrainCommandTest, EveryChoiceRuns) {
  for (const char* flags :
       {"--optimizer=sgd",
        "--optimizer=sgd --momentum=0.5",
        "--optimizer=nesterov",
        "--optimizer=adam",
        "--clip=global_norm:0.5",
        "--scale=unit",
        "--activation=leaky_relu:0.3 --initializer=he_normal",
        "--activation=elu",
        "--initializer=orthogonal:1.4",
        "--initializer=sparse:0.5",
        "--initializer=pytorch_default",
        "--initializer=keras_truncated_normal",
        "--activation=sigmoid",
        "--activation=tanh",
        "--activation=relu",
        "--activation=gelu",
        "--activation=softplus:2",
        "--batch-size=7",
        "--batch-size=100000",
        "--optimizer=adagrad",
        "--optimizer=rmsprop",
        "--optimizer=rmsprop --momentum=0.5",
        "--optimizer=rmsprop,decay=0.9,epsilon_in_root=1e-7,centered=1",
        "--optimizer=adagrad,initial_accumulator=0.1",
        "--optimizer=adamax",
        "--optimizer=nadam,momentum_decay=1",
        "--optimizer=adamw",
        "--optimizer=adamw --weight-decay=0.004",
        "--weight-decay=1e-4",
        "--weight-decay=decoupled:1e-4",
        "--schedule=step:0.5:1",
        "--schedule=piecewise:1=0.005,2=0.001",
        "--schedule=exponential:0.1:2",
        "--schedule=power:1",
        "--schedule=power:1:0.5",
        "--schedule=cosine",
        "--schedule=cosine:0.001 --warm-up=0.5",
        "--schedule=1cycle",
        "--schedule=1cycle --optimizer=adam",
        "--schedule=plateau:0.5:1",
        "--warm-up=1",
        "--early-stopping=2",
        "--accumulate=4",
        "--loss=cross_entropy",
        "--batch-norm=before",
        "--batch-norm=after",
        "--batch-norm=after:keras --batch-norm-input",
        "--batch-norm-input",
        "--batch-norm=before --accumulate=2",
        "--dropout=0.2",
        "--alpha-dropout=0.1",
        "--activation=prelu",
        "--activation=prelu:0",
        "--activation=rrelu",
        "--precision=bf16"}) {
    const CommandResult result = Train(flags);
    EXPECT_EQ(result.exit_code, 0) << flags << ": " << result.error;
    EXPECT_NE(result.output.find("test accuracy"), std::string::npos);
  }
}

TEST_F(TrainCommandTest, ASchedulesRateStandsInTheJsonLines) {
  const std::string json = Path("rates.json");
  const CommandResult result =
      Train("--schedule=piecewise:1=0.02,2=0.005 --json=" + json);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const std::string lines = FileContents(json);
  for (const char* rate : {"0.01", "0.02", "0.005"}) {
    EXPECT_NE(lines.find(std::string("\"learning_rate\":") + rate + ","),
              std::string::npos)
        << lines;
  }
}

TEST_F(TrainCommandTest, EarlyStoppingEndsWithTheBestEpoch) {
  // With a rate of 0 no epoch is better than the first.
  const CommandResult result =
      Train("--epochs=9 --learning-rate=0 --early-stopping=2");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("stopped early after epoch 3\n"
                               "the parameters are those of epoch 1\n"),
            std::string::npos)
      << result.output;
}

TEST_F(TrainCommandTest, TopKAndConfusion) {
  const CommandResult result = Train(
      "--epochs=8 --classes=3 --top-k=3 "
      "--confusion");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("test top-3 accuracy 1.0000\n"),
            std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find(" label     0     1     2  recall\n"
                               "     0   100     0     0  1.0000\n"),
            std::string::npos)
      << result.output;
}

// They tell about the test part, by its logits.
TEST_F(TrainCommandTest, TopKAndConfusionOfWhatIsNotThere) {
  for (const std::string flag : {"--top-k=2", "--confusion"}) {
    ExpectUsageError(flag + " --data=" + WriteCsv("rows.csv"),
                     flag + ": tells about the test part, and --data=" +
                         Path("rows.csv") + " has none; give one with --test");
    ExpectUsageError(flag + " --clip=suggest",
                     "--clip=suggest: proposes a threshold and ends: there is "
                     "no test; leave out " +
                         flag.substr(0, flag.find('=')));
  }
  ExpectUsageError("--clip=suggest:5 --test=" + WriteCsv("rows.csv"),
                   "leave out --test");
  EXPECT_EQ(Train("--top-k=2 --confusion --data=" + Path("rows.csv") +
                  " --test=" + Path("rows.csv"))
                .exit_code,
            0);
}

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

TEST_F(TrainCommandTest, ShapesOfTheNetworkAndValidation) {
  for (const char* flags :
       {"--hidden=9,3x5", "--hidden=6", "--validation=last:30",
        "--validation=first:30", "--validation=0"}) {
    const CommandResult result = RunEvengrad(
        "train --validation=10 --data=" + folder_ + " --epochs=1 " + flags);
    EXPECT_EQ(result.exit_code, 0) << flags << ": " << result.error;
  }
}

// The shell and the kernel both tell of a closed terminal, and timeout(1) tells
// the program and then its process group: what comes twice is meant once.
TEST_F(TrainCommandTest, AnInterruptionIsACleanEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    for (const int times : {1, 2}) {
      const std::string json = Path("interrupted.json");
      const CommandResult result = Interrupt(signal, times, "--json=" + json);
      EXPECT_EQ(result.exit_code, 0) << strsignal(signal) << " x " << times;
      EXPECT_EQ(result.error, "");
      EXPECT_NE(result.output.find("\ninterrupted after "), std::string::npos);
      EXPECT_NE(result.output.find("\ntest accuracy "), std::string::npos);
      EXPECT_TRUE(FileContents(json).ends_with("}\n"));
      EXPECT_NE(FileContents(json).find("{\"interrupted_after_steps\":"),
                std::string::npos);
      EXPECT_FALSE(fs::exists(json + ".partial"));
      fs::remove(json);
    }
  }
}

// 270 images to train on.
TEST_F(TrainCommandTest, BatchNormOfOneExample) {
  ExpectFailure("--batch-norm=before --batch-size=269",
                "--batch-size=269: the last batch of 270 examples would be one "
                "example");
  ExpectFailure("--batch-norm-input --batch-size=1", "one example");
  EXPECT_EQ(Train("--batch-norm=before --batch-size=270").exit_code, 0);
}

TEST_F(TrainCommandTest, AnOutputIsNoInput) {
  const std::string rows = WriteCsv("rows.csv");
  const std::string before = FileContents(rows);
  for (const std::string flag : {"json", "csv", "report", "save-model"}) {
    const std::string other = folder_ + "/./rows.csv";  // the same file
    ExpectComplaint(
        Train("--data=" + rows + " --statistics-every=1 --" + flag + "=" +
              other),
        2, "--" + flag + "=" + other + ": this file is read (--data=" + rows);
  }
  ExpectComplaint(Train("--json=" + folder_ + "/t10k-labels-idx1-ubyte"), 2,
                  ": this file is read (--data=" + folder_ + ")");
  EXPECT_EQ(FileContents(rows), before);
  ASSERT_EQ(Train("--save-model=" + Path("model.eg")).exit_code, 0);
  const std::string model = Path("model.eg");
  ExpectComplaint(RunEvengrad("dump " + model + " --output=" + model), 2,
                  "--output=" + model + ": this file is read (" + model + ")");
  ExpectComplaint(RunEvengrad("run " + model + " --outputs=" + model), 2,
                  "--outputs=" + model + ": this file is read");
}

// What can be written is, and the run's own words come first.
TEST_F(TrainCommandTest, AnOutputThatGrowsTooLarge) {
  const std::string files =
      "--hidden=6x40 --statistics-every=1 --report=" + Path("run.html") +
      " --json=" + Path("run.json");
  const CommandResult whole = Train(files, "ulimit -f 16;");
  ExpectComplaint(whole, 1, "run.html: cannot be written: File too large");
  EXPECT_NE(FileContents(Path("run.json")).find("\"epoch\":3"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(Path("run.html.partial")));
  const CommandResult failed =
      Train("--learning-rate=1e20 " + files, "ulimit -f 16;");
  ExpectComplaint(failed, 1, "run.html: cannot be written: File too large");
  EXPECT_LT(failed.error.find("hidden2/matmul: step "),
            failed.error.find("run.html"))
      << failed.error;
  EXPECT_NE(FileContents(Path("run.json")).find("{\"error\":"),
            std::string::npos);
  ASSERT_EQ(Train("--save-model=" + Path("model.eg")).exit_code, 0);
  ExpectComplaint(RunEvengrad("dump " + Path("model.eg") +
                                  " --format=html --output=" + Path("d.html"),
                              "ulimit -f 2;"),
                  1, "d.html: cannot be written: File too large");
  EXPECT_FALSE(fs::exists(Path("d.html.partial")));
}

TEST_F(TrainCommandTest, BadUsage) {
  ExpectUsageError("--hidden=0x5", "--hidden=0x5: 0 layers of width 5");
  ExpectUsageError("--hidden=5x0", "--hidden=5x0: 5 layers of width 0");
  ExpectUsageError("--hidden=5,,6", "'' is no layer");
  ExpectUsageError("--hidden=99999999999999999999", "is no layer");
  ExpectUsageError("--hidden=-5", "--hidden=-5: 1 layers of width -5");
  ExpectUsageError("--hidden=1000000x5,2", "more than 10000 layers");
  ExpectUsageError("--activation=sleu",
                   "--activation=sleu: expected celu, elu, gelu, gelu_tanh, "
                   "hard_sigmoid, hard_swish, hard_tanh, leaky_relu, mish, "
                   "prelu, relu, relu6, rrelu, selu, sigmoid, silu, softplus, "
                   "softsign or tanh; did you mean 'selu'?");
  ExpectUsageError("--activation=ReLU", "did you mean 'relu'?");
  ExpectUsageError("--activation=LeakyReLU", "did you mean 'leaky_relu'?");
  ExpectUsageError("--batch-norm=befor",
                   "--batch-norm=befor: expected none, before or after; did "
                   "you mean 'before'?");
  ExpectUsageError("--batch-norm=after:kera",
                   "expected keras or pytorch after 'after:': whose epsilon "
                   "and momentum; did you mean 'keras'?");
  ExpectUsageError("--dropout=1", "--dropout=1: expected a share from 0");
  ExpectUsageError("--alpha-dropout=-0.5", "--alpha-dropout=-0.5: expected");
  ExpectUsageError("--dropout=0.1 --alpha-dropout=0.1",
                   "--dropout is given too; leave one of them out");
  ExpectUsageError("--activation=celu:0",
                   "--activation=celu:0: celu: attribute alpha = 0");
  ExpectUsageError("--activation=relu:1", "relu takes no argument");
  ExpectUsageError("--activation=leaky_relu:x", "'x' is no finite number");
  ExpectUsageError("--activation=leaky_relu:nan", "'nan' is no finite number");
  ExpectUsageError("--initializer=he_norm", "did you mean 'he_normal'?");
  ExpectUsageError("--initializer=sparse:2",
                   "--initializer=sparse:2: initializer 'sparse': '2' is no "
                   "share of zeros, expected a finite number from 0 to 1");
  ExpectUsageError("--optimizer=adm", "did you mean 'adam'?");
  ExpectUsageError("--optimizer=adam --momentum=0.5", "adam has no momentum");
  ExpectUsageError("--optimizer=adamw,beta3=0.5",
                   "adamw has no option 'beta3', it takes beta1, beta2 or "
                   "epsilon; did you mean 'beta1'?");
  ExpectUsageError("--optimizer=sgd,beta1=0.5", "sgd takes no options");
  ExpectUsageError("--optimizer=adam,beta1",
                   "expected beta1=N with a finite number N");
  ExpectUsageError("--optimizer=adam,beta1=x",
                   "expected beta1=N with a finite number N");
  ExpectUsageError("--optimizer=adam,beta1=0.5,beta1=0.5",
                   "beta1 is given twice");
  ExpectUsageError("--optimizer=adam,beta1=1", "Adam: a beta is 1, expected");
  ExpectUsageError("--optimizer=adagrad,epsilon=1,epsilon_in_root=1",
                   "epsilon or epsilon_in_root, not both");
  ExpectUsageError("--weight-decay=-1",
                   "--weight-decay=-1: expected a finite number");
  ExpectUsageError("--weight-decay=coupled:1", "or decoupled:1e-4");
  ExpectUsageError("--schedule=cosin",
                   "--schedule=cosin: expected constant, step, piecewise, "
                   "exponential, power, cosine, 1cycle or plateau; did you "
                   "mean 'cosine'?");
  ExpectUsageError("--schedule=step:0.5", "expected step:FACTOR:EPOCHS");
  ExpectUsageError("--schedule=step:0.5:x", "expected step:FACTOR:EPOCHS");
  ExpectUsageError("--schedule=step:0:1",
                   "StepDecay: the factor is 0, expected a finite number above "
                   "0");
  ExpectUsageError("--schedule=piecewise", "expected piecewise:EPOCH=RATE");
  ExpectUsageError("--schedule=piecewise:5", "expected piecewise:EPOCH=RATE");
  ExpectUsageError("--schedule=piecewise:5=1,4=1",
                   "PiecewiseConstant: boundary 4 follows 5");
  ExpectUsageError("--schedule=cosine:-1", "CosineDecay: the last rate is -1");
  ExpectUsageError("--schedule=1cycle:3", "expected 1cycle");
  ExpectUsageError("--schedule=1cycle --warm-up=1", "leave --warm-up out");
  ExpectUsageError("--schedule=plateau:0.5:0",
                   "ReduceOnPlateau: the patience is 0");
  ExpectUsageError("--schedule=plateau:0.5:1.5",
                   "expected plateau:FACTOR:PATIENCE");
  ExpectUsageError("--schedule=plateau:0.5:2 --validation=0",
                   "watches the validation loss; keep images");
  ExpectUsageError("--warm-up=3",
                   "--warm-up=3: expected a number of epochs from 0 to below "
                   "the 3 of the training");
  ExpectUsageError("--warm-up=nan", "--warm-up=nan: expected");
  ExpectUsageError("--early-stopping=0", "--early-stopping=0: expected");
  ExpectUsageError("--early-stopping=2 --validation=0",
                   "watches the validation loss; keep images");
  ExpectUsageError("--accumulate=0", "--accumulate=0: expected 1 to");
  ExpectUsageError("--top-k=11", "--top-k=11: expected 1 to the 10 classes");
  ExpectUsageError("--loss=cross_entropie",
                   "--loss=cross_entropie: expected cross_entropy, huber, "
                   "mean_absolute_error, mean_squared_error or "
                   "sigmoid_cross_entropy; did you mean 'cross_entropy'?");
  ExpectUsageError("--loss=cross_entropy:2", "--loss=cross_entropy:2: ");
  ExpectUsageError("--loss=huber:0", "--loss=huber:0: huber: ");
  ExpectUsageError("--loss=huber:x", "'x' is no finite number");
  ExpectUsageError("--loss=mean_squared_error:1", "takes no argument");
  ExpectUsageError("--learning-rate=-1",
                   "--learning-rate=-1: expected a finite number that is not "
                   "negative");
  ExpectUsageError("--learning-rate=nan", "--learning-rate=nan: expected");
  ExpectUsageError("--learning-rate=inf", "--learning-rate=inf: expected");
  ExpectUsageError("--learning-rate=3.5e38",
                   "--learning-rate=3.5e+38: expected a finite number that is "
                   "not negative, at most 3.4e38 (f32)");
  ExpectUsageError("--schedule=piecewise:1=1e39",
                   "--schedule=piecewise:1=1e39: the rate 1e+39 is too large");
  ExpectUsageError("--schedule=cosine:1e39",
                   "--schedule=cosine:1e39: the rate 1e+39 is too large");
  ExpectUsageError("--learning-rate=fast", "--learning-rate");
  ExpectUsageError("--momentum=1", "--momentum=1: expected a number from 0");
  ExpectUsageError("--momentum=nan", "--momentum=nan: expected");
  ExpectUsageError("--validation=middle:5", "--validation=middle:5: expected");
  ExpectUsageError("--validation=-5", "--validation=-5: expected");
  ExpectUsageError("--scale=units", "did you mean 'unit'?");
  ExpectUsageError("--seed=-1", "--seed: expected an integer from 0 to");
  ExpectUsageError("--clip=global_norm:-1", "a finite N above 0");
  ExpectUsageError("--clip=global_norm", "a finite N above 0");
  ExpectUsageError("--clip=global_norm:inf", "a finite N above 0");
  ExpectUsageError("--clip=gobal_norm:1",
                   "--clip=gobal_norm:1: expected none, value, norm, "
                   "global_norm, adaptive, autoclip, zclip or suggest; did you "
                   "mean 'global_norm'?");
  ExpectUsageError("--clip=autoclip:101",
                   "expected autoclip:N with a finite N above 0 and up to 100");
  ExpectUsageError("--clip=zclip:1", "--clip=zclip:1: zclip takes no argument");
  ExpectUsageError("--clip=suggest:x", "expected suggest:N");
  ExpectUsageError("--non-finite=skip",
                   "--non-finite=skip: expected error, skip_step or propagate");
  ExpectUsageError("--statistics-every=-1",
                   "--statistics-every=-1: expected 1 to");
  ExpectUsageError("--csv=x.csv", "give --statistics-every=100");
  ExpectUsageError("--report=x.html", "give --statistics-every=100");
  ExpectUsageError("--tensorboard=x", "give --statistics-every=100");
  ExpectUsageError("--batch-size=0", "--batch-size=0: expected 1 to");
  ExpectUsageError("--epochs=-3", "--epochs=-3: expected 1 to");
  ExpectUsageError("--threads=-1", "--threads=-1: expected 1 to 256");
  ExpectUsageError("--epocs=3", "did you mean '--epochs'?");
  ExpectUsageError("--seed=x", "--seed");
  ExpectUsageError("--seed=-1", "--seed");
}

TEST_F(TrainCommandTest, MoreBatchesAnUpdateThanThereAre) {
  // 270 images in batches of 32, three times.
  ExpectFailure("--epochs=3 --accumulate=28",
                "--accumulate=28: the whole training has 27 batches, so no "
                "parameter would ever change");
  EXPECT_EQ(Train("--epochs=3 --accumulate=27").exit_code, 0);
}

TEST_F(TrainCommandTest, BadData) {
  ExpectFailure("--validation=300", "--validation=300: a validation part of");
  ExpectFailure("--data=/no/such/folder",
                "/no/such/folder/train-images-idx3-ubyte.gz: cannot be read: "
                "No such file or directory; install the package "
                "dataset-fashion-mnist");
  ExpectFailure("--hidden=10000x100000", "more than 1000000000 parameters");
  ExpectFailure("--classes=2",
                "train-labels-idx1-ubyte: label 2 of example 2 is not in "
                "[0, 2)");
  ExpectFailure("--learning-rate=1e30", "lower the learning rate");
  ExpectComplaint(Train("--json=/no/such/folder/run.json"), 1,
                  "/no/such/folder/run.json: cannot be written: ");
}

TEST_F(TrainCommandTest, NoData) {
  WritePart("train", 0);
  for (const char* validation : {"0", "5"}) {
    ExpectFailure(std::string("--validation=") + validation,
                  "--data=" + folder_ + ": there are no images to train on");
  }
}

TEST_F(TrainCommandTest, DamagedData) {
  Write("t10k-images-idx3-ubyte", Header({300, 5, 5}) + std::string(7500, 'x'));
  ExpectFailure("", "training images have 16 pixels, test images 25");
  WritePart("t10k", 20);
  Write("t10k-labels-idx1-ubyte", Header({2}) + "ab");
  ExpectFailure("--classes=200", "holds 20 images, but ");
  Write("train-images-idx3-ubyte", Header({300, 4, 4}) + "abc");
  ExpectFailure("", "train-images-idx3-ubyte: truncated: ");
  Write("train-images-idx3-ubyte", "PK\3\4");
  ExpectFailure("", "train-images-idx3-ubyte: no IDX file");
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

TEST_F(TrainCommandTest, OutputThatCannotBeWritten) {
  const std::string json = Path("never.json");
  const CommandResult result =
      Train("--json=" + json, "sh -c '\"$@\" >/dev/full' sh");
  ExpectComplaint(result, 1,
                  "evengrad: standard output cannot be written: No space left "
                  "on device");
  ExpectNoJson(json);  // nothing was trained in vain
}

TEST_F(TrainCommandTest, ProfileThatCannotBeWritten) {
  const CommandResult result = Train("--profile=/nowhere/trace.json");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.error.find("/nowhere/trace.json"), std::string::npos)
      << result.error;
  EXPECT_EQ(result.output, "");  // nothing was trained in vain
}

TEST_F(TrainCommandTest, RecomputingChangesNoNumber) {
  const CommandResult kept = Train("--hidden=6x8 --explain");
  const CommandResult again = Train("--hidden=6x8 --explain --recompute=2");
  EXPECT_EQ(again.exit_code, 0) << again.error;
  auto test = [](const CommandResult& result) {
    return result.output.substr(result.output.find("test accuracy"));
  };
  EXPECT_EQ(test(again), test(kept));
  auto passes = [](const CommandResult& result) {
    return result.output.substr(0, result.output.find("kernels: "));
  };
  EXPECT_NE(passes(again), passes(kept));
  ExpectUsageError("--recompute=-1", "--recompute");
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
