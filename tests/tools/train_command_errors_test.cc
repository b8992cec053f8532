// How evengrad train ends: interruptions, bad usage, bad data, bad output.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>

#include "tests/tools/train_command_fixture.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

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
    const std::string other = StrCat(folder_, "/./rows.csv");  // the same file
    const std::string written = StrCat("--", flag, "=", other);
    ExpectComplaint(
        Train(StrCat("--data=", rows, " --statistics-every=1 ", written)), 2,
        StrCat(written, ": this file is read (--data=", rows));
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

}  // namespace
}  // namespace evengrad
