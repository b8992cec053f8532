#include "evengrad/train/checkpoint_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "evengrad/formats/atomic_file.h"
#include "evengrad/graph/status.h"
#include "evengrad/train/checkpoint.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kPartial = ".partial";
constexpr size_t kDigits = 12;  // names sort as numbers do

// "checkpoint-000000000012.safetensors", or with more digits.
bool IsCheckpoint(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) ||
      name.size() < kPrefix.size() + kDigits + kSuffix.size()) {
    return false;
  }
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

std::string NameFor(int64_t steps) {
  std::string digits = std::to_string(steps);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return StrCat(kPrefix, digits, kSuffix);
}

// The names in the folder, sorted: shorter ones first, so by number of steps.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) {
    return absl::UnavailableError(
        StrCat(folder, ": cannot be read: ", error.message()));
  }
  std::ranges::sort(names, {}, [](const std::string& name) {
    return std::pair(name.size(), std::string_view(name));
  });
  return names;
}

}  // namespace

absl::StatusOr<CheckpointDirectory> CheckpointDirectory::Open(
    const CheckpointOptions& options) {
  const std::string& folder = options.directory;
  if (options.every < 0 || options.keep < 0) {
    return InvalidArgument(options.every < 0 ? "a checkpoint every "
                                             : "a number of checkpoints of ",
                           options.every < 0 ? options.every : options.keep,
                           options.every < 0 ? " steps" : "",
                           ": expected 0 or more");
  }
  EVENGRAD_RETURN_IF_ERROR(MakeFolder(folder));
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::UnavailableError(
        StrCat(folder,
               ": cannot be opened: ", std::generic_category().message(errno)));
  }
  CheckpointDirectory directory(options, descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::UnavailableError(
        StrCat(folder, ": another run is saving its checkpoints there"));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints,
                            directory.List());
  if (!options.resume && !checkpoints.empty()) {
    return absl::FailedPreconditionError(
        StrCat(folder, ": has checkpoints of an earlier run, the newest ",
               fs::path(checkpoints.back()).filename().string(),
               "; resume it, or give another folder"));
  }
  EVENGRAD_RETURN_IF_ERROR(directory.RemovePartialFiles());
  return directory;
}

CheckpointDirectory::~CheckpointDirectory() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status CheckpointDirectory::RemovePartialFiles() const {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            NamesIn(options_.directory));
  for (std::string_view name : names) {
    if (!name.ends_with(kPartial)) continue;
    if (IsCheckpoint(name.substr(0, name.size() - kPartial.size()))) {
      std::error_code ignored;  // it is in nobody's way
      fs::remove(fs::path(options_.directory) / name, ignored);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> CheckpointDirectory::List() const {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            NamesIn(options_.directory));
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    if (!IsCheckpoint(name)) continue;
    paths.push_back((fs::path(options_.directory) / name).string());
  }
  return paths;
}

absl::StatusOr<std::optional<TrainingPosition>> CheckpointDirectory::LoadNewest(
    Session& session, const Program& program, const TrainingPlan* plan) const {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<std::string> paths, List());
  if (paths.empty()) return std::optional<TrainingPosition>();
  absl::StatusOr<TrainingPosition> position =
      LoadCheckpoint(session, program, paths.back(), plan);
  if (position.ok()) {
    return std::optional<TrainingPosition>(*std::move(position));
  }
  if (!absl::IsDataLoss(position.status()) || paths.size() < 2) {
    return position.status();
  }
  return absl::DataLossError(
      StrCat(Message(position.status()), "; remove it to resume from ",
             fs::path(paths[paths.size() - 2]).filename().string()));
}

absl::StatusOr<std::string> CheckpointDirectory::Save(
    const Session& session, const Program& program,
    const TrainingPosition& position) const {
  const std::string path =
      (fs::path(options_.directory) / NameFor(position.steps)).string();
  EVENGRAD_RETURN_IF_ERROR(SaveCheckpoint(session, program, path, position));
  if (options_.keep == 0) return path;
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<std::string> paths, List());
  for (size_t i = 0; i + options_.keep < paths.size(); ++i) {
    std::error_code error;
    if (!fs::remove(paths[i], error) && error) {
      return absl::UnavailableError(
          StrCat(paths[i], ": cannot be removed: ", error.message()));
    }
  }
  return path;
}

}  // namespace evengrad
