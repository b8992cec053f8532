// The bytes that a compiled program needs, known before its first run.
#ifndef EVENGRAD_RUNTIME_MEMORY_LIMIT_H_
#define EVENGRAD_RUNTIME_MEMORY_LIMIT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// Of values, states, results and constants.
ProgramMemory MemoryOf(const BufferPlan& buffers);

// Error (resource exhausted): the program needs more than `limit` bytes, where
// that is positive; names the largest values, with the user's lines.
absl::Status CheckMemoryLimit(const ProgramMemory& memory,
                              const Program& program, const BufferPlan& buffers,
                              int64_t limit);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_MEMORY_LIMIT_H_
