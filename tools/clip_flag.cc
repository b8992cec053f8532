#include "clip_flag.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

struct Clip {
  std::string_view name;
  std::string_view example;   // of its argument; "" where it takes none
  bool is_optional = false;   // the argument
  double largest = HUGE_VAL;  // its allowed range is (0, largest]
  std::string_view scope = {};
  std::shared_ptr<Hook> (*make)(double argument) = nullptr;
};

constexpr double kSuggestSteps = 500;

const std::vector<Clip>& Clips() {
  static const auto* const clips = new std::vector<Clip>{
      {.name = "none", .example = ""},
      {.name = "value",
       .example = "1.0",
       .scope = "clip_by_value",
       .make = ClipByValue},
      {.name = "norm",
       .example = "1.0",
       .scope = "clip_by_norm",
       .make = ClipByNorm},
      {.name = "global_norm",
       .example = "1.0",
       .scope = "clip_by_global_norm",
       .make = ClipByGlobalNorm},
      {.name = "adaptive",
       .example = "0.01",
       .scope = "adaptive_clip",
       .make = [](double factor) { return AdaptiveClip(factor); }},
      {.name = "autoclip",
       .example = "10",
       .largest = 100,
       .scope = "auto_clip",
       .make = [](double percent) { return AutoClip(percent); }},
      {.name = "zclip",
       .example = "",
       .scope = "z_clip",
       .make = [](double) { return ZClip(); }},
      {.name = "suggest",
       .example = "500",
       .is_optional = true,
       .largest = 1e9}};
  return *clips;
}

}  // namespace

absl::StatusOr<ClipChoice> ParseClip(const std::string& given) {
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  std::vector<std::string_view> known;
  for (const Clip& clip : Clips()) known.push_back(clip.name);
  const auto clip = std::ranges::find(Clips(), parts[0], &Clip::name);
  if (clip == Clips().end()) {
    return UnknownName("clip", given, parts[0], known);
  }
  double argument = kSuggestSteps;
  if (clip->example.empty()) {
    if (parts.size() > 1) {
      return BadFlag("clip", given, clip->name, " takes no argument");
    }
  } else if (parts.size() != 1 || !clip->is_optional) {
    const std::optional<double> number =
        parts.size() == 2 ? ParseNumber<double>(parts[1]) : std::nullopt;
    if (!number.has_value() || !std::isfinite(*number) || *number <= 0 ||
        *number > clip->largest) {
      return BadFlag(
          "clip", given, "expected ", clip->name, ":N with a finite N above 0",
          std::isfinite(clip->largest) ? StrCat(" and up to ", clip->largest)
                                       : "",
          ", such as ", clip->name, ":", clip->example);
    }
    argument = *number;
  }
  ClipChoice choice;
  if (clip->make != nullptr) {
    choice.hook = clip->make(argument);
    choice.scope = std::string(clip->scope);
  } else if (clip->name == "suggest") {
    choice.suggest_steps = static_cast<int64_t>(std::ceil(argument));
  }
  return choice;
}

}  // namespace evengrad::tools
