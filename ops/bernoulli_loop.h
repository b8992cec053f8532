// The vector loop of random_bernoulli: Philox4x32-10 on many counters at a time
// (Highway), chosen for the machine when it is called.
#ifndef EVENGRAD_OPS_BERNOULLI_LOOP_H_
#define EVENGRAD_OPS_BERNOULLI_LOOP_H_

#include <cstdint>

#include "evengrad/ops/philox.h"

namespace evengrad {

// bits[4 * b + i] = draw i of block first_block + b of `source` is below
// `threshold`, which is at most 2^32; for 0 <= b < count.
void DrawBernoulli(const RandomSource& source, int64_t first_block,
                   int64_t count, uint64_t threshold, uint8_t* bits);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_BERNOULLI_LOOP_H_
