// C++ code of the user's in the middle of a graph: it sees the numbers of a
// value while a program runs, and may stop the run.
//
//   hidden = HostCall(hidden, "watch", [](const Tensor& value) {
//     std::printf("%s\n", value.ToString().c_str());
//     return absl::OkStatus();
//   });
#ifndef EVENGRAD_OPS_HOST_CALL_H_
#define EVENGRAD_OPS_HOST_CALL_H_

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

// The tensors are copies, which the function may keep. An error stops the run,
// before any state has changed, and the session returns it after the user's
// line and the node's name. Exceptions become errors.
using HostFunction =
    std::function<absl::Status(std::span<const Tensor> values)>;

// `value`, of which `function` is told in each run that needs the returned
// value: to print, record or check it. Gradients pass through.
//
// Calls happen one at a time, on the thread that runs the session, in an order
// that does not depend on the number of threads, and before any state changes:
// a state is seen as it was before the run. They are never merged with equal
// ones. In a program whose fetches, updates and observations do not need the
// returned value there is no call.
EVENGRAD_EXPORT Value
HostCall(const Value& value, std::string_view name,
         const std::function<absl::Status(const Tensor& value)>& function,
         SourceLocation location = Here());

// The same for several values, of which the first is returned.
EVENGRAD_EXPORT Value HostCall(const std::vector<Value>& values,
                               std::string_view name, HostFunction function,
                               SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_HOST_CALL_H_
