// What the random ops share. Element i of a node is a function of the session's
// seed and step, the node's stream and i alone (see RandomSource): how the work
// is split changes nothing.
//
// A block of 128 bits gives four draws of 32 bits, or two of 64 for f64.
#ifndef EVENGRAD_OPS_RANDOM_RULES_H_
#define EVENGRAD_OPS_RANDOM_RULES_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/philox.h"
#include "evengrad/ops/reference.h"

namespace evengrad {

// dtype, shape, the numbers `parameters`, stream.
std::vector<AttributeDef> RandomAttributes(
    std::vector<AttributeDef> parameters);

// The declared type. Errors: a dtype that is not floating, an unknown dimension
// (named ones are fine), more elements than a stream has numbers.
absl::StatusOr<TensorType> InferRandom(const InferContext& context);

// The part of it that does not depend on the element type: no unknown
// dimension, at most RandomSource::kMaxBlocks blocks of `draws_per_block`.
absl::Status CheckRandomShape(const TensorType& type, int draws_per_block);

// Appends a node of `op`, whose parameters are `parameters`.
Value AddRandom(const Graph& graph, const OpDef& op, const TensorType& type,
                Attributes parameters, const RandomOptions& options,
                SourceLocation location);

// 64-bit draws for f64, 32-bit ones for all others.
inline bool HasWideDraws(DType dtype) { return dtype == DType::kF64; }
inline int DrawsPerBlock(bool wide) { return wide ? 2 : 4; }
// Draw `i` of a block.
inline uint64_t Draw(const PhiloxCounter& block, bool wide, int i) {
  if (!wide) return block[i];
  return uint64_t{block[2 * i + 1]} << 32 | block[2 * i];
}

// The draw as a number in [0, 1): the upper 24 bits, or 53 of a wide one.
inline double HalfOpenUnit(uint64_t draw, bool wide) {
  return wide ? static_cast<double>(draw >> 11) * 0x1p-53
              : static_cast<double>(draw >> 8) * 0x1p-24;
}
// The draw as a number in (0, 1), symmetric about 1/2: all 32 bits, or 52.
inline double OpenUnit(uint64_t draw, bool wide) {
  return wide ? (static_cast<double>(draw >> 12) + 0.5) * 0x1p-52
              : (static_cast<double>(draw) + 0.5) * 0x1p-32;
}

// Standard variables of one block, one a draw.
using StandardFunction = void (*)(const PhiloxCounter& block, bool wide,
                                  double* values);

// Element = offset + scale * standard, kept in [minimum, maximum].
struct RandomScale {
  double offset = 0;
  double scale = 1;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
};

std::unique_ptr<Kernel> MakeRandomKernel(const KernelRequest& request,
                                         StandardFunction standard,
                                         RandomScale scale);

// Reference: element i is `element(block, wide, position of i in the block)`.
absl::Status ReferenceRandom(
    const ReferenceCall& call,
    const std::function<double(const PhiloxCounter& block, bool wide, int i)>&
        element);

// The largest number of the floating `dtype` that is at most `value`.
double RoundDown(DType dtype, double value);

// Whether element `i` of a random_bernoulli node with that source is 1: the
// reference of all that is made of one.
bool IsBernoulliSuccess(const RandomSource& source, int64_t i,
                        double probability);

// Mean and deviation: finite, the deviation not negative.
std::vector<AttributeDef> NormalParameters();
absl::StatusOr<std::vector<TensorType>> InferNormal(
    const InferContext& context);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_RANDOM_RULES_H_
