// From a graph with named dimensions to one in which every size is a number.
#ifndef EVENGRAD_RUNTIME_SPECIALIZE_H_
#define EVENGRAD_RUNTIME_SPECIALIZE_H_

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/runtime/rebuild.h"

namespace evengrad {

struct SpecializeOptions {
  // Whether to decompose an op that has OpDef::decompose; null: always.
  bool (*decompose)(const OpDef& op) = nullptr;
};

// The kept part of `graph` (all where `keep` is null) for placeholders of the
// given static shapes, by node id. A fed size binds the symbol in its place;
// symbols are replaced in placeholders and in every attribute that is a shape,
// and all types are inferred anew. Inputs of which an op reads only the type
// become type tokens. Ops with OpDef::decompose are replaced by what they
// decompose into, until none is left. States are leaves. A rule that wants to
// see an op whole (OpDef::inference) is to be applied before.
//
// Errors name the node: a fed rank or size that differs from the placeholder's,
// a symbol with two sizes, sizes that an op's type rule refuses, a type that is
// still open when all is done, an op that decomposes into itself.
EVENGRAD_EXPORT absl::StatusOr<RebuiltGraph> Specialize(
    const Graph& graph, const std::vector<bool>* keep,
    const std::map<int, Shape>& placeholder_shapes,
    SpecializeOptions options = {});

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SPECIALIZE_H_
