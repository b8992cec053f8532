#include "evengrad/runtime/profile.h"

#include <numeric>
#include <string_view>

#include "evengrad/graph/status.h"
#include "evengrad/runtime/compiled_program.h"

namespace evengrad {

void Profile::AddWorkers(int num_workers) {
  while (static_cast<int>(events_.size()) < num_workers) {
    events_.emplace_back().reserve(max_events_);
    dropped_.push_back(0);
  }
}

int Profile::AddKernels(const CompiledProgram& program) {
  const auto first = static_cast<int>(kernels_.size());
  for (size_t k = 0; k < program.kernels.size(); ++k) {
    const KernelDescription& description = program.kernel_descriptions[k];
    ProfiledKernel kernel = {
        .name = program.kernel_names[k],
        .implementation = program.kernels[k]->implementation(),
        .num_parts = program.kernels[k]->num_parts(),
        .flops = description.flops};
    for (std::string_view op : description.ops) {
      kernel.ops += StrCat(kernel.ops.empty() ? "" : ", ", op);
    }
    for (const std::vector<int>* buffers :
         {&description.reads, &description.writes}) {
      for (int buffer : *buffers) {
        kernel.bytes += static_cast<double>(program.buffers[buffer].bytes);
      }
    }
    kernels_.push_back(std::move(kernel));
  }
  return first;
}

int64_t Profile::num_dropped() const {
  return std::accumulate(dropped_.begin(), dropped_.end(), int64_t{0});
}

}  // namespace evengrad
