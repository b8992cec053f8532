// Signals that ask a command to end.
#ifndef EVENGRAD_TOOLS_INTERRUPT_H_
#define EVENGRAD_TOOLS_INTERRUPT_H_

#include <atomic>

namespace evengrad::tools {

// From now on the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal) sets
// Interrupted(), which ends trainings after their step; the second ends the
// program.
void EndAfterStep();
std::atomic<bool>& Interrupted();

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_INTERRUPT_H_
