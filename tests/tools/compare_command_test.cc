#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "command.h"
#include "small_data.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

class CompareCommandTest : public SmallDataTest {
 protected:
  CommandResult Compare(const std::string& flags) {
    return RunEvengrad("compare --data=" + folder_ + " --out=" + Path("out") +
                       " --validation=30 --epochs=2 --width=6 --depths=1,2 "
                       "--activations=relu,sigmoid --seeds=2 "
                       "--learning-rate=0.05 --target=0.5 " +
                       flags);
  }
  int64_t Runs() {
    return std::count_if(fs::directory_iterator(Path("out")),
                         fs::directory_iterator(),
                         [](const fs::directory_entry& entry) {
                           return entry.path().extension() == ".json";
                         });
  }
};

TEST_F(CompareCommandTest, TrainsAGridAndGoesOnWhereItWas) {
  const CommandResult result = Compare("--jobs=2");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.error, "");  // this is no terminal
  EXPECT_EQ(Runs(), 8);
  for (const char* text : {"     1    1  ", "relu ", "sigmoid ",
                           "1 layer:", "2 layers:", "report: "}) {
    EXPECT_NE(result.output.find(text), std::string::npos) << text << "\n"
                                                           << result.output;
  }
  const std::string kept = Path("out/relu-auto-1-none-none-1.json");
  const std::string lost = Path("out/sigmoid-auto-2-none-none-2.json");
  const std::string before = FileContents(lost);
  const fs::file_time_type time = fs::last_write_time(kept);
  fs::remove(lost);
  fs::remove(Path("out/report.html"));
  const CommandResult again = Compare("--jobs=1");
  ASSERT_EQ(again.exit_code, 0) << again.error;
  EXPECT_TRUE(fs::exists(Path("out/report.html")));
  EXPECT_EQ(fs::last_write_time(kept), time);
  // The same run, but for its time.
  auto accuracy = [](const std::string& text) {
    return text.substr(0, text.find("step_microseconds"));
  };
  EXPECT_EQ(accuracy(FileContents(lost)), accuracy(before));
}

TEST_F(CompareCommandTest, ANetworkThatDivergesIsAResult) {
  const CommandResult result =
      Compare("--activations=relu --depths=2 --seeds=1 --learning-rate=1e30");
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_NE(result.output.find("failed"), std::string::npos) << result.output;
  EXPECT_NE(FileContents(Path("out/relu-auto-2-none-none-1.json"))
                .find("\"accuracy\":0,"),
            std::string::npos);
}

TEST_F(CompareCommandTest, NoNetworkThatTrainsIsAFailure) {
  for (const auto& [seeds, text] :
       {std::pair{"1", "evengrad: the only run failed: "},
        std::pair{"2", "evengrad: all 2 runs failed, the first with: "}}) {
    const CommandResult result = RunEvengrad(
        "compare --data=" + folder_ + " --out=" + Path("out") +
        " --validation=30 --epochs=2 --width=6 --depths=2 --activations=relu "
        "--learning-rate=1e30 --seeds=" +
        seeds);
    EXPECT_EQ(result.exit_code, 1) << result.error;
    EXPECT_NE(result.output.find("report: "), std::string::npos)
        << result.output;
    EXPECT_TRUE(result.error.starts_with(text)) << result.error;
    EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1);
  }
}

// Kept runs are those of the data's content, not of its name.
TEST_F(CompareCommandTest, RunsOfOtherDataAreRefused) {
  const std::string flags = "--seeds=1 --depths=1 --activations=relu";
  ASSERT_EQ(Compare(flags).exit_code, 0);
  fs::create_directory(Path("copy"));
  for (const std::string part : {"train", "t10k"}) {
    for (const std::string kind :
         {"-images-idx3-ubyte", "-labels-idx1-ubyte"}) {
      fs::copy(Path(StrCat(part, kind)), Path(StrCat("copy/", part, kind)));
    }
  }
  const CommandResult copy = Compare(flags + " --data=" + Path("copy"));
  EXPECT_EQ(copy.exit_code, 0) << copy.error;
  EXPECT_NE(copy.output.find("(" + Path("copy") + ")"), std::string::npos)
      << copy.output;
  // One pixel is another one.
  std::string images = FileContents(Path("train-images-idx3-ubyte"));
  images.back() = static_cast<char>(images.back() + 1);
  Write("train-images-idx3-ubyte", images);
  const CommandResult other = Compare(flags);
  EXPECT_EQ(other.exit_code, 1) << other.output;
  EXPECT_NE(other.error.find("is a run of another comparison"),
            std::string::npos)
      << other.error;
  EXPECT_NE(other.error.find("give another folder with --out"),
            std::string::npos)
      << other.error;
}

TEST_F(CompareCommandTest, Mistakes) {
  auto expect = [&](const std::string& flags, int exit_code,
                    const std::string& text) {
    SCOPED_TRACE(flags);
    ExpectComplaint(Compare(flags), exit_code, text);
  };
  expect("--activations=relo", 2, "did you mean 'relu'");
  expect("--clips=none,suggest", 2, "--clips=suggest");
  expect("--depths=2,0", 2, "--depths=0");
  expect("--width=-1", 2, "--width=-1");
  expect("--seeds=0", 2, "--seeds=0");
  expect("--target=2", 2, "--target=2");
  expect("--data=/no/such/folder", 1,
         "No such file or directory; install the package");
  expect("--validation=0 --seeds=1", 1, "--validation");
  EXPECT_FALSE(fs::exists(Path("out")));
  ASSERT_EQ(Compare("--seeds=1 --depths=1").exit_code, 0);
  for (const char* other : {"--epochs=3", "--classes=4", "--target=0.50001",
                            "--learning-rate=0.050001"}) {
    expect(std::string("--seeds=1 --depths=1 ") + other, 1,
           "give another folder with --out");
  }
}

}  // namespace
}  // namespace evengrad
