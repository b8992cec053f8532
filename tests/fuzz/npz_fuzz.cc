// NPZ files: ZIP archives of arrays.
#include "evengrad/formats/npy.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  constexpr int64_t kMostBytes = 1 << 20;
  const auto arrays = evengrad::ReadNpz(evengrad::MemoryFile(data, size),
                                        {.max_bytes = kMostBytes});
  if (!arrays.ok()) return 0;
  int64_t bytes = 0;
  for (const evengrad::NamedTensor& array : *arrays) {
    bytes += array.tensor.byte_size();
  }
  Require(bytes <= kMostBytes);
  return 0;
}
