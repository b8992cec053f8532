#include "evengrad/ops/builtin_ops.h"

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/run_after.h"

namespace evengrad {
namespace {

using OpFunction = const OpDef& (*)();

// Explicit, so that nothing depends on the order of static initialization.
constexpr OpFunction kOps[] = {PlaceholderOp,
                               StateOp,
                               ConstantOp,
                               TypeTokenOp,
                               AbsOp,
                               AddOp,
                               AlphaDropoutOp,
                               ArgMaxOp,
                               AutoInitializerOp,
                               BatchMatMulOp,
                               BatchNormOp,
                               BroadcastLikeOp,
                               BroadcastToOp,
                               CastOp,
                               CeluOp,
                               ClampOp,
                               ConcatOp,
                               CumulativeSumOp,
                               CustomGradientOp,
                               DivideOp,
                               DropoutOp,
                               EluOp,
                               EqualOp,
                               ErfOp,
                               ExpOp,
                               Expm1Op,
                               EyeOp,
                               FiniteTestOp,
                               FloorOp,
                               GatherOp,
                               GeluOp,
                               GreaterOp,
                               GreaterEqualOp,
                               HardSigmoidOp,
                               HardSwishOp,
                               HardTanhOp,
                               HostCallOp,
                               IotaOp,
                               IsTrainingOp,
                               LayerNormOp,
                               LeakyReluOp,
                               LessOp,
                               LessEqualOp,
                               LogOp,
                               Log1pOp,
                               LogSoftmaxOp,
                               LogicalAndOp,
                               LogicalNotOp,
                               LogicalOrOp,
                               MatMulOp,
                               MaximumOp,
                               MinimumOp,
                               MishOp,
                               MultiplyOp,
                               NegateOp,
                               NotEqualOp,
                               OneHotOp,
                               OrthogonalizeOp,
                               PadOp,
                               PercentileOp,
                               PowerOp,
                               PreluOp,
                               ProductGradientOp,
                               RandomBernoulliOp,
                               RandomMaskOp,
                               RandomNormalOp,
                               RandomTruncatedNormalOp,
                               RandomUniformOp,
                               ReduceL1Op,
                               ReduceL2Op,
                               ReduceLogSumExpOp,
                               ReduceMaxOp,
                               ReduceMeanOp,
                               ReduceMinOp,
                               ReduceProductOp,
                               ReduceSumOp,
                               ReduceSumSquaresOp,
                               ReluOp,
                               Relu6Op,
                               ReshapeOp,
                               ReshapeLikeOp,
                               RreluOp,
                               RsqrtOp,
                               RunAfterOp,
                               ScatterAddOp,
                               ScatterSliceOp,
                               SelectOp,
                               SeluOp,
                               SigmoidOp,
                               SignOp,
                               SiluOp,
                               SizeOfOp,
                               SliceOp,
                               SoftmaxOp,
                               SoftplusOp,
                               SoftsignOp,
                               SparseSoftmaxCrossEntropyOp,
                               SplitOp,
                               SplitLikeOp,
                               SqrtOp,
                               SquareOp,
                               SqueezeOp,
                               StatisticsOp,
                               StopGradientOp,
                               SubtractOp,
                               SumOfSquaresOp,
                               SumTilesOp,
                               SumToLikeOp,
                               TanhOp,
                               TileOp,
                               TransposeOp,
                               UnsqueezeOp};

}  // namespace

const OpRegistry& BuiltinOps() {
  static const OpRegistry* const registry = [] {
    auto* all = new OpRegistry;
    for (OpFunction op : kOps) {
      // Cannot fail: tests/ops/builtin_ops_test.cc checks every definition.
      all->Register(op()).IgnoreError();
    }
    return all;
  }();
  return *registry;
}

}  // namespace evengrad
