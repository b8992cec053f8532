// The flag --precision.
#ifndef EVENGRAD_TOOLS_PRECISION_H_
#define EVENGRAD_TOOLS_PRECISION_H_

#include <string>

#include "absl/status/statusor.h"
#include "evengrad/ops/precision.h"

namespace evengrad::tools {

// "f32" or "bf16". bf16 falls back to f32 with a line on standard error where
// the CPU does not multiply in it. Error: another text.
absl::StatusOr<Precision> ParsePrecision(const std::string& text);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_PRECISION_H_
