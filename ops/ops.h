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
#include <initializer_list>
#include <optional>
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
// x where x > 0, else slope * x; `slope` broadcasts to the input. The layer
// that owns its slope is in ops/layers.h.
EVENGRAD_EXPORT Value Prelu(const Value& input, const Value& slope,
                            SourceLocation = Here());
enum class RreluForm : uint8_t {
  kSlope,    // a drawn from [lower, upper) is the slope: a * x
  kDivisor,  // a drawn from [lower, upper) divides: x / a
};
struct EVENGRAD_EXPORT RreluOptions {
  RreluForm form = RreluForm::kSlope;
  double lower = 1.0 / 8;
  double upper = 1.0 / 3;
  std::string_view name = {};
  int64_t stream = -1;  // see RandomOptions

  // Slopes in [1/8, 1/3), in inference their mean, 11/48.
  static RreluOptions PyTorch() { return {}; }
  // x / a with a in [3, 8), in inference x / 5.5 (Xu et al., 2015).
  static RreluOptions Xu2015() { return {RreluForm::kDivisor, 3, 8, {}, -1}; }
};
// x where x > 0, else x times a slope that is random in training, one an
// element, and fixed in inference.
EVENGRAD_EXPORT Value Rrelu(const Value& input, RreluOptions options = {},
                            SourceLocation = Here());
// Along `axis`, which may count from the back.
EVENGRAD_EXPORT Value Softmax(const Value& input, int axis = -1,
                              SourceLocation = Here());
EVENGRAD_EXPORT Value LogSoftmax(const Value& input, int axis = -1,
                                 SourceLocation = Here());

// ---- Matrix products and reductions -----------------------------------------

struct MatMulOptions {
  bool transpose_input = false;
  bool transpose_weights = false;
  // Of two bf16 matrices, an f32 output; their gradients are bf16. Not of
  // products of many matrices.
  bool output_f32 = false;
  std::string_view name = {};
};
// input[…,m,k] · weights[…,k,n] -> […,m,n]; a transposed one is given as
// […,k,m] or […,n,k]. Leading dimensions count products and broadcast.
EVENGRAD_EXPORT Value MatMul(const Value& input, const Value& weights,
                             MatMulOptions options = {},
                             SourceLocation = Here());

// Sums of products, written with a letter for each axis (Einstein's
// convention): "bij,bjk->bik" multiplies matrices, "ij->j" sums columns. A
// letter that the output lacks is summed; without "->" the output has, in
// alphabetical order, the letters that stand once in all. Two inputs become
// transposes, reshapes and one product; more are taken from left to right.
// Errors: an equation that is not letters, commas and one arrow, as many terms
// as inputs and letters as axes, a letter twice in a term, an output letter
// that no input has, sizes of a letter that differ.
EVENGRAD_EXPORT Value Einsum(std::string_view equation,
                             std::span<const Value> inputs,
                             SourceLocation = Here());
inline Value Einsum(std::string_view equation,
                    std::initializer_list<Value> inputs,
                    SourceLocation location = Here()) {
  return Einsum(equation, std::span<const Value>(inputs.begin(), inputs.size()),
                location);
}
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
EVENGRAD_EXPORT Value ReduceProduct(const Value& input,
                                    ReduceOptions options = {},
                                    SourceLocation = Here());
// The sum of |x|, the square root of the sum of x * x (its gradient at the zero
// vector is 0), and the sum of x * x.
EVENGRAD_EXPORT Value ReduceL1(const Value& input, ReduceOptions options = {},
                               SourceLocation = Here());
EVENGRAD_EXPORT Value ReduceL2(const Value& input, ReduceOptions options = {},
                               SourceLocation = Here());
EVENGRAD_EXPORT Value ReduceSumSquares(const Value& input,
                                       ReduceOptions options = {},
                                       SourceLocation = Here());
// log(sum of exp(x)), without overflow.
EVENGRAD_EXPORT Value ReduceLogSumExp(const Value& input,
                                      ReduceOptions options = {},
                                      SourceLocation = Here());
