// Signals that ask a command to end.
#ifndef EVENGRAD_TOOLS_INTERRUPT_H_
#define EVENGRAD_TOOLS_INTERRUPT_H_

#include <atomic>

namespace evengrad::tools {

// From now on the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal) sets
// Interrupted(), which ends trainings after their step. One that comes more
// than 0.2 seconds later ends the program; sooner, it is the same one, told
// twice: timeout(1) tells the program and its process group, and of a closed
// terminal tell the shell and the kernel.
void EndAfterStep();
std::atomic<bool>& Interrupted();

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_INTERRUPT_H_
