// What the author of an op needs: #include "evengrad/custom_op.h". Users of
// models and training include "evengrad/evengrad.h". See docs/custom_ops.md.
#ifndef EVENGRAD_OPS_CUSTOM_OP_H_
#define EVENGRAD_OPS_CUSTOM_OP_H_

// IWYU pragma: begin_exports
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/op_library.h"
#include "evengrad/ops/operand.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
// IWYU pragma: end_exports

#endif  // EVENGRAD_OPS_CUSTOM_OP_H_
