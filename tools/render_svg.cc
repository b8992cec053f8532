#include "render_svg.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "evengrad/graph/status.h"

extern char** environ;

namespace evengrad::tools {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
// A file without a name, which goes when it is closed.
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

std::string Contents(std::FILE* file) {
  std::string text;
  std::rewind(file);
  char buffer[1 << 16];
  size_t size = 0;
  while ((size = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, size);
  }
  return text;
}

// Runs dot between the three files; its exit status, or -1 with errno. `option`
// may be null.
int RunDot(std::FILE* input, std::FILE* output, std::FILE* complaints,
           const char* option) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input), 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(output), 1);
  posix_spawn_file_actions_adddup2(&actions, fileno(complaints), 2);
  char name[] = "dot";
  char format[] = "-Tsvg";
  char* const arguments[] = {name, format, const_cast<char*>(option), nullptr};
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return -1;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

absl::StatusOr<std::string> RenderSvg(const std::string& dot) {
  const TemporaryFile input(std::tmpfile());
  if (!input ||
      std::fwrite(dot.data(), 1, dot.size(), input.get()) != dot.size() ||
      std::fflush(input.get()) != 0) {
    return absl::UnavailableError(
        StrCat("a temporary file cannot be written: ", std::strerror(errno)));
  }
  absl::Status status;
  // Curves around nodes are more than dot can do in some graphs.
  for (const char* option :
       {static_cast<const char*>(nullptr), "-Gsplines=line"}) {
    const TemporaryFile output(std::tmpfile());
    const TemporaryFile complaints(std::tmpfile());
    if (!output || !complaints) {
      return absl::UnavailableError(
          StrCat("a temporary file cannot be made: ", std::strerror(errno)));
    }
    std::rewind(input.get());
    const int code =
        RunDot(input.get(), output.get(), complaints.get(), option);
    if (code == 0) return Contents(output.get());
    if (code == 127 || (code < 0 && errno == ENOENT)) {
      return absl::FailedPreconditionError(
          "an .svg needs the program dot: install Graphviz, or name the output "
          ".dot");
    }
    if (code < 0) {
      return absl::UnavailableError(StrCat("dot: ", std::strerror(errno)));
    }
    const std::string text = Contents(complaints.get());
    status.Update(
        absl::InternalError(StrCat("dot ends with exit code ", code, ": ",
                                   text.substr(0, text.find('\n')))));
  }
  return status;
}

}  // namespace evengrad::tools
