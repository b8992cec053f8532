// CSV, comma-separated numbers (RFC 4180): a row an example, one column of
// which is its label.
#ifndef EVENGRAD_FORMATS_CSV_H_
#define EVENGRAD_FORMATS_CSV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

struct CsvOptions {
  // Larger files are refused.
  int64_t max_bytes = int64_t{1} << 30;
  // The column of the labels, where the first line has names. Where it has
  // none, the first column.
  std::string label_column = "label";
};

struct CsvExamples {
  std::vector<std::string> feature_names = {};  // empty: the file has none
  Tensor features = {};                         // f32 [rows, columns - 1]
  Tensor labels = {};                           // i64 [rows]
};

// Reads a file whose first line may be a header (a line with any field that is
// no number). Fields may be quoted, lines end with LF or CRLF; empty lines are
// left out, and so is a byte order mark.
//
// Errors name the file and "line 3, column 2": a field that is no finite
// number, a label that is no whole number from 0 to 2^53, a row with more or
// fewer fields than the first, a quote out of place; a header without the
// column of the labels; no rows.
EVENGRAD_EXPORT absl::StatusOr<CsvExamples> ReadCsv(
    const std::string& path, const CsvOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_CSV_H_
