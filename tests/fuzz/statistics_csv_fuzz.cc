// Statistics of a run as CSV.
#include <string>

#include "evengrad/formats/statistics_csv.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using evengrad::Require;
  const auto records =
      evengrad::ReadStatisticsCsv(evengrad::MemoryFile(data, size));
  if (!records.ok()) return 0;
  Require(!records->empty());
  std::string text = evengrad::StatisticsCsvHeader();
  for (const evengrad::StatisticsRecord& record : *records) {
    text += evengrad::StatisticsCsvLines(record);
  }
  // What was read and is written can be read.
  const auto again = evengrad::ReadStatisticsCsv(evengrad::MemoryFile(
      reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  Require(again.ok() && again->size() == records->size());
  return 0;
}
