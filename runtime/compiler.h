// From a program to kernels in memory.
#ifndef EVENGRAD_RUNTIME_COMPILER_H_
#define EVENGRAD_RUNTIME_COMPILER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/precision.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// The program in the form from which kernels are made, for placeholders (by
// node id in program.graph) of these shapes: every type is static. With `last`,
// it stops behind the first run of that step: "infer", "specialize", or one of
// CompilerPasses(). What each step did is appended to `reports`. With bf16,
// NarrowPass runs behind "specialize", and what it gives is put into `rounded`.
// Errors: the program's own, what shows only when sizes are known, with the
// user's line, and an unknown step.
EVENGRAD_EXPORT absl::StatusOr<Program> Lower(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    std::string_view last = "", std::vector<PassReport>* reports = nullptr,
    Precision precision = Precision::kF32,
    std::vector<RoundedState>* rounded = nullptr);
// The steps of Lower, in their order.
EVENGRAD_EXPORT std::vector<std::string_view> LoweringSteps();

struct CompileOptions {
  bool fuse = true;
  // More bytes (ProgramMemory::Total) are an error; 0: no limit.
  int64_t memory_limit_bytes = 0;
  Precision precision = Precision::kF32;
};

// Compiles `program` for placeholders (by node id in program.graph) of these
// shapes. Errors: the program's own, and what shows only when sizes are known,
// with the user's line.
EVENGRAD_EXPORT absl::StatusOr<std::unique_ptr<CompiledProgram>> Compile(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    const CompileOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_COMPILER_H_
