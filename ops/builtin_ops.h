// The built-in ops' definitions, for rewrites and listings. One op, one file.
#ifndef EVENGRAD_OPS_BUILTIN_OPS_H_
#define EVENGRAD_OPS_BUILTIN_OPS_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/op_registry.h"

namespace evengrad {

// All of the ops below and the structural ones of graph/source_ops.h.
EVENGRAD_EXPORT const OpRegistry& BuiltinOps();

EVENGRAD_EXPORT const OpDef& AbsOp();
EVENGRAD_EXPORT const OpDef& AddOp();
EVENGRAD_EXPORT const OpDef& AlphaDropoutOp();
EVENGRAD_EXPORT const OpDef& ArgMaxOp();
EVENGRAD_EXPORT const OpDef& AutoInitializerOp();
EVENGRAD_EXPORT const OpDef& BatchMatMulOp();
EVENGRAD_EXPORT const OpDef& BatchNormOp();
EVENGRAD_EXPORT const OpDef& BroadcastLikeOp();
EVENGRAD_EXPORT const OpDef& BroadcastToOp();
EVENGRAD_EXPORT const OpDef& CastOp();
EVENGRAD_EXPORT const OpDef& CeluOp();
EVENGRAD_EXPORT const OpDef& ClampOp();
EVENGRAD_EXPORT const OpDef& ConcatOp();
EVENGRAD_EXPORT const OpDef& CumulativeSumOp();
EVENGRAD_EXPORT const OpDef& CustomGradientOp();
EVENGRAD_EXPORT const OpDef& DivideOp();
EVENGRAD_EXPORT const OpDef& DropoutOp();
EVENGRAD_EXPORT const OpDef& EluOp();
EVENGRAD_EXPORT const OpDef& EqualOp();
EVENGRAD_EXPORT const OpDef& ErfOp();
EVENGRAD_EXPORT const OpDef& ExpOp();
EVENGRAD_EXPORT const OpDef& Expm1Op();
EVENGRAD_EXPORT const OpDef& EyeOp();
EVENGRAD_EXPORT const OpDef& FiniteTestOp();
EVENGRAD_EXPORT const OpDef& FloorOp();
EVENGRAD_EXPORT const OpDef& GatherOp();
EVENGRAD_EXPORT const OpDef& GeluOp();
EVENGRAD_EXPORT const OpDef& GreaterOp();
EVENGRAD_EXPORT const OpDef& GreaterEqualOp();
EVENGRAD_EXPORT const OpDef& HardSigmoidOp();
EVENGRAD_EXPORT const OpDef& HardSwishOp();
EVENGRAD_EXPORT const OpDef& HardTanhOp();
EVENGRAD_EXPORT const OpDef& HostCallOp();
EVENGRAD_EXPORT const OpDef& IotaOp();
EVENGRAD_EXPORT const OpDef& IsTrainingOp();
EVENGRAD_EXPORT const OpDef& LayerNormOp();
EVENGRAD_EXPORT const OpDef& LeakyReluOp();
EVENGRAD_EXPORT const OpDef& LessOp();
EVENGRAD_EXPORT const OpDef& LessEqualOp();
EVENGRAD_EXPORT const OpDef& LogOp();
EVENGRAD_EXPORT const OpDef& Log1pOp();
EVENGRAD_EXPORT const OpDef& LogSoftmaxOp();
EVENGRAD_EXPORT const OpDef& LogicalAndOp();
EVENGRAD_EXPORT const OpDef& LogicalNotOp();
EVENGRAD_EXPORT const OpDef& LogicalOrOp();
EVENGRAD_EXPORT const OpDef& MatMulOp();
EVENGRAD_EXPORT const OpDef& MaximumOp();
EVENGRAD_EXPORT const OpDef& MinimumOp();
EVENGRAD_EXPORT const OpDef& MishOp();
EVENGRAD_EXPORT const OpDef& MultiplyOp();
EVENGRAD_EXPORT const OpDef& NegateOp();
EVENGRAD_EXPORT const OpDef& NotEqualOp();
EVENGRAD_EXPORT const OpDef& OneHotOp();
EVENGRAD_EXPORT const OpDef& OrthogonalizeOp();
EVENGRAD_EXPORT const OpDef& PadOp();
EVENGRAD_EXPORT const OpDef& PercentileOp();
EVENGRAD_EXPORT const OpDef& PowerOp();
EVENGRAD_EXPORT const OpDef& PreluOp();
EVENGRAD_EXPORT const OpDef& ProductGradientOp();
EVENGRAD_EXPORT const OpDef& RandomBernoulliOp();
EVENGRAD_EXPORT const OpDef& RandomMaskOp();
EVENGRAD_EXPORT const OpDef& RandomNormalOp();
EVENGRAD_EXPORT const OpDef& RandomTruncatedNormalOp();
EVENGRAD_EXPORT const OpDef& RandomUniformOp();
EVENGRAD_EXPORT const OpDef& ReduceL1Op();
EVENGRAD_EXPORT const OpDef& ReduceL2Op();
EVENGRAD_EXPORT const OpDef& ReduceLogSumExpOp();
EVENGRAD_EXPORT const OpDef& ReduceMaxOp();
EVENGRAD_EXPORT const OpDef& ReduceMeanOp();
EVENGRAD_EXPORT const OpDef& ReduceMinOp();
EVENGRAD_EXPORT const OpDef& ReduceProductOp();
EVENGRAD_EXPORT const OpDef& ReduceSumOp();
EVENGRAD_EXPORT const OpDef& ReduceSumSquaresOp();
EVENGRAD_EXPORT const OpDef& ReluOp();
EVENGRAD_EXPORT const OpDef& Relu6Op();
EVENGRAD_EXPORT const OpDef& ReshapeOp();
EVENGRAD_EXPORT const OpDef& ReshapeLikeOp();
EVENGRAD_EXPORT const OpDef& RreluOp();
EVENGRAD_EXPORT const OpDef& RsqrtOp();
EVENGRAD_EXPORT const OpDef& ScatterAddOp();
EVENGRAD_EXPORT const OpDef& ScatterSliceOp();
EVENGRAD_EXPORT const OpDef& SelectOp();
EVENGRAD_EXPORT const OpDef& SeluOp();
EVENGRAD_EXPORT const OpDef& SigmoidOp();
EVENGRAD_EXPORT const OpDef& SignOp();
EVENGRAD_EXPORT const OpDef& SiluOp();
EVENGRAD_EXPORT const OpDef& SizeOfOp();
EVENGRAD_EXPORT const OpDef& SliceOp();
EVENGRAD_EXPORT const OpDef& SoftmaxOp();
EVENGRAD_EXPORT const OpDef& SoftplusOp();
EVENGRAD_EXPORT const OpDef& SoftsignOp();
EVENGRAD_EXPORT const OpDef& SparseSoftmaxCrossEntropyOp();
EVENGRAD_EXPORT const OpDef& SplitOp();
EVENGRAD_EXPORT const OpDef& SplitLikeOp();
EVENGRAD_EXPORT const OpDef& SqrtOp();
EVENGRAD_EXPORT const OpDef& SquareOp();
EVENGRAD_EXPORT const OpDef& SqueezeOp();
EVENGRAD_EXPORT const OpDef& StatisticsOp();
EVENGRAD_EXPORT const OpDef& StopGradientOp();
EVENGRAD_EXPORT const OpDef& SubtractOp();
EVENGRAD_EXPORT const OpDef& SumOfSquaresOp();
EVENGRAD_EXPORT const OpDef& SumTilesOp();
EVENGRAD_EXPORT const OpDef& SumToLikeOp();
EVENGRAD_EXPORT const OpDef& TanhOp();
EVENGRAD_EXPORT const OpDef& TileOp();
EVENGRAD_EXPORT const OpDef& TransposeOp();
EVENGRAD_EXPORT const OpDef& UnsqueezeOp();

}  // namespace evengrad

#endif  // EVENGRAD_OPS_BUILTIN_OPS_H_
