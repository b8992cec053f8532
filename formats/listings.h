// Tables for people: a model's layers, and the plan of a compiled program.
#ifndef EVENGRAD_FORMATS_LISTINGS_H_
#define EVENGRAD_FORMATS_LISTINGS_H_

#include <string>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/model_summary.h"

namespace evengrad {

// One row a layer: ops, output, parameters, FLOPs, bytes of activations; then
// the totals and where the memory of a run goes.
EVENGRAD_EXPORT std::string PrintSummary(const ModelSummary& summary);

// One row a kernel: its stage, first node, implementation, parts, ops and the
// buffers it reads and writes; then one row a buffer: its kind, type, bytes and
// offset in the arena; then the copies at the beginning and the end of a run.
EVENGRAD_EXPORT std::string PrintPlan(const CompiledProgram& compiled);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_LISTINGS_H_
