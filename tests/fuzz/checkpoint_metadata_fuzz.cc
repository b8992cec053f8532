// The metadata of checkpoints, as lines "name=value". What is accepted prints
// to what is accepted as the same.
#include <algorithm>
#include <string_view>

#include "evengrad/train/training_position.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  evengrad::SafetensorsMetadata metadata;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t equals = std::min(line.find('='), line.size());
    metadata.emplace(line.substr(0, equals),
                     line.substr(std::min(equals + 1, line.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto parsed = evengrad::ParseCheckpointMetadata(metadata);
  if (!parsed.ok()) return 0;
  const auto printed =
      evengrad::FormatCheckpointMetadata(parsed->position, parsed->counters);
  const auto again = evengrad::ParseCheckpointMetadata(printed);
  Require(again.ok());
  Require(evengrad::FormatCheckpointMetadata(again->position,
                                             again->counters) == printed);
  return 0;
}
