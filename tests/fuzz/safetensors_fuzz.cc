// safetensors files, with and without checksums. A header that is accepted
// prints to a header that is accepted as the same.
#include "evengrad/formats/safetensors.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const std::string& path = evengrad::MemoryFile(data, size);
  const auto tensors = evengrad::ReadSafetensors(path);
  const auto checked = evengrad::ReadSafetensors(path, {.checksums = true});
  Require(!checked.ok() || tensors.ok());
  const auto reader = evengrad::SafetensorsReader::Open(path);
  if (!reader.ok()) return 0;
  evengrad::SafetensorsHeader header = {.metadata = reader->metadata()};
  int64_t bytes = 0;
  for (const evengrad::SafetensorsEntry& entry : reader->tensors()) {
    header.tensors.push_back(entry);
    bytes = entry.end;
    Require(reader->Find(entry.name) == &entry);
  }
  const std::string text = evengrad::FormatSafetensorsHeader(header);
  const auto again = evengrad::ParseSafetensorsHeader(text, bytes);
  Require(again.ok());
  Require(evengrad::FormatSafetensorsHeader(*again) == text);
  return 0;
}
