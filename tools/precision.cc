#include "precision.h"

#include <cstdio>

#include "flag_text.h"

namespace evengrad::tools {

absl::StatusOr<Precision> ParsePrecision(const std::string& text) {
  if (text == "f32") return Precision::kF32;
  if (text != "bf16") {
    return UnknownName("precision", text, text, {"f32", "bf16"});
  }
  if (HasBFloat16Products()) return Precision::kBF16;
  std::fprintf(stderr,
               "evengrad: --precision=bf16: this CPU does not multiply in "
               "bf16; computing in f32\n");
  return Precision::kF32;
}

}  // namespace evengrad::tools
