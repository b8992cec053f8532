// CSV files.
#include <cmath>

#include "evengrad/formats/csv.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto examples = evengrad::ReadCsv(evengrad::MemoryFile(data, size));
  if (!examples.ok()) return 0;
  Require(examples->features.sizes()[0] == examples->labels.num_elements());
  for (const double value : examples->features.ToDoubles()) {
    Require(std::isfinite(value));
  }
  return 0;
}
