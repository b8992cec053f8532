// A compiled program in words, for people who ask where memory and time go.
#ifndef EVENGRAD_RUNTIME_EXPLAIN_H_
#define EVENGRAD_RUNTIME_EXPLAIN_H_

#include <string>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/compiled_program.h"

namespace evengrad {

// Nodes before and after each pass, kernels by kind, bytes of memory, and the
// kernels with much arithmetic that have only a plain loop.
EVENGRAD_EXPORT std::string ExplainProgram(const CompiledProgram& program);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_EXPLAIN_H_
