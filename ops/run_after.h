// A value, read no earlier than another one is known: how the gradient tells
// when values that are not kept are computed again.
#ifndef EVENGRAD_OPS_RUN_AFTER_H_
#define EVENGRAD_OPS_RUN_AFTER_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

EVENGRAD_EXPORT const OpDef& RunAfterOp();

// `input`; what reads the result runs after `trigger` has been computed, and is
// never merged with what reads `input` itself. Costs neither time nor memory.
EVENGRAD_EXPORT Value RunAfter(const Value& input, const Value& trigger,
                               SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_RUN_AFTER_H_
