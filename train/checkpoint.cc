#include "evengrad/train/checkpoint.h"

#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/formats/safetensors.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {
namespace {

// No state's name starts with these.
constexpr std::string_view kHookPrefix = "#hook/";
constexpr std::string_view kWatchPrefix = "#watch/";  // Hook::CanBeginAnew
constexpr std::string_view kKeptPrefix = "#kept/";

bool IsState(std::string_view name) { return !name.starts_with('#'); }

// The program's hooks that observe, under the names of their tensors: that of
// the hook's first observation, numbered where another hook has it too.
std::vector<std::pair<std::string, Hook*>> HooksOf(const Program& program) {
  std::vector<std::pair<std::string, Hook*>> hooks;
  std::map<std::string, int> count;
  for (const ObservedValues& observed : program.observations) {
    bool known = observed.hook == nullptr;
    for (const auto& [name, hook] : hooks) known |= hook == observed.hook.get();
    if (known) continue;
    std::string name =
        StrCat(observed.hook->CanBeginAnew() ? kWatchPrefix : kHookPrefix,
               observed.name);
    if (const int n = ++count[name]; n > 1) name += StrCat("#", n);
    hooks.emplace_back(std::move(name), observed.hook.get());
  }
  return hooks;
}

absl::StatusOr<Tensor> ToTensor(std::string_view bytes) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Tensor tensor, Tensor::Zeros(U8({static_cast<int64_t>(bytes.size())})));
  std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

std::string_view ToBytes(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.data()),
          static_cast<size_t>(tensor.byte_size())};
}

// "'a', 'b', 'c' and 4 more".
std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 3;
  std::string list;
  for (size_t i = 0; i < names.size() && i < kMost; ++i) {
    list += StrCat(i == 0 ? "" : ", ", "'", names[i], "'");
  }
  if (names.size() > kMost) {
    list += StrCat(" and ", names.size() - kMost, " more");
  }
  return list;
}

// The checkpoint and the session have the same states, in the same types.
absl::Status CheckStates(const Session& session,
                         const SafetensorsReader& reader) {
  std::vector<std::string> missing, unknown;
  for (const std::string& name : session.StateNames()) {
    const SafetensorsEntry* entry = reader.Find(name);
    if (entry == nullptr) {
      missing.push_back(name);
      continue;
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor state, session.Share(name));
    if (!(state.type() == entry->type)) {
      return InvalidArgument(reader.path(), ": state '", name, "' has type ",
                             entry->type.ToString(), ", the session's is ",
                             state.ToString(),
                             "; build the model that was saved");
    }
  }
  for (const SafetensorsEntry& entry : reader.tensors()) {
    if (IsState(entry.name) && !session.Share(entry.name).ok()) {
      unknown.push_back(entry.name);
    }
  }
  if (missing.empty() && unknown.empty()) return absl::OkStatus();
  std::string message = StrCat(reader.path(), ": ");
  if (!missing.empty()) message += StrCat("has no state ", Listed(missing));
  if (!unknown.empty()) {
    message += StrCat(missing.empty() ? "" : ", and ", "has ", Listed(unknown),
                      ", which the session has not");
  }
  return InvalidArgument(message,
                         "; build the model and the program that were saved");
}

// What the hooks had gathered, read and matched, to be given to them.
absl::StatusOr<std::vector<std::pair<Hook*, Tensor>>> ReadHooks(
    const Program& program, const SafetensorsReader& reader) {
  std::vector<std::pair<Hook*, Tensor>> memories;
  size_t found = 0;  // of those that must be
  for (const auto& [name, hook] : HooksOf(program)) {
    const SafetensorsEntry* entry = reader.Find(name);
    const bool required = !hook->CanBeginAnew();
    if (entry == nullptr && required && !hook->SaveMemory().empty()) {
      return InvalidArgument(
          reader.path(), ": has nothing for the hook that observes '",
          name.substr(kHookPrefix.size()), "'; use the hooks that were saved");
    }
    if (entry == nullptr) continue;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor memory, reader.Read(*entry));
    memories.emplace_back(hook, std::move(memory));
    if (required) ++found;
  }
  size_t saved = 0;
  for (const SafetensorsEntry& entry : reader.tensors()) {
    if (entry.name.starts_with(kHookPrefix)) ++saved;
  }
  if (saved == found) return memories;
  return InvalidArgument(
      reader.path(), ": has what ", saved - found,
      " hooks had gathered that this program has not; use the hooks that were "
      "saved");
}

}  // namespace

