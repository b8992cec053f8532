// The catalogue of ops that users call. Each adds one node (or a few) to the
// graph of its inputs and returns its output; a mistake is kept as the graph's
// status. What an op computes, with its source, stands in its file:
// LeakyRelu in ops/leaky_relu.cc. Layers, losses and initializers, which are
// composed of these, have headers of their own.
//
// Binary ops broadcast by NumPy's rules and want equal dtypes.
#ifndef EVENGRAD_OPS_OPS_H_
#define EVENGRAD_OPS_OPS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/operand.h"

namespace evengrad {

// ---- Arithmetic -------------------------------------------------------------

EVENGRAD_EXPORT Value Add(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Subtract(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Multiply(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Divide(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Power(const Operand& base, const Operand& exponent);
EVENGRAD_EXPORT Value Maximum(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Minimum(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Negate(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Abs(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Sign(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Square(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Sqrt(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Rsqrt(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Exp(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Expm1(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Log(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Log1p(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Erf(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Floor(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Clamp(const Value& input, double minimum, double maximum,
                            SourceLocation = Here());

// ---- Comparison, logic, selection -------------------------------------------

// bool outputs; no gradient flows.
EVENGRAD_EXPORT Value Less(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value LessEqual(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Greater(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value GreaterEqual(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value Equal(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value NotEqual(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value LogicalAnd(const Value& a, const Value& b,
                                 SourceLocation = Here());
EVENGRAD_EXPORT Value LogicalOr(const Value& a, const Value& b,
                                SourceLocation = Here());
EVENGRAD_EXPORT Value LogicalNot(const Value& input, SourceLocation = Here());
// condition ? if_true : if_false, element by element, broadcast. `condition`
// is bool.
EVENGRAD_EXPORT Value Select(const Value& condition, const Operand& if_true,
                             const Operand& if_false);
// The input in another element type; float to integer truncates toward zero.
EVENGRAD_EXPORT Value Cast(const Value& input, DType dtype,
                           SourceLocation = Here());
// The input; no gradient flows.
EVENGRAD_EXPORT Value StopGradient(const Value& input, SourceLocation = Here());

// ---- Activations ------------------------------------------------------------

EVENGRAD_EXPORT Value Sigmoid(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Tanh(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Relu(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value LeakyRelu(const Value& input, double slope = 0.01,
                                SourceLocation = Here());
EVENGRAD_EXPORT Value Elu(const Value& input, double alpha = 1.0,
                          SourceLocation = Here());
EVENGRAD_EXPORT Value Selu(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Relu6(const Value& input, SourceLocation = Here());
// `alpha` in [1e-6, 1e6].
EVENGRAD_EXPORT Value Celu(const Value& input, double alpha = 1.0,
                           SourceLocation = Here());
enum class GeluForm : uint8_t {
  kErf,   // exact
  kTanh,  // the approximation that JAX takes by default
};
EVENGRAD_EXPORT Value Gelu(const Value& input, GeluForm form = GeluForm::kErf,
                           SourceLocation = Here());
EVENGRAD_EXPORT Value Silu(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value Mish(const Value& input, SourceLocation = Here());
// `beta` in [1e-6, 1e6].
EVENGRAD_EXPORT Value Softplus(const Value& input, double beta = 1.0,
                               SourceLocation = Here());
EVENGRAD_EXPORT Value Softsign(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value HardSigmoid(const Value& input, double slope = 1.0 / 6,
                                  SourceLocation = Here());
EVENGRAD_EXPORT Value HardSwish(const Value& input, SourceLocation = Here());
EVENGRAD_EXPORT Value HardTanh(const Value& input, SourceLocation = Here());
// Along `axis`, which may count from the back.
EVENGRAD_EXPORT Value Softmax(const Value& input, int axis = -1,
                              SourceLocation = Here());
EVENGRAD_EXPORT Value LogSoftmax(const Value& input, int axis = -1,
                                 SourceLocation = Here());

// ---- Matrix products and reductions -----------------------------------------

struct MatMulOptions {
  bool transpose_input = false;
  bool transpose_weights = false;
  std::string_view name = {};
};
// input[m,k] · weights[k,n] -> [m,n]; a transposed one is given as [k,m] or
// [n,k].
EVENGRAD_EXPORT Value MatMul(const Value& input, const Value& weights,
                             MatMulOptions options = {},
                             SourceLocation = Here());

// The orthogonal factor of a matrix[m,n] in its decomposition into an
// orthogonal and a triangular one with positive diagonal: its columns (its
// rows, where m < n) orthonormalized one after the other. Householder's
// reflections; no gradient.
EVENGRAD_EXPORT Value Orthogonalize(const Value& input,
                                    SourceLocation = Here());

struct ReduceOptions {
  std::vector<int64_t> axes = {};  // empty: all; may count from the back
  bool keep_dimensions = false;    // leave a 1 where an axis is reduced
};
EVENGRAD_EXPORT Value ReduceSum(const Value& input, ReduceOptions options = {},
                                SourceLocation = Here());
EVENGRAD_EXPORT Value ReduceMean(const Value& input, ReduceOptions options = {},
                                 SourceLocation = Here());
EVENGRAD_EXPORT Value ReduceMax(const Value& input, ReduceOptions options = {},
                                SourceLocation = Here());
EVENGRAD_EXPORT Value ReduceMin(const Value& input, ReduceOptions options = {},
                                SourceLocation = Here());
// i64 index of the first largest element along `axis`, which is removed.
EVENGRAD_EXPORT Value ArgMax(const Value& input, int axis = -1,
                             SourceLocation = Here());
// 1 at the class of each label, else 0: integer labels[…] -> dtype[…, classes].
EVENGRAD_EXPORT Value OneHot(const Value& labels, int64_t classes,
                             DType dtype = DType::kF32,
                             SourceLocation = Here());

// ---- Shapes -----------------------------------------------------------------

// The same elements in another shape. At most one dimension may be Unknown();
// it is inferred from the others when sizes are known.
EVENGRAD_EXPORT Value Reshape(const Value& input, const Shape& shape,
                              SourceLocation = Here());
// Axes in another order; empty reverses them.
EVENGRAD_EXPORT Value Transpose(const Value& input,
                                std::vector<int64_t> permutation = {},
                                SourceLocation = Here());
EVENGRAD_EXPORT Value BroadcastTo(const Value& input, const Shape& shape,
                                  SourceLocation = Here());
// Of the second argument these read only the type.
EVENGRAD_EXPORT Value ReshapeLike(const Value& input, const Value& like,
                                  SourceLocation = Here());
EVENGRAD_EXPORT Value BroadcastLike(const Value& input, const Value& like,
                                    SourceLocation = Here());
// The same where `input` lacks `axes` of `like`: the transpose of a sum over
// them. Without axes as BroadcastLike.
EVENGRAD_EXPORT Value BroadcastLikeOver(const Value& input, const Value& like,
                                        std::vector<int64_t> axes,
                                        SourceLocation = Here());
// Sums away what a broadcast from `like`'s shape had repeated.
EVENGRAD_EXPORT Value SumToLike(const Value& input, const Value& like,
                                SourceLocation = Here());
// The same where `like` lacks `axes` of `input`. Without axes as SumToLike.
EVENGRAD_EXPORT Value SumToLikeOver(const Value& input, const Value& like,
                                    std::vector<int64_t> axes,
                                    SourceLocation = Here());
// The number of elements of `input` along `axes` (empty: all), as a scalar.
EVENGRAD_EXPORT Value SizeOf(const Value& input, std::vector<int64_t> axes = {},
                             DType dtype = DType::kF32,
                             SourceLocation = Here());

// ---- Random numbers ---------------------------------------------------------

// Philox4x32-10 (Salmon et al., 2011), counters keyed by the session's seed,
// the node's stream and the session's step.
struct RandomOptions {
  std::string_view name = {};
  // Identifies the sequence; -1 makes one from the node's full name.
  int64_t stream = -1;
};
// Uniform in [low, high).
EVENGRAD_EXPORT Value RandomUniform(const Graph& graph, const TensorType& type,
                                    double low = 0, double high = 1,
                                    RandomOptions options = {},
                                    SourceLocation = Here());
EVENGRAD_EXPORT Value RandomNormal(const Graph& graph, const TensorType& type,
                                   double mean = 0, double deviation = 1,
                                   RandomOptions options = {},
                                   SourceLocation = Here());
// Normal, drawn again where farther than two deviations from the mean;
// `deviation` is that of the normal before truncation.
EVENGRAD_EXPORT Value RandomTruncatedNormal(
    const Graph& graph, const TensorType& type, double mean = 0,
    double deviation = 1, RandomOptions options = {}, SourceLocation = Here());

// A matrix[rows,columns] of ones with exactly `zeros` zeros in each column, at
// random places.
EVENGRAD_EXPORT Value RandomMask(const Graph& graph, const TensorType& type,
                                 int64_t zeros, RandomOptions options = {},
                                 SourceLocation = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_OPS_H_
