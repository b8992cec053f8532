// IDX files, plain and gzipped.
#include "evengrad/formats/idx.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto tensor = evengrad::ReadIdx(evengrad::MemoryFile(data, size));
  if (tensor.ok()) Require(tensor->ToDoubles().size() <= 1032 * size);
  return 0;
}
