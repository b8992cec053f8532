#include "evengrad/ops/builtin_ops.h"

#include "evengrad/graph/source_ops.h"

namespace evengrad {
namespace {

using OpFunction = const OpDef& (*)();

// Explicit, so that nothing depends on the order of static initialization.
constexpr OpFunction kOps[] = {PlaceholderOp,   StateOp,
                               ConstantOp,      TypeTokenOp,
                               AbsOp,           AddOp,
                               ArgMaxOp,        AutoInitializerOp,
                               BroadcastLikeOp, BroadcastToOp,
                               CastOp,          CeluOp,
                               ClampOp,         DivideOp,
                               EluOp,           EqualOp,
                               ErfOp,           ExpOp,
                               Expm1Op,         FloorOp,
                               GeluOp,          GreaterOp,
                               GreaterEqualOp,  HardSigmoidOp,
                               HardSwishOp,     HardTanhOp,
                               LeakyReluOp,     LessOp,
                               LessEqualOp,     LogOp,
                               Log1pOp,         LogSoftmaxOp,
                               LogicalAndOp,    LogicalNotOp,
                               LogicalOrOp,     MatMulOp,
                               MaximumOp,       MinimumOp,
                               MishOp,          MultiplyOp,
                               NegateOp,        NotEqualOp,
                               OneHotOp,        PercentileOp,
                               PowerOp,
                               RandomNormalOp,  RandomTruncatedNormalOp,
                               RandomUniformOp, ReduceMaxOp,
                               ReduceMeanOp,    ReduceMinOp,
                               ReduceSumOp,     ReluOp,
                               Relu6Op,         ReshapeOp,
                               ReshapeLikeOp,   RsqrtOp,
                               SelectOp,        SeluOp,
                               SigmoidOp,       SignOp,
                               SiluOp,          SizeOfOp,
                               SoftmaxOp,       SoftplusOp,
                               SoftsignOp,      SparseSoftmaxCrossEntropyOp,
                               SqrtOp,          SquareOp,
                               StatisticsOp,
                               StopGradientOp,  SubtractOp,
                               SumOfSquaresOp,
                               SumToLikeOp,     TanhOp,
                               TransposeOp};

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
