// NPY files.
#include "evengrad/formats/npy.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto tensor = evengrad::ReadNpy(evengrad::MemoryFile(data, size));
  if (tensor.ok()) Require(tensor->ToDoubles().size() <= size);
  return 0;
}
