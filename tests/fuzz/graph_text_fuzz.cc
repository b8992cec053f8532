// Graph text. What is accepted prints to what is accepted as the same.
#include <string>
#include <string_view>

#include "evengrad/formats/graph_text.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = evengrad::ParseProgram(text);
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
