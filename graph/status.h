// Status helpers: string building that accepts std::string_view on every
// Abseil, and the two early-return macros.
#ifndef EVENGRAD_GRAPH_STATUS_H_
#define EVENGRAD_GRAPH_STATUS_H_

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "evengrad/graph/export.h"

namespace evengrad {
namespace internal {

// A std::string_view as the string_view of this Abseil (older ones have a type
// of their own, which StrCat and hash tables want); anything else as it is.
template <typename T>
decltype(auto) ForAbsl(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return absl::string_view(value.data(), value.size());
  } else {
    return (value);
  }
}

}  // namespace internal

// absl::StrCat that also takes std::string_view where Abseil has its own.
template <typename... T>
std::string StrCat(const T&... parts) {
  return absl::StrCat(internal::ForAbsl(parts)...);
}

// An INVALID_ARGUMENT status whose message is the concatenation of `parts`.
template <typename... T>
absl::Status InvalidArgument(const T&... parts) {
  return absl::InvalidArgumentError(StrCat(parts...));
}

// The message of a status as a standard string_view.
inline std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// `status` with `prefix` put before its message; OK stays OK.
EVENGRAD_EXPORT absl::Status Prefixed(const absl::Status& status,
                                      std::string_view prefix);

}  // namespace evengrad

#define EVENGRAD_CONCAT_INNER_(a, b) a##b
#define EVENGRAD_CONCAT_(a, b) EVENGRAD_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define EVENGRAD_RETURN_IF_ERROR(expression)          \
  do {                                                \
    if (absl::Status evengrad_status_ = (expression); \
        !evengrad_status_.ok()) {                     \
      return evengrad_status_;                        \
    }                                                 \
  } while (false)

// Assigns the value of a StatusOr to `declaration`, or returns its error.
#define EVENGRAD_ASSIGN_OR_RETURN(declaration, expression)          \
  EVENGRAD_ASSIGN_OR_RETURN_INNER_(                                 \
      EVENGRAD_CONCAT_(evengrad_status_or_, __LINE__), declaration, \
      expression)
#define EVENGRAD_ASSIGN_OR_RETURN_INNER_(result, declaration, expression) \
  auto result = (expression);                                             \
  if (!result.ok()) return result.status();                               \
  declaration = std::move(result).value()

#endif  // EVENGRAD_GRAPH_STATUS_H_
