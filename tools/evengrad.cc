// The command line: evengrad train, compare, dump, run, convert and ops.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "load_ops.h"

namespace evengrad::tools {

absl::Status FlushOutput() {
  errno = 0;
  std::fflush(stdout);
  if (std::ferror(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(StrCat(
      "standard output cannot be written",
      errno == 0 ? "" : StrCat(": ", std::generic_category().message(errno))));
}

int Complain(std::string_view message, int exit_code) {
  // One line, whatever a library put into the message, and no command to the
  // terminal, whatever a file has for names.
  std::string line = StrCat("evengrad: ", message);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = c == '\n' ? ' ' : '?';
  }
  std::fprintf(stderr, "%s\n", line.c_str());
  return exit_code;
}

int Complain(const absl::Status& status, int exit_code) {
  return Complain(Message(status), exit_code);
}

namespace {

// "; did you mean '--epochs'?" for the first argument that no option took.
std::string SuggestFor(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> known;
  const CLI::App* context = &app;
  for (const CLI::App* command : app.get_subcommands({})) {
    known.push_back(command->get_name());
    if (command->parsed()) context = command;
  }
  for (const CLI::App* level : {context, &app}) {
    for (const CLI::Option* option : level->get_options()) {
      if (!option->get_lnames().empty()) {
        known.push_back(StrCat("--", option->get_lnames()[0]));
      }
    }
  }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    argument = argument.substr(0, argument.find('='));
    bool exact = false;
    for (const std::string& name : known) exact |= name == argument;
    if (exact) continue;
    std::string hint = DidYouMean(argument, candidates);
    if (!hint.empty()) return hint;
  }
  return "";
}

int Run(int argc, char** argv) {
  CLI::App app("Trains neural networks from a static graph.", "evengrad");
  app.require_subcommand(0, 1);
  app.fallthrough();  // options of all commands may stand after the command
  std::vector<std::string> op_libraries;
  app.add_option("--load-ops", op_libraries,
                 "A library of more ops (docs/custom_ops.md); may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  const std::vector<std::pair<std::string, Command>> commands = {
      {"train", AddTrainCommand(app)},     {"compare", AddCompareCommand(app)},
      {"dump", AddDumpCommand(app)},       {"run", AddRunCommand(app)},
      {"convert", AddConvertCommand(app)}, {"ops", AddOpsCommand(app)}};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Complain(StrCat(error.what(), SuggestFor(app, argc, argv)),
                    kBadUsage);
  }
  for (const std::string& library : op_libraries) {
    const absl::Status status = LoadOps(library, Ops());
    if (!status.ok()) return Complain(status, kFailure);
  }
  for (const auto& [name, command] : commands) {
    if (app.got_subcommand(name)) return command();
  }
  return Complain(
      "give a command: train, compare, dump, run, convert or ops; see "
      "evengrad --help",
      kBadUsage);
}

// A command whose words are lost has failed.
int RunAndFlush(int argc, char** argv) {
  const int exit_code = Run(argc, argv);
  const absl::Status flushed = FlushOutput();
  if (exit_code != kSuccess || flushed.ok()) return exit_code;
  return Complain(flushed, kFailure);
}

}  // namespace
}  // namespace evengrad::tools

int main(int argc, char** argv) {
  // A file that becomes too large is an error with a message.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return evengrad::tools::RunAndFlush(argc, argv);
  } catch (const std::exception& error) {
    return evengrad::tools::Complain(error.what(), evengrad::tools::kFailure);
  }
}
