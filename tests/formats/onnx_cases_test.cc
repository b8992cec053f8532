// ONNX's own test cases (Debian's libonnx-testdata): models with inputs and
// the outputs that ONNX expects of them. Each passes, or stands in
// onnx_skipped_cases.txt under the reason why it cannot.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/formats/onnx/model_file.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {
namespace {

constexpr const char* kData = "/usr/share/libonnx-testdata/data";
// Those of ONNX's test runner.
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

absl::StatusOr<Tensor> ReadCaseTensor(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxInitializer read, ReadOnnxTensor(path));
  if (const auto* tensor = std::get_if<Tensor>(&read.value)) return *tensor;
  return InvalidArgument(path, ": ",
                         std::get<OnnxUnsupported>(read.value).what);
}

// The tensors of "<folder>/<kind>_0.pb" and so on, as many as there are.
absl::StatusOr<std::vector<Tensor>> ReadTensors(const std::string& folder,
                                                const std::string& kind) {
  std::vector<Tensor> tensors;
  while (true) {
    const std::string path =
        StrCat(folder, "/", kind, "_", tensors.size(), ".pb");
    if (!std::filesystem::exists(path)) return tensors;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, ReadCaseTensor(path));
    tensors.push_back(std::move(tensor));
  }
}

bool Close(double found, double expected) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <=
         kAbsolute + kRelative * std::abs(expected);
}

absl::Status CompareValues(const TensorType& found_type,
                           const std::vector<double>& found,
                           const Tensor& expected) {
  if (!(found_type == expected.type())) {
    return InvalidArgument("found ", found_type.ToString(), ", expected ",
                           expected.ToString());
  }
  const std::vector<double> numbers = expected.ToDoubles();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (Close(found[i], numbers[i])) continue;
    return InvalidArgument("element ", i, " is ", found[i], ", expected ",
                           numbers[i]);
  }
  return absl::OkStatus();
}

// By kernels and by the reference executor.
absl::Status RunAndCompare(const Program& program,
                           const std::vector<Feed>& feeds,
                           const std::vector<Tensor>& expected) {
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(program.graph, {.num_threads = 1}));
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                            session.Run(program, feeds));
  std::vector<ReferenceFeed> reference_feeds;
  for (const Feed& feed : feeds) {
    reference_feeds.push_back({feed.value, ToReference(feed.tensor)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const ReferenceResult reference,
                            RunReference(program, reference_feeds));
  if (result.values().size() < expected.size()) {
    return InvalidArgument("there are fewer outputs than expected");
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const Tensor& found = result.values()[i];
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CompareValues(found.type(), found.ToDoubles(), expected[i]),
                 StrCat("output ", i, ": ")));
    const ReferenceTensor& precise = reference.fetches[i];
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CompareValues(precise.type(), precise.values, expected[i]),
                 StrCat("output ", i, " of the reference: ")));
  }
  return absl::OkStatus();
}

absl::Status RunDataSet(const std::string& model, const std::string& folder) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxModel read, ReadOnnxModel(model));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs,
                            ReadTensors(folder, "input"));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs,
                            ReadTensors(folder, "output"));
  std::set<std::string> initializers;
  for (const OnnxInitializer& initializer : read.initializers) {
    initializers.insert(initializer.name);
  }
  std::vector<NamedTensor> named;
  for (const OnnxValueInfo& input : read.inputs) {
    if (initializers.contains(input.name)) continue;
    if (named.size() == inputs.size()) break;
    named.push_back({input.name, inputs[named.size()]});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Program program,
                            LoadOnnx(model, {.inputs = named}));
  std::vector<Feed> feeds;
  for (const NamedTensor& input : named) {
    feeds.push_back(
        {program.graph.FindNode(input.name).output(), input.tensor});
  }
  if (outputs.empty()) return InvalidArgument("the case has no outputs");
  return RunAndCompare(program, feeds, outputs);
}

absl::Status RunCase(const std::string& folder) {
  const std::string model = folder + "/model.onnx";
  int sets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    EVENGRAD_RETURN_IF_ERROR(RunDataSet(model, entry.path().string()));
    ++sets;
  }
  return sets > 0 ? absl::OkStatus() : InvalidArgument("no data set");
}

// Case by reason: lines "[reason]", each followed by its cases.
std::map<std::string, std::string> SkippedCases() {
  std::ifstream file(EVENGRAD_SOURCE_DIR
                     "/tests/formats/onnx_skipped_cases.txt");
  std::map<std::string, std::string> skipped;
  std::string reason;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      reason = line;
    } else {
      skipped[line] = reason;
    }
  }
  return skipped;
}

class OnnxCases : public ::testing::TestWithParam<const char*> {};

TEST_P(OnnxCases, PassOrStandInTheListOfThoseThatCannot) {
  const std::string group = GetParam();
  const std::string data = StrCat(kData, "/", group);
  if (!OnnxIsAvailable()) GTEST_SKIP() << "built without ONNX";
  if (!std::filesystem::exists(data)) {
    GTEST_SKIP() << "the package libonnx-testdata is not installed";
  }
  if (std::filesystem::exists(StrCat(kData, "/node/test_gelu_default_1"))) {
    GTEST_SKIP() << "the installed cases are of opset 20 or later; the list of "
                    "what is skipped is for those of opset 17";
  }
  const std::map<std::string, std::string> skipped = SkippedCases();
  std::set<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    folders.insert(entry.path().filename().string());
  }
  int num_passed = 0;
  int num_skipped = 0;
  for (const std::string& folder : folders) {
    const std::string name = StrCat(group, "/", folder);
    const absl::Status status = RunCase(StrCat(data, "/", folder));
    num_passed += status.ok() ? 1 : 0;
    const auto reason = skipped.find(name);
    if (reason == skipped.end()) {
      EXPECT_TRUE(status.ok()) << name << ": " << Message(status);
    } else {
      EXPECT_FALSE(status.ok())
          << name << " passes: take it out of the list, " << reason->second;
      ++num_skipped;
    }
  }
  for (const auto& [name, reason] : skipped) {
    if (!name.starts_with(group + "/")) continue;
    EXPECT_TRUE(folders.contains(name.substr(group.size() + 1)))
        << "there is no case " << name << " " << reason;
  }
  std::printf("%s: %d cases passed, %d skipped\n", group.c_str(), num_passed,
              num_skipped);
}

INSTANTIATE_TEST_SUITE_P(Groups, OnnxCases,
                         ::testing::Values("node", "pytorch-converted",
                                           "pytorch-operator", "simple"),
                         [](const auto& group) {
                           std::string name = group.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace evengrad
