// Ops by name, for parsers and listings. Builders name their OpDef directly.
#ifndef EVENGRAD_GRAPH_OP_REGISTRY_H_
#define EVENGRAD_GRAPH_OP_REGISTRY_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"

namespace evengrad {

// OK when what the op is and how it is computed agree: an elementwise op has
// one output, a source no function that computes it. Part of CheckOpDef; of ops
// that nobody registers, nodes check it.
absl::Status CheckOpKind(const OpDef& op);

// OK when the definition is complete and consistent: a name, a type rule, at
// least one way to be computed, unique input and attribute names.
EVENGRAD_EXPORT absl::Status CheckOpDef(const OpDef& op);

class EVENGRAD_EXPORT OpRegistry {
 public:
  OpRegistry() = default;  // empty; see BuiltinOps() in ops/builtin_ops.h

  // Errors: a definition that CheckOpDef refuses, or a name that is taken by
  // another definition. `op` must outlive the registry.
  absl::Status Register(const OpDef& op);
  // Null where there is none.
  const OpDef* Find(std::string_view name) const;
  // Find, with an error that suggests the nearest name.
  absl::StatusOr<const OpDef*> Get(std::string_view name) const;
  // All, in alphabetical order.
  std::vector<const OpDef*> All() const;

 private:
  std::map<std::string, const OpDef*, std::less<>> ops_;
};

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_OP_REGISTRY_H_
