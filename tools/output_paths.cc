#include "output_paths.h"

#include <filesystem>
#include <system_error>

#include "evengrad/graph/status.h"

namespace evengrad::tools {
namespace {

namespace fs = std::filesystem;

bool IsSameFile(const fs::path& a, const fs::path& b) {
  std::error_code error;  // of files that are not there: they differ
  return fs::equivalent(a, b, error);
}

// A folder of images and labels is read by the names of its files.
bool Holds(const std::string& input, const std::string& output) {
  if (IsSameFile(input, output)) return true;
  std::error_code error;
  for (fs::directory_iterator entry(input, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_data = name.find("images") != std::string::npos ||
                         name.find("labels") != std::string::npos;
    if (is_data && IsSameFile(entry->path(), output)) return true;
  }
  return false;
}

std::string Shown(const GivenPath& given) {
  return given.flag.empty() ? given.path : StrCat(given.flag, "=", given.path);
}

}  // namespace

absl::Status CheckOutputs(std::span<const GivenPath> outputs,
                          std::span<const GivenPath> inputs) {
  for (const GivenPath& output : outputs) {
    if (output.path.empty()) continue;
    for (const GivenPath& input : inputs) {
      if (input.path.empty() || !Holds(input.path, output.path)) continue;
      return InvalidArgument(Shown(output), ": this file is read (",
                             Shown(input), "); name another one to write to");
    }
  }
  return absl::OkStatus();
}

}  // namespace evengrad::tools
