// Libraries of ops that are not built in: evengrad --load-ops=FILE.
#ifndef EVENGRAD_TOOLS_LOAD_OPS_H_
#define EVENGRAD_TOOLS_LOAD_OPS_H_

#include <string>

#include "absl/status/status.h"
#include "evengrad/graph/op_registry.h"

namespace evengrad::tools {

// The ops that commands know by name: the built-in ones and those loaded.
OpRegistry& Ops();

// Registers the ops of a library made with EVENGRAD_OP_LIBRARY
// (evengrad/custom_op.h) in `registry`. The library stays loaded. `path` names
// a file; it is not looked for in the folders of the system's libraries.
//
// Errors name the path: no such file, not a shared library, not one of ops, one
// built for another ABI (found before anything of it is run), symbols that are
// missing, what its registration returns, such as a name that is taken.
absl::Status LoadOps(const std::string& path, OpRegistry& registry);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_LOAD_OPS_H_
