// evengrad train with checkpoints, and on data in NPZ, NPY and CSV files.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/tools/command.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

// 90 rows of four numbers, of three classes.
class CheckpointCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "/checkpoint_command_" + test->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream file(Path("data.csv"));
    file << "label,a,b,c,d\n";
    for (int i = 0; i < 90; ++i) {
      file << i % 3;
      for (int j = 0; j < 4; ++j) {
        file << ',' << (i * 31 + j * 17) % 50 + (j == i % 3 ? 100 : 0);
      }
      file << '\n';
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) { return folder_ + "/" + name; }
  CommandResult Train(const std::string& flags,
                      const std::string& before = "") {
    return RunEvengrad(Arguments(flags), before);
  }
  std::string Arguments(const std::string& flags) {
    return "train --data=" + Path("data.csv") +
           " --hidden=2x8 --validation=9 --classes=3 --optimizer=adam "
           "--batch-size=9 --threads=1 " +
           flags;
  }
  // The newest checkpoint of a folder.
  std::string Newest(const std::string& name) {
    std::string newest;
    for (const auto& entry : fs::directory_iterator(Path(name))) {
      newest = std::max(newest, entry.path().string());
    }
    return FileContents(newest);
  }

  std::string folder_;
};

TEST_F(CheckpointCommandTest, ARunThatWasCutEqualsOneThatWasNot) {
  const std::string epochs = "--epochs=60 ";
  const CommandResult whole = Train(epochs + "--json=" + Path("whole.json") +
                                    " --checkpoint=" + Path("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.error;
  for (const std::string signal : {"INT", "TERM", "KILL"}) {
    const std::string flags = epochs + "--json=" + Path(signal + ".json") +
                              " --checkpoint=" + Path(signal) +
                              " --checkpoint-every=7 --resume";
    // Cut twice, each time wherever it is by then.
    for (const char* seconds : {" 0.2", " 0.4"}) {
      const CommandResult cut =
          Train(flags, "timeout --foreground -s " + signal + seconds);
      if (signal != "KILL") {  // of which the shell tells
        EXPECT_EQ(cut.error, "");
      }
    }
    const CommandResult resumed = Train(flags);
    ASSERT_EQ(resumed.exit_code, 0) << resumed.error;
    EXPECT_TRUE(Newest(signal) == Newest("whole")) << signal;
    EXPECT_FALSE(Newest(signal).empty());
    const std::string lines = FileContents(Path(signal + ".json"));
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 60) << lines;
  }
}

// Clipping goes on by what it remembers; who looks may change with each run.
TEST_F(CheckpointCommandTest, ClippingGoesOnAndTheWatchMayChange) {
  const std::string flags =
      "--epochs=60 --clip=autoclip:10 --non-finite=error ";
  const std::string watched =
      flags + "--statistics-every=7 --csv=" + Path("layers.csv");
  const CommandResult whole = Train(watched + " --checkpoint=" + Path("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.error;
  const std::string run =
      " --checkpoint=" + Path("cut") + " --checkpoint-every=5 --resume";
  Train(watched + run, "timeout -s INT 0.3");
  Train(flags + run, "timeout -s KILL 0.4");
  const CommandResult resumed = Train(watched + run);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.error;
  auto report = [](const CommandResult& result) {
    const size_t at = result.output.find("--clip=autoclip:10 acted in ");
    return at == std::string::npos ? "" : result.output.substr(at);
  };
  EXPECT_FALSE(report(whole).empty()) << whole.output;
  EXPECT_EQ(report(resumed), report(whole));
  ExpectComplaint(Train("--epochs=60 --clip=zclip" + run), 1,
                  "--clip=autoclip:10");
  ExpectComplaint(Train("--clip=suggest" + run), 2,
                  "--clip=suggest: proposes a threshold and ends");
}

TEST_F(CheckpointCommandTest, AnInterruptionSaysWhereItIsSaved) {
  const CommandRun run(
      Arguments("--epochs=1000000 --resume --checkpoint=" + Path("run")));
  const CommandResult cut = run.Interrupted(SIGINT, "\n    3 ");
  EXPECT_NE(cut.output.find("; saved in " + Path("run") + "/checkpoint-"),
            std::string::npos)
      << cut.output;
  EXPECT_EQ(std::distance(fs::directory_iterator(Path("run")), {}), 3);
  const CommandResult next = run.Interrupted(SIGTERM, "\ngoing on after ");
  EXPECT_NE(next.output.find("\ninterrupted after "), std::string::npos)
      << next.output;
}

TEST_F(CheckpointCommandTest, AFullDiskIsNamedAndWhatWasSavedStays) {
  const std::string run = "--epochs=2 --checkpoint=" + Path("run");
  ASSERT_EQ(Train(run).exit_code, 0);
  const std::string before = Newest("run");
  ExpectComplaint(Train(run + " --resume --epochs=4", "ulimit -f 2;"), 1,
                  ": cannot be written: File too large");
  EXPECT_TRUE(Newest("run") == before);
  EXPECT_EQ(Train(run + " --resume --epochs=4").exit_code, 0);
}

TEST_F(CheckpointCommandTest, Mistakes) {
  const std::string run = "--epochs=1 --checkpoint=" + Path("run");
  ExpectComplaint(Train("--resume"), 2,
                  "--resume: name the folder with --checkpoint=DIR");
  ExpectComplaint(Train("--checkpoint-every=3"), 2,
                  "--checkpoint-every: name the folder");
  ExpectComplaint(Train("--keep=3"), 2, "--keep: name the folder");
  ExpectComplaint(Train(run + " --keep=-1"), 2, "--keep=-1: expected 0 to");
  ExpectComplaint(Train(run + " --checkpoint-every=-1"), 2,
                  "--checkpoint-every=-1: expected 0 to");
  ExpectComplaint(Train("--checkpoint=" + Path("data.csv")), 1,
                  "data.csv: cannot be written: File exists");
  ASSERT_EQ(Train(run).exit_code, 0);
  ExpectComplaint(Train(run), 1, ": has checkpoints of an earlier run");
  ExpectComplaint(Train(run + " --resume --learning-rate=0.5"), 1,
                  "with the options --learning-rate=0.001, this one has "
                  "--learning-rate=0.5; a run goes on with");
  ExpectComplaint(Train(run + " --resume --batch-size=10"), 1,
                  "with the batch size 9, this one has 10");
  ASSERT_EQ(Train(run + " --resume --epochs=2 --threads=2").exit_code, 0);
  for (const auto& entry : fs::directory_iterator(Path("run"))) {
    fs::resize_file(entry.path(), 500);
  }
  ExpectComplaint(Train(run + " --resume"), 1, ": truncated: ");
}

TEST_F(CheckpointCommandTest, GoesOnWithTheSameDataUnderAnyName) {
  const std::string run = "--checkpoint=" + Path("run") + " --resume";
  ASSERT_EQ(Train(run + " --epochs=1").exit_code, 0);
  fs::copy(Path("data.csv"), Path("renamed.csv"));
  const CommandResult renamed =
      Train(run + " --epochs=2 --data=" + Path("renamed.csv"));
  EXPECT_EQ(renamed.exit_code, 0) << renamed.error;
  // One number is another one, in a file of the same size.
  std::string rows = FileContents(Path("data.csv"));
  char& digit = rows[rows.size() - 2];
  digit = digit == '1' ? '2' : '1';
  std::ofstream(Path("data.csv")) << rows;
  const CommandResult other = Train(run + " --epochs=3");
  ExpectComplaint(other, 1, "with the options --data=content:");
  ExpectComplaint(other, 1, ", this one has --data=content:");
}

TEST_F(CheckpointCommandTest, ADefaultThatIsGivenIsNoOtherRun) {
  const std::string run = "--checkpoint=" + Path("run") + " --resume";
  ASSERT_EQ(Train(run + " --epochs=1").exit_code, 0);
  const CommandResult given =
      Train(run + " --epochs=2 --learning-rate=1e-3 --weight-decay=0");
  EXPECT_EQ(given.exit_code, 0) << given.error;
  ExpectComplaint(Train(run + " --epochs=3 --weight-decay=decoupled:0.5"), 1,
                  "with the options --weight-decay=0, this one has "
                  "--weight-decay=decoupled:0.5;");
  const std::string other =
      "--checkpoint=" + Path("other") + " --resume --optimizer=";
  ASSERT_EQ(Train(other + "momentum --momentum=0.9 --epochs=1").exit_code, 0);
  const CommandResult absent = Train(other + "momentum --epochs=2");
  EXPECT_EQ(absent.exit_code, 0) << absent.error;
}

TEST_F(CheckpointCommandTest, AScheduleOfAllEpochsKeepsTheirNumber) {
  for (const std::string schedule : {"cosine", "1cycle"}) {
    const std::string run = "--schedule=" + schedule + " --resume " +
                            "--checkpoint=" + Path(schedule);
    ASSERT_EQ(Train(run + " --epochs=2").exit_code, 0);
    ExpectComplaint(Train(run + " --epochs=3"), 1,
                    "with the options --epochs=2, this one has --epochs=3; a "
                    "run goes on with what it was started with, and "
                    "--schedule=" +
                        schedule +
                        " sets the rates by the number of all epochs\n");
    EXPECT_EQ(Train(run + " --epochs=2").exit_code, 0);
  }
}

// ---- Data of the user's own -------------------------------------------------

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string Npy(const std::string& shape, const std::string& bytes,
                const std::string& type = "|u1") {
  const std::string header = "{'descr': '" + type +
                             "', 'fortran_order': False, 'shape': " + shape +
                             ", }\n";
  return std::string("\x93NUMPY\1\0", 8) + LittleEndian(header.size(), 2) +
         header + bytes;
}

// The entry of an archive, and its line in the table of contents.
void AddToZip(const std::string& name, const std::string& content,
              std::string& file, std::string& directory) {
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(content.data()),
                         static_cast<unsigned>(content.size()));
  const std::string common = std::string(6, '\0') + LittleEndian(crc, 4) +
                             LittleEndian(content.size(), 4) +
                             LittleEndian(content.size(), 4) +
                             LittleEndian(name.size(), 2) + LittleEndian(0, 2);
  directory += "PK\1\2" + LittleEndian(20, 2) + LittleEndian(20, 2) +
               LittleEndian(0, 2) + common + std::string(10, '\0') +
               LittleEndian(file.size(), 4) + name;
  file += "PK\3\4" + LittleEndian(20, 2) + LittleEndian(0, 2) + common + name +
          content;
}

TEST_F(CheckpointCommandTest, NpzAndNpyFiles) {
  std::string images, labels;
  for (int i = 0; i < 60; ++i) {
    labels += static_cast<char>(i % 3);
    for (int j = 0; j < 4; ++j) {
      images +=
          static_cast<char>((i * 31 + j * 17) % 50 + (j == i % 3 ? 70 : 0));
    }
  }
  const std::string x = Npy("(60, 2, 2)", images), y = Npy("(60,)", labels);
  auto zip = [&](const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& all) {
    std::string file, directory;
    for (const auto& [name, content] : all) {
      AddToZip(name, content, file, directory);
    }
    file += directory + "PK\5\6" + std::string(4, '\0') +
            LittleEndian(all.size(), 2) + LittleEndian(all.size(), 2) +
            LittleEndian(directory.size(), 4) + LittleEndian(file.size(), 4) +
            std::string(2, '\0');
    std::ofstream(Path(path), std::ios::binary) << file;
  };
  zip("xy.npz", {{"x.npy", x}, {"y.npy", y}});
  zip("both.npz", {{"x_train.npy", x},
                   {"y_train.npy", y},
                   {"x_test.npy", x},
                   {"y_test.npy", y}});
  zip("other.npz", {{"inputs.npy", x}, {"y.npy", y}});
  const std::string flags =
      "train --hidden=8 --validation=0 --classes=3 "
      "--epochs=1 --data=";
  CommandResult result = RunEvengrad(flags + Path("xy.npz"));
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("60 images to train on, 0 to validate, 0 to "
                               "test"),
            std::string::npos)
      << result.output;
  EXPECT_EQ(result.output.find("test accuracy"), std::string::npos);
  for (const std::string& data :
       {Path("both.npz"), Path("xy.npz") + " --test=" + Path("xy.npz")}) {
    result = RunEvengrad(flags + data);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_NE(result.output.find("test accuracy"), std::string::npos) << data;
  }
  ExpectComplaint(RunEvengrad(flags + Path("other.npz")), 1,
                  "other.npz: has the arrays 'inputs', 'y', expected 'x' and "
                  "'y' or 'images' and 'labels' or 'x_train' and 'y_train'");
  ExpectComplaint(
      RunEvengrad(flags + Path("data.csv") + " --test=" + Path("none.txt")), 2,
      "expected an .npz or .csv file");
  ExpectComplaint(RunEvengrad(flags + Path("none.npz")), 1,
                  "none.npz: cannot be read: No such file or directory");

  std::string numbers(120 * sizeof(double), '\0');
  for (const auto& [number, text] :
       {std::pair(std::nan(""), "is nan"), std::pair(-1e39, "is -1e+39")}) {
    std::memcpy(numbers.data() + 7 * sizeof(double), &number, sizeof(double));
    zip("bad.npz", {{"x.npy", Npy("(60, 2)", numbers, "<f8")}, {"y.npy", y}});
    ExpectComplaint(
        RunEvengrad(flags + Path("bad.npz")), 1,
        std::string("bad.npz: arrays 'x' and 'y': input 1 of example 3 ") +
            text + ", expected a number that is finite in f32");
  }

  fs::create_directory(Path("arrays"));
  for (const char* part : {"arrays/train-", "arrays/test-"}) {
    std::ofstream(Path(std::string(part) + "images.npy"), std::ios::binary)
        << x;
    std::ofstream(Path(std::string(part) + "labels.npy"), std::ios::binary)
        << y;
  }
  result = RunEvengrad(flags + Path("arrays"));
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("test accuracy"), std::string::npos);
}

TEST_F(CheckpointCommandTest, BadCsv) {
  std::ofstream(Path("data.csv"), std::ios::app) << "1,2,3,x,5\n";
  ExpectComplaint(Train(""), 1,
                  "data.csv: line 92, column 4: expected a finite number, "
                  "found \"x\"");
}

}  // namespace
}  // namespace evengrad