struct CumulativeSumOptions {
  int axis = -1;           // may count from the back
  bool exclusive = false;  // an element is not part of its own sum
  bool reverse = false;    // sum from the end
};
// Every element plus those before it along an axis.
EVENGRAD_EXPORT Value CumulativeSum(const Value& input,
                                    CumulativeSumOptions options = {},
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
// Without dimensions of 1: those at `axes`, or, where there are no axes given,
// all that are known to be 1 when this is called.
EVENGRAD_EXPORT Value Squeeze(const Value& input,
                              std::vector<int64_t> axes = {},
                              SourceLocation = Here());
// With dimensions of 1 at `axes` of the result.
EVENGRAD_EXPORT Value Unsqueeze(const Value& input, std::vector<int64_t> axes,
                                SourceLocation = Here());
// `input` repeated `repeats[i]` times along axis i, block after block.
EVENGRAD_EXPORT Value Tile(const Value& input, std::vector<int64_t> repeats,
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
// Summed to the shape of `like`, of which `input` is a tiling: the transpose of
// Tile.
EVENGRAD_EXPORT Value SumTiles(const Value& input, const Value& like,
                               std::vector<int64_t> repeats,
                               SourceLocation = Here());
// The number of elements of `input` along `axes` (empty: all), as a scalar.
EVENGRAD_EXPORT Value SizeOf(const Value& input, std::vector<int64_t> axes = {},
                             DType dtype = DType::kF32,
                             SourceLocation = Here());

// The numbers 0, 1, 2 … along `axis`, the same along all others.
EVENGRAD_EXPORT Value Iota(const Graph& graph, const TensorType& type,
                           int axis = 0, SourceLocation = Here());
// A matrix with 1 where column - row is `diagonal`, else 0.
EVENGRAD_EXPORT Value Eye(const Graph& graph, const TensorType& type,
                          int64_t diagonal = 0, SourceLocation = Here());

// ---- Parts ------------------------------------------------------------------

// The inputs, which differ along `axis` only, one after the other.
EVENGRAD_EXPORT Value Concat(const std::vector<Value>& inputs, int axis = 0,
                             SourceLocation = Here());
// The inverse: `parts` equal pieces, or pieces of the given sizes. As many
// values as pieces, invalid ones after a mistake.
EVENGRAD_EXPORT std::vector<Value> Split(const Value& input, int64_t parts,
                                         int axis = 0, SourceLocation = Here());
EVENGRAD_EXPORT std::vector<Value> SplitSizes(const Value& input,
                                              std::vector<int64_t> sizes,
                                              int axis = 0,
                                              SourceLocation = Here());
// Pieces as large as `likes`, of which only the types are read.
EVENGRAD_EXPORT std::vector<Value> SplitLike(const Value& input,
                                             const std::vector<Value>& likes,
                                             int axis = 0,
                                             SourceLocation = Here());

// start, start + step, … up to but without stop, along one axis, as in Python:
// negative places count from the back, those beyond the ends mean the ends.
struct SliceRange {
  int axis = 0;
  std::optional<int64_t> start = {};  // empty: the first in step's direction
  std::optional<int64_t> stop = {};   // empty: all to the end
  int64_t step = 1;                   // negative: backwards
};
EVENGRAD_EXPORT Value Slice(const Value& input,
                            const std::vector<SliceRange>& ranges,
                            SourceLocation = Here());
// Zeros in the shape of `like`, with `input` where Slice would have read: the
// transpose of Slice.
EVENGRAD_EXPORT Value ScatterSlice(const Value& input, const Value& like,
                                   const std::vector<SliceRange>& ranges,
                                   SourceLocation = Here());

// `before[i]` and `after[i]` elements of `value` around axis i.
EVENGRAD_EXPORT Value Pad(const Value& input, std::vector<int64_t> before,
                          std::vector<int64_t> after, double value = 0,
                          SourceLocation = Here());

// What an index that is out of range reads.
enum class OutOfRange : uint8_t {
  kNaN,   // NaN; the lowest number of an integer type, false
  kZero,  // 0
};
// The parts of `input` at `indices` along `axis`, whose place the dimensions of
// `indices` take. Negative indices count from the back.
EVENGRAD_EXPORT Value Gather(const Value& input, const Value& indices,
                             int axis = 0,
                             OutOfRange out_of_range = OutOfRange::kNaN,
                             SourceLocation = Here());
// Zeros in the shape of `like`, to which `updates` are added at `indices` along
// `axis`: the transpose of Gather. What is out of range is left out.
EVENGRAD_EXPORT Value ScatterAdd(const Value& updates, const Value& indices,
                                 const Value& like, int axis = 0,
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
// 1 with `probability`, else 0; bool or floating. The same draws whatever the
// element type.
EVENGRAD_EXPORT Value RandomBernoulli(const Graph& graph,
                                      const TensorType& type,
                                      double probability = 0.5,
                                      RandomOptions options = {},
                                      SourceLocation = Here());

// ---- Training and inference -------------------------------------------------

// A scalar bool: true in training, false in inference mode.
EVENGRAD_EXPORT Value IsTraining(const Graph& graph, SourceLocation = Here());
// Training: 0 with `probability`, else input / (1 - probability). Inference:
// the input. `probability` is in [0, 1).
EVENGRAD_EXPORT Value Dropout(const Value& input, double probability = 0.5,
                              RandomOptions options = {},
                              SourceLocation = Here());
// Dropout for SELU: drops to SELU's least value and keeps mean 0 and
// variance 1.
EVENGRAD_EXPORT Value AlphaDropout(const Value& input, double probability = 0.5,
                                   RandomOptions options = {},
                                   SourceLocation = Here());

// A matrix[rows,columns] of ones with exactly `zeros` zeros in each column, at
// random places.
EVENGRAD_EXPORT Value RandomMask(const Graph& graph, const TensorType& type,
                                 int64_t zeros, RandomOptions options = {},
                                 SourceLocation = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_OPS_H_
