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
// crosses the API.
template <typename Call>
auto CallUser(std::string_view what, const Call& call) {
  using Returned = std::invoke_result_t<const Call&>;
  using Result = typename internal::StatusOf<Returned>::type;
  try {
    if constexpr (std::is_void_v<Returned>) {
      call();
      return Result();
    } else {
      return Result(call());
    }
  } catch (const std::exception& error) {
    return Result(
        absl::InternalError(StrCat(what, " has thrown: ", error.what())));
  } catch (...) {
    return Result(absl::InternalError(
        StrCat(what, " has thrown something that is no std::exception")));
  }
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_USER_CODE_H_
