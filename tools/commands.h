// The commands of the `evengrad` program. Each adds itself to the command line;
// what it does happens when it is called after parsing, and gives the exit
// code: 0 on success, 1 on failure, 2 on bad usage. A failure is one line on
// standard error.
#ifndef EVENGRAD_TOOLS_COMMANDS_H_
#define EVENGRAD_TOOLS_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>

#include "absl/status/status.h"

namespace evengrad::tools {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kBadUsage = 2;

using Command = std::function<int()>;

Command AddTrainCommand(CLI::App& app);
Command AddCompareCommand(CLI::App& app);
Command AddDumpCommand(CLI::App& app);
Command AddRunCommand(CLI::App& app);
Command AddConvertCommand(CLI::App& app);
Command AddOpsCommand(CLI::App& app);

// Brings out what was printed. Error: standard output could not be written, now
// or before.
absl::Status FlushOutput();

// Prints "evengrad: <message>" on standard error and returns `exit_code`.
int Complain(std::string_view message, int exit_code);
int Complain(const absl::Status& status, int exit_code);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_COMMANDS_H_
