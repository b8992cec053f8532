#include "evengrad/runtime/explain.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// "matmul, 2 x multiply, subtract"
std::string OpsOf(const KernelDescription& description) {
  std::map<std::string_view, int> counts;
  for (std::string_view op : description.ops) ++counts[op];
  std::string text;
  for (const auto& [op, count] : counts) {
    text += StrCat(text.empty() ? "" : ", ",
                   count > 1 ? StrCat(count, " x ") : std::string(), op);
  }
  return text;
}

std::string PassLines(const CompiledProgram& program) {
  std::string text = "passes (nodes before and after):\n";
  for (const PassReport& pass : program.passes) {
    text += StrCat("  ", pass.name, ": ", pass.nodes_before, " -> ",
                   pass.nodes_after, "\n");
  }
  return text;
}

std::string KernelLines(const CompiledProgram& program) {
  std::map<std::string, int> counts;
  for (size_t k = 0; k < program.kernels.size(); ++k) {
    ++counts[StrCat(program.kernels[k]->implementation(), ": ",
                    OpsOf(program.kernel_descriptions[k]))];
  }
  std::vector<std::pair<int, std::string>> kinds;
  kinds.reserve(counts.size());
  for (const auto& [kind, count] : counts) kinds.emplace_back(-count, kind);
  std::sort(kinds.begin(), kinds.end());
  std::string text =
      StrCat("kernels: ", program.kernels.size(), " in ", program.stages.size(),
             " stages, ", program.tasks.size(), " parts\n");
  for (const auto& [count, kind] : kinds) {
    text += StrCat("  ", -count, " x ", kind, "\n");
  }
  return text;
}

std::string MemoryLines(const CompiledProgram& program) {
  const ProgramMemory& memory = program.memory;
  return StrCat("memory: ", memory.Total(), " bytes: values of a run ",
                memory.arena, " (at least ", memory.arena_lower_bound,
                " are needed at once), states ", memory.states, ", results ",
                memory.results, ", constants ", memory.constants,
                ", copies of matrices ", memory.kept,
                "; scratch of each worker ", program.scratch_bytes, "\n");
}

std::string SlowLines(const CompiledProgram& program) {
  std::string text;
  for (size_t k = 0; k < program.kernels.size(); ++k) {
    if (!program.kernel_descriptions[k].has_slow_product) continue;
    text += StrCat("  ", program.kernel_names[k], " (",
                   OpsOf(program.kernel_descriptions[k]),
                   "): ", program.kernels[k]->implementation(), "\n");
  }
  if (text.empty()) return "slow products: none\n";
  return StrCat("slow products:\n", text);
}

}  // namespace

std::string ExplainProgram(const CompiledProgram& program) {
  return StrCat(PassLines(program), KernelLines(program), MemoryLines(program),
                SlowLines(program));
}

}  // namespace evengrad
