// Losses, composed of ops: scalars to minimize.
#ifndef EVENGRAD_OPS_LOSSES_H_
#define EVENGRAD_OPS_LOSSES_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

// mean over the batch of -log softmax(logits)[label]:
// logits f[batch, classes], labels i32 or i64 [batch] -> f[]. A label outside
// [0, classes) makes the loss NaN.
EVENGRAD_EXPORT Value SparseSoftmaxCrossEntropy(
    const Value& logits, const Value& labels, SourceLocation location = Here());

// The share of rows whose largest logit is at the label's place, as f32[].
EVENGRAD_EXPORT Value Accuracy(const Value& logits, const Value& labels,
                               SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LOSSES_H_
