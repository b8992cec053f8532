// evengrad --load-ops: the ops of examples/custom_op, and libraries that are
// not what they should be (op_libraries/).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "evengrad/ops/op_library.h"
#include "tests/tools/command.h"
#include "tests/tools/small_data.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

std::string Library(const std::string& name) {
  return EVENGRAD_OP_LIBRARIES "/lib" + name + ".so";
}
std::string Load(const std::string& name) {
  return " --load-ops=" + Library(name) + " ";
}

// Exit code 1 and one line: "evengrad: --load-ops=<path>: <text>".
void ExpectRefused(const std::string& path, const std::string& text) {
  const CommandResult result = RunEvengrad("--load-ops=" + path + " ops tanh");
  EXPECT_EQ(result.exit_code, 1) << path << ": " << result.error;
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1)
      << result.error;
  EXPECT_TRUE(result.error.starts_with("evengrad: --load-ops=" + path + ": "))
      << result.error;
  EXPECT_NE(result.error.find(text), std::string::npos)
      << "expected: " << text << "\nactual: " << result.error;
}

class LoadOpsTest : public SmallDataTest {
 protected:
  std::string TrainWith(const std::string& activation) {
    return " train --data=" + folder_ +
           " --hidden=2x8 --validation=30 --epochs=8 --learning-rate=0.02 "
           "--activation=" +
           activation + " ";
  }
};

TEST_F(LoadOpsTest, TheOpsAreListed) {
  for (const std::string& arguments :
       {Load("myops") + "ops", "ops" + Load("myops")}) {
    const CommandResult all = RunEvengrad(arguments);
    EXPECT_EQ(all.exit_code, 0) << all.error;
    EXPECT_EQ(all.error, "");
    for (const char* line : {"\nhadamard(input) -> output\n    orthonormal",
                             "\npenalized_tanh(input; slope: number = 0.25) ->",
                             "\nselu(input)", "\nunit_rms(input; epsilon"}) {
      EXPECT_NE(all.output.find(line), std::string::npos) << line;
    }
  }
  const CommandResult without = RunEvengrad("ops penalized_tanh");
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_EQ(RunEvengrad("ops hadamrd" + Load("myops")).error,
            "evengrad: unknown op 'hadamrd'; did you mean 'hadamard'?\n");
}

TEST_F(LoadOpsTest, TheGuideShowsWhatIsPrinted) {
  const std::string guide =
      FileContents(EVENGRAD_SOURCE_DIR "/docs/custom_ops.md");
  const CommandResult listed =
      RunEvengrad(Load("myops") + "ops hadamard penalized_tanh unit_rms");
  EXPECT_NE(guide.find("ops hadamard penalized_tanh unit_rms\n" +
                       listed.output + "$ "),
            std::string::npos)
      << listed.output;
  for (const char* name : {"no_ops", "other_abi"}) {
    std::string error = RunEvengrad(Load(name) + "ops").error.substr(0, 1000);
    error.erase(0, error.find(".so: "));  // the path
    if (const size_t abi = error.find("has ABI "); abi != std::string::npos) {
      error.replace(abi + 8, error.find(';') - abi - 8, "…");
    }
    EXPECT_NE(guide.find(error), std::string::npos) << error;
  }
}

TEST_F(LoadOpsTest, LoadedOpsTrain) {
  for (const char* activation :
       {"penalized_tanh", "penalized_tanh:0.1", "hadamard", "unit_rms"}) {
    const CommandResult result =
        RunEvengrad(Load("myops") + TrainWith(activation));
    EXPECT_EQ(result.exit_code, 0) << activation << ": " << result.error;
    EXPECT_NE(result.output.find("\ntest accuracy 1.0000"), std::string::npos)
        << activation << ": " << result.output;
  }
  // The option of all commands may stand behind the command.
  const CommandResult behind =
      RunEvengrad(TrainWith("penalized_tanh") + Load("myops"));
  EXPECT_EQ(behind.exit_code, 0) << behind.error;
}

TEST_F(LoadOpsTest, SeveralLibraries) {
  const CommandResult result =
      RunEvengrad(Load("myops") + Load("no_gradient") + "ops unit_rms " +
                  "tanh_without_gradient");
  EXPECT_EQ(result.exit_code, 0) << result.error;
  // The same library twice is the same ops twice: no clash.
  EXPECT_EQ(RunEvengrad(Load("myops") + Load("myops") + "ops tanh").exit_code,
            0);
}

