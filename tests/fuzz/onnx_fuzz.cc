// ONNX files. What is accepted is a program that prints to a text which is
// accepted as the same.
#include <string>

#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/onnx.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto program = evengrad::LoadOnnx(evengrad::MemoryFile(data, size));
  if (!program.ok()) {
    Require(!program.status().message().empty());
    return 0;
  }
  const std::string printed = evengrad::PrintProgram(*program);
  const auto again = evengrad::ParseProgram(printed);
  Require(again.ok());
  Require(evengrad::PrintProgram(*again) == printed);
  return 0;
}
