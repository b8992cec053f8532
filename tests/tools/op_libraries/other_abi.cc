// Was built for an ABI of another number, and nothing of it may run.
#include <cstdlib>

#include "evengrad/custom_op.h"

const uint32_t EvengradOpAbi = 7;
absl::Status EvengradRegisterOps(evengrad::OpRegistry&) { std::abort(); }
__attribute__((constructor)) static void Run() { std::abort(); }
