// Three ops that Evengrad does not have, each in a file of its own:
//
//   penalized_tanh.cc  an elementwise op, given as an expression
//   hadamard.cc        an op with a kernel of its own
//   unit_rms.cc        an op composed of others, with a gradient of its own
#ifndef MY_OPS_H_
#define MY_OPS_H_

#include "evengrad/custom_op.h"

namespace my_ops {

namespace eg = evengrad;

// tanh(x) where x > 0, slope * tanh(x) elsewhere.
const eg::OpDef& PenalizedTanhOp();
eg::Value PenalizedTanh(const eg::Value& input, double slope = 0.25,
                        eg::SourceLocation location = eg::Here());

// The orthonormal Walsh-Hadamard transform of the last axis, whose size must be
// a power of two.
const eg::OpDef& HadamardOp();
eg::Value Hadamard(const eg::Value& input,
                   eg::SourceLocation location = eg::Here());

// The input divided by the root of its mean square along the last axis.
const eg::OpDef& UnitRmsOp();
eg::Value UnitRms(const eg::Value& input, double epsilon = 1e-6,
                  eg::SourceLocation location = eg::Here());

}  // namespace my_ops

#endif  // MY_OPS_H_
