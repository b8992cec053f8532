// How passes put a rebuilt graph in the place of a program's.
#ifndef EVENGRAD_RUNTIME_REBUILD_PROGRAM_H_
#define EVENGRAD_RUNTIME_REBUILD_PROGRAM_H_

#include <vector>

#include "absl/status/status.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/rebuild.h"

namespace evengrad {

// Rebuilds the program's graph as RebuildGraph does, and maps its roots.
// Errors: those of RebuildGraph, with which the program stays.
absl::Status RebuildProgram(Program& program, const std::vector<bool>* keep,
                            const ReplaceFunction& replace);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_REBUILD_PROGRAM_H_
