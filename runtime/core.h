// Which core a thread runs on. Linux tells; elsewhere it is unknown.
#ifndef EVENGRAD_RUNTIME_CORE_H_
#define EVENGRAD_RUNTIME_CORE_H_

namespace evengrad {

inline constexpr int kUnknownCore = -1;

// The calling thread's core; it may be another as soon as this returns.
int CurrentCore();

// Moves the calling thread to another core if it runs on `core` and may run on
// others. It may run on the same ones as before; an affinity that somebody else
// gives it at that moment is lost.
void LeaveCore(int core);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_CORE_H_
