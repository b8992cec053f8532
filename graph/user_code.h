// Calls of what users pass in: functions, hooks, optimizers.
#ifndef EVENGRAD_GRAPH_USER_CODE_H_
#define EVENGRAD_GRAPH_USER_CODE_H_

#include <exception>
#include <string_view>
#include <type_traits>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace internal {

template <typename T>
struct StatusOf {
  using type = absl::StatusOr<T>;
};
template <typename T>
struct StatusOf<absl::StatusOr<T>> {
  using type = absl::StatusOr<T>;
};
template <>
struct StatusOf<absl::Status> {
  using type = absl::Status;
};
template <>
struct StatusOf<void> {
  using type = absl::Status;
};

}  // namespace internal

// What `call` returns: a status or a StatusOr; OK for void, a StatusOr for any
// other type. An exception becomes the error "<what> has thrown: …": none
// crosses the API. `what` is a text, or a function that makes it where it is
// wanted.
template <typename What, typename Call>
auto CallUser(const What& what, const Call& call) {
  using Returned = std::invoke_result_t<const Call&>;
  using Result = typename internal::StatusOf<Returned>::type;
  auto thrown = [&what](std::string_view exception) {
    if constexpr (std::is_invocable_v<const What&>) {
      return Result(absl::InternalError(StrCat(what(), exception)));
    } else {
      return Result(absl::InternalError(StrCat(what, exception)));
    }
  };
  try {
    if constexpr (std::is_void_v<Returned>) {
      call();
      return Result();
    } else {
      return static_cast<Result>(call());
    }
  } catch (const std::exception& error) {
    return thrown(StrCat(" has thrown: ", error.what()));
  } catch (...) {
    return thrown(" has thrown something that is no std::exception");
  }
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_USER_CODE_H_
