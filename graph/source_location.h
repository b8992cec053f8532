// Where in the user's code a node was made.
#ifndef EVENGRAD_GRAPH_SOURCE_LOCATION_H_
#define EVENGRAD_GRAPH_SOURCE_LOCATION_H_

#include <string>
#include <string_view>

#include "evengrad/graph/export.h"

namespace evengrad {

// A file and line of the user's code. Used as the last, defaulted parameter of
// every builder function:
//
//   Value Selu(const Value& input, SourceLocation location = Here());
struct SourceLocation {
  const char* file = "";  // lives as long as the program
  int line = 0;           // 0: unknown

  bool known() const { return line > 0; }
  // "model.cc:27" (without directories), or "" where unknown.
  EVENGRAD_EXPORT std::string ToString() const;
  // A location whose file name is copied into storage that is never freed.
  EVENGRAD_EXPORT static SourceLocation Interned(std::string_view file,
                                                 int line);
};

// The place of the call. (std::source_location is missing in clang 14.)
constexpr SourceLocation Here(const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  return SourceLocation{file, line};
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_SOURCE_LOCATION_H_
