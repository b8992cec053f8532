// Statistics of a tensor and of how it changes, for hooks that watch the
// updates of parameters.
#ifndef EVENGRAD_OPS_CHANGE_STATISTICS_H_
#define EVENGRAD_OPS_CHANGE_STATISTICS_H_

#include <cstdint>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {

struct ChangeStatisticsValues {
  StatisticsValues before = {};
  StatisticsValues change = {};
};

// The statistics of `before`, and those of after - before (in f32, f64 for
// f64), which is not stored: each of the two is read once. Equal types. No
// gradient flows. Errors: other types, bins outside [0, 4096].
EVENGRAD_EXPORT ChangeStatisticsValues
ChangeStatistics(const Value& before, const Value& after, int64_t bins,
                 SourceLocation location = Here());

EVENGRAD_EXPORT const OpDef& ChangeStatisticsOp();

}  // namespace evengrad

#endif  // EVENGRAD_OPS_CHANGE_STATISTICS_H_
