#include "evengrad/graph/status.h"

namespace evengrad {

absl::Status Prefixed(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  return absl::Status(status.code(), StrCat(prefix, Message(status)));
}

}  // namespace evengrad