absl::Status SaveCheckpoint(const Session& session, const Program& program,
                            const std::string& path,
                            const TrainingPosition& position) {
  for (const Value& state : States(program.graph)) {
    if (session.Share(state.node().name()).ok()) continue;
    return absl::FailedPreconditionError(
        StrCat(path, ": the session does not have the program's state '",
               state.node().name(),
               "' yet; call Session::Initialize(program) before"));
  }
  std::vector<NamedTensor> tensors;
  for (const std::string& name : session.StateNames()) {
    if (!IsState(name)) {
      return InvalidArgument(path, ": a state named '", name,
                             "' cannot be saved: '#' is reserved");
    }
    EVENGRAD_ASSIGN_OR_RETURN(Tensor state, session.Share(name));
    tensors.push_back({name, std::move(state)});
  }
  for (const auto& [name, hook] : HooksOf(program)) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const std::string memory,
        CallUser(
            [&name = name] {
              return StrCat("SaveMemory of the hook '", name, "'");
            },
            [hook = hook] { return hook->SaveMemory(); }));
    if (memory.empty()) continue;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, ToTensor(memory));
    tensors.push_back({name, std::move(tensor)});
  }
  for (const NamedTensor& kept : position.kept) {
    tensors.push_back({StrCat(kKeptPrefix, kept.name), kept.tensor});
  }
  return WriteSafetensors(
      path, tensors,
      FormatCheckpointMetadata(position, session.random_counters()),
      {.checksums = true});
}

absl::StatusOr<TrainingPosition> LoadCheckpoint(Session& session,
                                                const Program& program,
                                                const std::string& path,
                                                const TrainingPlan* plan) {
  EVENGRAD_ASSIGN_OR_RETURN(const SafetensorsReader reader,
                            SafetensorsReader::Open(path, {.checksums = true}));
  absl::StatusOr<CheckpointMetadata> metadata =
      ParseCheckpointMetadata(reader.metadata());
  if (!metadata.ok()) return Prefixed(metadata.status(), StrCat(path, ": "));
  if (plan != nullptr) {
    EVENGRAD_RETURN_IF_ERROR(Prefixed(
        CheckSamePlan(metadata->position.plan, *plan), StrCat(path, ": ")));
  }
  EVENGRAD_RETURN_IF_ERROR(session.Initialize(program));
  EVENGRAD_RETURN_IF_ERROR(CheckStates(session, reader));
  EVENGRAD_ASSIGN_OR_RETURN(const auto memories, ReadHooks(program, reader));
  EVENGRAD_RETURN_IF_ERROR(reader.Verify());
  TrainingPosition position = std::move(metadata->position);
  for (const SafetensorsEntry& entry : reader.tensors()) {
    if (!entry.name.starts_with(kKeptPrefix)) continue;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, reader.Read(entry));
    position.kept.push_back(
        {entry.name.substr(kKeptPrefix.size()), std::move(tensor)});
  }
  for (const auto& [hook, memory] : memories) {
    EVENGRAD_RETURN_IF_ERROR(
        CallUser("RestoreMemory of a hook", [hook = hook, memory = memory] {
          return hook->RestoreMemory(ToBytes(memory));
        }));
  }
  for (const SafetensorsEntry& entry : reader.tensors()) {
    if (!IsState(entry.name)) continue;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor state, session.Share(entry.name));
    EVENGRAD_RETURN_IF_ERROR(reader.ReadInto(entry, state));
  }
  session.SetRandomCounters(metadata->counters);
  return position;
}

}  // namespace evengrad
