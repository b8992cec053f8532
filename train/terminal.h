// What standard error can show.
#ifndef EVENGRAD_TRAIN_TERMINAL_H_
#define EVENGRAD_TRAIN_TERMINAL_H_

#include <string_view>

namespace evengrad {

// Standard error is a terminal that can move its cursor (TERM is not "dumb").
bool CanMoveCursor();
// NO_COLOR is not set (https://no-color.org).
bool WantsColor();
// The terminal's width; 80 where it is not known.
int TerminalColumns();
// Writes to standard error, at once.
void WriteToTerminal(std::string_view text);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_TERMINAL_H_
