// Instructions of an elementwise program that run as one pass over memory: a
// pass costs its loads and stores more than its arithmetic.
#ifndef EVENGRAD_OPS_JOINED_PRIMITIVES_H_
#define EVENGRAD_OPS_JOINED_PRIMITIVES_H_

#include <cstdint>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/vector_primitives.h"

namespace evengrad {

// All have three inputs.
enum class JoinedPrimitive : uint8_t {
  kNone,
  kMultiplySubtract,     // a * b - c
  kNegativeMultiplyAdd,  // c - a * b
  kSelectPositive,       // a > 0 ? b : c
  kScaledElu,            // a > 0 ? b * a : c * expm1(a), for scalars b and c
};

// An instruction, or several in one.
struct ElementwisePass {
  Primitive primitive = Primitive::kImmediate;  // where `joined` is kNone
  JoinedPrimitive joined = JoinedPrimitive::kNone;
  int inputs[3] = {-1, -1, -1};  // registers of the program
  int result = 0;
  double immediate = 0;

  int num_inputs() const {
    return joined == JoinedPrimitive::kNone ? NumInputs(primitive) : 3;
  }
};

// The passes of `program` in its order. Registers that are left out are read by
// no pass. In f32, a product and the sum it goes into become one multiply-add,
// which rounds once where the machine does; f64 keeps each op's own rounding,
// since it is there to be compared.
std::vector<ElementwisePass> PlanPasses(const ElementwiseProgram& program,
                                        DType compute_type);

// The loop of a pass (not of an immediate); `scalars` as in FindPrimitive.
VectorFunction FindPass(const ElementwisePass& pass, DType compute_type,
                        unsigned scalars);

// The loop of a joined primitive over f32 or f64 (kScaledElu: f32 with b and c
// as scalars).
VectorFunction FindJoined(JoinedPrimitive primitive, DType compute_type,
                          unsigned scalars);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_JOINED_PRIMITIVES_H_
