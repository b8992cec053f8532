// Finished runs of a comparison.
#include <string>

#include "evengrad/formats/comparison.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto run = evengrad::ReadComparedRun(evengrad::MemoryFile(data, size));
  if (!run.ok()) return 0;
  Require(!run->choice.activation.empty());
  // What was read and is written can be read.
  const std::string text = evengrad::ToJson(*run).ToString();
  const auto again = evengrad::ReadComparedRun(evengrad::MemoryFile(
      reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  Require(again.ok() && again->choice == run->choice &&
          again->accuracy == run->accuracy);
  return 0;
}
