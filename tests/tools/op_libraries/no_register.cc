// Has the number, and registers nothing.
#include "evengrad/custom_op.h"

const uint32_t EvengradOpAbi = evengrad::kOpAbi;
