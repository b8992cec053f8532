// --clip: what is done to the gradients before they are used.
#ifndef EVENGRAD_TOOLS_CLIP_FLAG_H_
#define EVENGRAD_TOOLS_CLIP_FLAG_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"

namespace evengrad::tools {

struct ClipChoice {
  std::shared_ptr<Hook> hook = {};  // null where nothing is clipped
  std::string scope = {};           // of the hook's report
  // Steps after which a threshold is proposed; 0: none is.
  int64_t suggest_steps = 0;
};

// "global_norm:1.0", "zclip", "none", "suggest". Errors name the flag, what was
// given and what was expected.
absl::StatusOr<ClipChoice> ParseClip(const std::string& given);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_CLIP_FLAG_H_
