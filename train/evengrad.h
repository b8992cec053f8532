// All of Evengrad's public interface: #include "evengrad/evengrad.h".
#ifndef EVENGRAD_TRAIN_EVENGRAD_H_
#define EVENGRAD_TRAIN_EVENGRAD_H_

// IWYU pragma: begin_exports
#include "evengrad/autodiff/gradients.h"
#include "evengrad/formats/idx.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/statistics_csv.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/hooks/check_numerics.h"
#include "evengrad/runtime/hooks/clip_by_global_norm.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/hooks/findings.h"
#include "evengrad/runtime/hooks/layer_records.h"
#include "evengrad/runtime/hooks/layer_statistics.h"
#include "evengrad/runtime/numerics_check.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/batches.h"
#include "evengrad/train/data_set.h"
#include "evengrad/train/evaluate.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"
#include "evengrad/train/progress_line.h"
#include "evengrad/train/statistics_table.h"
#include "evengrad/train/training_loop.h"
// IWYU pragma: end_exports

#endif  // EVENGRAD_TRAIN_EVENGRAD_H_
