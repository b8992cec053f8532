// The records of LayerStatistics as comma-separated values (RFC 4180), a tensor
// a row.
//
//   step,layer,tensor,elements,mean,deviation,minimum,maximum,norm,…
//   100,hidden1,output,3200,0.012,0.97,-1.75,3.4,54.9,…
//   100,hidden1,weights gradient,78400,…
#ifndef EVENGRAD_FORMATS_STATISTICS_CSV_H_
#define EVENGRAD_FORMATS_STATISTICS_CSV_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/atomic_file.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

// The first line, with its line feed.
EVENGRAD_EXPORT std::string StatisticsCsvHeader();

// The lines of a record: first three of the network, whose layer is empty
// ("loss" in the column mean, "gradient" with the global norm, "clipped
// gradient" with that after the hooks), then for each layer its
// "output" and "output gradient", and for each parameter its value ("weights"),
// "weights gradient" and "weights update". A cell is empty where there is no
// such number; NaN and infinities are "nan", "inf" and "-inf".
EVENGRAD_EXPORT std::string StatisticsCsvLines(const StatisticsRecord& record);

// The records of such a file, in its order. What it does not hold stays empty:
// histograms, activations, units, which parameters are matrices. A file of
// `max_bytes` and more is refused.
//
// Errors name the file, and the line where there is one: no such file, another
// first line ("is no statistics file"), another number of cells, a cell that is
// no number, a row without a record's first three, no record at all.
EVENGRAD_EXPORT absl::StatusOr<std::vector<StatisticsRecord>> ReadStatisticsCsv(
    const std::string& path, int64_t max_bytes = int64_t{1} << 28);

// Writes records as they come. The file gets its name when it is finished: what
// stands under that name is always complete.
class EVENGRAD_EXPORT StatisticsCsvWriter {
 public:
  static absl::StatusOr<StatisticsCsvWriter> Open(const std::string& path);

  absl::Status Write(const StatisticsRecord& record) {
    return file_.Write(StatisticsCsvLines(record));
  }
  absl::Status Finish() { return file_.Commit(); }

 private:
  explicit StatisticsCsvWriter(AtomicFile file) : file_(std::move(file)) {}

  AtomicFile file_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_STATISTICS_CSV_H_