TEST_F(LoadOpsTest, OpsThatAreNoActivations) {
  auto expect = [&](const std::string& activation, int exit_code,
                    const std::string& text) {
    const CommandResult result = RunEvengrad(
        TrainWith(activation) + Load("myops") + Load("no_gradient"));
    EXPECT_EQ(result.exit_code, exit_code) << result.error;
    EXPECT_NE(result.error.find(text), std::string::npos)
        << "expected: " << text << "\nactual: " << result.error;
    EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1);
  };
  expect("add", 2, "op 'add' is not one of one input and one output");
  expect("random_normal", 2, "is not one of one input and one output");
  expect("penalised_tanh", 2, "did you mean 'penalized_tanh'?");
  expect("penalized_tanh:x", 2, "'x' is no finite number");
  expect("penalized_tanh:1:2", 2, "penalized_tanh takes no such argument");
  expect("hadamard:1", 2, "hadamard takes no argument");
  expect("penalized_tanh:2", 1, "slope");
  expect("reduce_sum", 1,
         "hidden1/reduce_sum: an activation keeps the type of its input, op "
         "'reduce_sum' makes f32[] of f32[batch,8]");
  expect("tanh_without_gradient", 1,
         "no gradient is defined for tanh_without_gradient");
}

TEST_F(LoadOpsTest, AFileThatIsNoLibraryOfOps) {
  ExpectRefused("/no/such/libmyops.so", "there is no such file");
  ExpectRefused(folder_, "is a folder");
  ExpectRefused("/dev/zero", "is no regular file");
  Write("text.so", "not a library\n");
  ExpectRefused(Path("text.so"), "is no shared library (no ELF file)");
  Write("empty.so", "");
  ExpectRefused(Path("empty.so"), "is no shared library (no ELF file)");
  ExpectRefused(Library("no_ops"),
                "is a shared library, but not one of ops: it exports no "
                "EvengradOpAbi; define it with EVENGRAD_OP_LIBRARY");
  ExpectRefused(EVENGRAD_COMMAND, "not one of ops");
  ExpectRefused(Library("no_register"), "exports no EvengradRegisterOps");
}

TEST_F(LoadOpsTest, AnotherAbi) {
  ExpectRefused(Library("other_abi"),
                "was built for ABI 7 of Evengrad's ops, this program has ABI " +
                    std::to_string(kOpAbi) +
                    "; build it again for this version");
}

TEST_F(LoadOpsTest, ALibraryThatCannotRegister) {
  ExpectRefused(Library("clash"),
                "op 'selu' is already registered; choose another name");
  ExpectRefused(Library("incomplete"),
                "op 'nothing': no way to compute it: give elementwise, "
                "make_kernel or decompose");
  ExpectRefused(Library("throws"),
                "its EvengradRegisterOps has thrown: two lines");
  ExpectRefused(Library("unresolved"), "cannot be loaded: ");
}

TEST_F(LoadOpsTest, ADamagedLibrary) {
  const std::string whole = FileContents(Library("myops"));
  ASSERT_GT(whole.size(), 1000u);
  for (int i = 0; i < 24; ++i) {
    Write("cut.so", whole.substr(0, whole.size() * i / 24));
    ExpectRefused(Path("cut.so"), "");
  }
  // Bytes of the headers and tables, which say where everything is.
  for (size_t at = 4; at < 64; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x7f);
    Write("damaged.so", damaged);
    const CommandResult result =
        RunEvengrad("--load-ops=" + Path("damaged.so") + " ops tanh");
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 1)
        << "byte " << at << ": exit code " << result.exit_code;
  }
}

TEST_F(LoadOpsTest, Usage) {
  const CommandResult missing = RunEvengrad("ops --load-ops");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(std::count(missing.error.begin(), missing.error.end(), '\n'), 1);
  EXPECT_NE(
      RunEvengrad("ops --load-op=x").error.find("did you mean '--load-ops'?"),
      std::string::npos);
  EXPECT_NE(RunEvengrad("--help").output.find("--load-ops"), std::string::npos);
}

}  // namespace
}  // namespace evengrad
