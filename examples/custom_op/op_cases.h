// What the checks of evengrad::testing are told about the three ops. The rows
// take the definition to check, so that a broken one can be tried.
#ifndef MY_OPS_OP_CASES_H_
#define MY_OPS_OP_CASES_H_

#include "evengrad/testing/check_op.h"
#include "my_ops.h"

namespace my_ops {

evengrad::testing::OpCase PenalizedTanhCase(
    const eg::OpDef& op = PenalizedTanhOp());
evengrad::testing::OpCase HadamardCase(const eg::OpDef& op = HadamardOp());
evengrad::testing::OpCase UnitRmsCase(const eg::OpDef& op = UnitRmsOp());

}  // namespace my_ops

#endif  // MY_OPS_OP_CASES_H_
