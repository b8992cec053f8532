#include "evengrad/ops/losses.h"

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {

Value SparseSoftmaxCrossEntropy(const Value& logits, const Value& labels,
                                SourceLocation location) {
  const Node losses = AddNode(SparseSoftmaxCrossEntropyOp(), {logits, labels},
                              {}, {.location = location});
  return ReduceMean(losses.output(), {}, location);
}

Value Accuracy(const Value& logits, const Value& labels,
               SourceLocation location) {
  const Value found = ArgMax(logits, -1, location);
  const Value expected = Cast(labels, DType::kI64, location);
  const Value right = Equal({found, location}, {expected, location});
  return ReduceMean(Cast(right, DType::kF32, location), {}, location);
}

}  // namespace evengrad
