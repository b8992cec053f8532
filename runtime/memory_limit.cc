#include "evengrad/runtime/memory_limit.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr size_t kNamedValues = 5;

// The values that have memory of their own, the largest first.
std::vector<Value> LargestValues(const Program& program,
                                 const BufferPlan& buffers) {
  std::vector<Value> values;
  std::set<int> counted;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node node = program.graph.node(id);
    for (int i = 0; i < node.num_outputs(); ++i) {
      const int buffer = buffers.BufferOf(node.output(i).id());
      if (buffer < 0 || buffers.overwrites_input[buffer] ||
          buffers.buffers[buffer].kind == BufferKind::kFeed ||
          !counted.insert(buffer).second) {
        continue;
      }
      values.push_back(node.output(i));
    }
  }
  auto bytes = [&](const Value& value) {
    return buffers.buffers[buffers.BufferOf(value.id())].bytes;
  };
  std::stable_sort(
      values.begin(), values.end(),
      [&](const Value& a, const Value& b) { return bytes(a) > bytes(b); });
  values.resize(std::min(values.size(), kNamedValues));
  return values;
}

}  // namespace

ProgramMemory MemoryOf(const BufferPlan& plan) {
  ProgramMemory memory = {.arena = plan.arena_bytes,
                          .arena_lower_bound = plan.arena_lower_bound};
  std::set<std::string> states;
  for (const BufferSpec& buffer : plan.buffers) {
    switch (buffer.kind) {
      case BufferKind::kState:
        if (states.insert(buffer.name).second) memory.states += buffer.bytes;
        break;
      case BufferKind::kConstant:
        memory.constants += buffer.bytes;
        break;
      case BufferKind::kResult:
        memory.results += buffer.bytes;
        break;
      case BufferKind::kArena:
      case BufferKind::kFeed:
        break;
    }
  }
  return memory;
}

absl::Status CheckMemoryLimit(const ProgramMemory& memory,
                              const Program& program, const BufferPlan& buffers,
                              int64_t limit) {
  if (limit <= 0 || memory.Total() <= limit) return absl::OkStatus();
  std::string largest;
  for (const Value& value : LargestValues(program, buffers)) {
    const std::string line = value.node().location().ToString();
    largest += StrCat(largest.empty() ? "" : ", ", value.name(), " ",
                      value.type().ToString(), " (",
                      buffers.buffers[buffers.BufferOf(value.id())].bytes,
                      " bytes", line.empty() ? "" : ", ", line, ")");
  }
  return absl::ResourceExhaustedError(StrCat(
      "the program needs ", memory.Total(), " bytes (values of a run ",
      memory.arena, ", states ", memory.states, ", results ", memory.results,
      ", constants ", memory.constants, ", copies of matrices ", memory.kept,
      "), more than memory_limit_bytes = ", limit,
      "; the largest values: ", largest, "; a smaller batch needs less"));
}

}  // namespace evengrad
