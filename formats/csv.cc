#include "evengrad/formats/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "evengrad/formats/input_file.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"

namespace evengrad {
namespace {

constexpr size_t kMostColumns = 1'000'000;
constexpr size_t kLongestField = 4096;
constexpr double kLargestLabel = 9007199254740992.0;  // 2^53

// Splits a file into rows of fields, a block at a time.
class RowReader {
 public:
  explicit RowReader(const InputFile& file) : file_(file) {}

  int64_t line() const { return line_; }  // where the last row starts
  template <typename... T>
  absl::Status Error(size_t column, const T&... parts) const {
    return file_.Error("line ", line_, ", column ", column + 1, ": ", parts...);
  }

  // The next row that is not empty; false at the end of the file.
  absl::StatusOr<bool> Next() {
    do {
      count_ = 0;
      line_ = next_line_;
      EVENGRAD_ASSIGN_OR_RETURN(const int first, Peek());
      if (first < 0) return false;
      EVENGRAD_RETURN_IF_ERROR(ReadRow());
    } while (count_ == 1 && fields_[0].empty());
    return true;
  }
  std::span<const std::string> fields() const {
    return {fields_.data(), count_};
  }

 private:
  // The next byte, or -1 at the end of the file.
  absl::StatusOr<int> Peek() {
    if (position_ == filled_) {
      const int64_t left = file_.size() - offset_;
      if (left <= 0) return -1;
      const int64_t size = std::min<int64_t>(left, block_.size());
      EVENGRAD_RETURN_IF_ERROR(
          file_.ReadAt(offset_, block_.data(), size, "the text"));
      position_ = 0;
      // A byte order mark is no part of the text.
      if (offset_ == 0 && size >= 3 &&
          std::memcmp(block_.data(), "\xef\xbb\xbf", 3) == 0) {
        position_ = 3;
      }
      offset_ += size;
      filled_ = static_cast<size_t>(size);
      if (position_ == filled_) return Peek();
    }
    return static_cast<unsigned char>(block_[position_]);
  }

  absl::Status ReadRow() {
    while (true) {
      if (count_ == kMostColumns) {
        return Error(count_, "more than ", kMostColumns, " columns");
      }
      if (count_ == fields_.size()) fields_.emplace_back();
      std::string& field = fields_[count_];
      field.clear();
      EVENGRAD_ASSIGN_OR_RETURN(const bool more, ReadField(field));
      ++count_;
      if (!more) return absl::OkStatus();
    }
  }

  // Reads a field and what ends it: true for a comma, false for a line's end.
  absl::StatusOr<bool> ReadField(std::string& field) {
    EVENGRAD_ASSIGN_OR_RETURN(int c, Peek());
    const bool quoted = c == '"';
    if (quoted) {
      ++position_;
      EVENGRAD_RETURN_IF_ERROR(ReadQuoted(field));
    }
    while (true) {
      EVENGRAD_ASSIGN_OR_RETURN(c, Peek());
      if (c < 0) return false;
      ++position_;
      if (c == ',') return true;
      if (c == '\r') {
        EVENGRAD_ASSIGN_OR_RETURN(c, Peek());
        if (c != '\n') return Error(count_, "a carriage return within a line");
        ++position_;
      }
      if (c == '\n') {
        ++next_line_;
        return false;
      }
      if (quoted || c == '"') return Error(count_, "a quote out of place");
      EVENGRAD_RETURN_IF_ERROR(Append(c, field));
    }
  }

  // The rest of a quoted field, whose quotes are doubled.
  absl::Status ReadQuoted(std::string& field) {
    while (true) {
      EVENGRAD_ASSIGN_OR_RETURN(int c, Peek());
      if (c < 0) return Error(count_, "a quoted field does not end");
      ++position_;
      if (c == '"') {
        EVENGRAD_ASSIGN_OR_RETURN(c, Peek());
        if (c != '"') return absl::OkStatus();
        ++position_;
      }
      if (c == '\n') ++next_line_;
      EVENGRAD_RETURN_IF_ERROR(Append(c, field));
    }
  }

  absl::Status Append(int c, std::string& field) {
    if (field.size() == kLongestField) {
      return Error(count_, "a field of more than ", kLongestField, " bytes");
    }
    field += static_cast<char>(c);
    return absl::OkStatus();
  }

  const InputFile& file_;
  int64_t offset_ = 0;  // of the next block
  std::array<char, size_t{1} << 16> block_;
  size_t position_ = 0;
  size_t filled_ = 0;
  int64_t line_ = 1;
  int64_t next_line_ = 1;
  std::vector<std::string> fields_;  // the first count_ are of this row
  size_t count_ = 0;
};

// The number that is all of `field`, spaces and a plus sign aside.
std::optional<double> ParseNumber(std::string_view field) {
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ')) field.remove_suffix(1);
  if (field.starts_with('+') && !field.starts_with("+-")) {
    field.remove_prefix(1);
  }
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

class ExamplesReader {
 public:
  ExamplesReader(const InputFile& file, const CsvOptions& options)
      : file_(file), options_(options), rows_(file) {}

  absl::StatusOr<CsvExamples> Read() {
    EVENGRAD_ASSIGN_OR_RETURN(bool more, rows_.Next());
    if (!more) return file_.Error("has no rows");
    columns_ = rows_.fields().size();
    const bool has_names =
        std::ranges::any_of(rows_.fields(), [](const std::string& field) {
          return !field.empty() && !ParseNumber(field).has_value();
        });
    if (has_names) {
      EVENGRAD_RETURN_IF_ERROR(ReadNames());
      EVENGRAD_ASSIGN_OR_RETURN(more, rows_.Next());
      if (!more) return file_.Error("has no rows after its header");
    }
    if (columns_ < 2) {
      return file_.Error("has one column; expected a label and features");
    }
    for (; more;) {
      EVENGRAD_RETURN_IF_ERROR(AddRow());
      EVENGRAD_ASSIGN_OR_RETURN(more, rows_.Next());
    }
    return Result();
  }

 private:
  absl::Status ReadNames() {
    const std::span<const std::string> names = rows_.fields();
    const auto label = std::ranges::find(names, options_.label_column);
    if (label == names.end()) {
      const std::vector<std::string_view> candidates(names.begin(),
                                                     names.end());
      return file_.Error("line 1: no column is named ",
                         QuotedJson(options_.label_column), ", the first is ",
                         QuotedJson(names[0]),
                         DidYouMean(options_.label_column, candidates));
    }
    if (std::find(label + 1, names.end(), *label) != names.end()) {
      return file_.Error("line 1: two columns are named ",
                         QuotedJson(options_.label_column));
    }
    label_ = static_cast<size_t>(label - names.begin());
    for (size_t i = 0; i < names.size(); ++i) {
      if (i != label_) result_.feature_names.push_back(names[i]);
    }
    return absl::OkStatus();
  }

  absl::Status AddRow() {
    const std::span<const std::string> fields = rows_.fields();
    if (fields.size() != columns_) {
      return file_.Error("line ", rows_.line(), ": has ", fields.size(),
                         " fields, the first line has ", columns_);
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::optional<double> value = ParseNumber(fields[i]);
      const auto narrow = static_cast<float>(value.value_or(NAN));
      if (i == label_) {
        if (!value.has_value() || !(*value >= 0) || *value > kLargestLabel ||
            *value != std::floor(*value)) {
          return rows_.Error(i,
                             "expected a label, a whole number from 0 on, "
                             "found ",
                             Shown(fields[i]));
        }
        labels_.push_back(static_cast<int64_t>(*value));
      } else if (!std::isfinite(narrow)) {
        return rows_.Error(i, "expected a finite number, found ",
                           Shown(fields[i]));
      } else {
        features_.push_back(narrow);
      }
    }
    return absl::OkStatus();
  }

  static std::string Shown(const std::string& field) {
    return field.empty() ? "nothing" : QuotedJson(field.substr(0, 40));
  }

  absl::StatusOr<CsvExamples> Result() {
    const auto rows = static_cast<int64_t>(labels_.size());
    const std::array<int64_t, 2> sizes = {rows,
                                          static_cast<int64_t>(columns_) - 1};
    absl::StatusOr<Tensor> features = Tensor::Of<float>(sizes, features_);
    if (!features.ok()) return file_.Error(Message(features.status()));
    features_ = {};
    absl::StatusOr<Tensor> labels = Tensor::Of<int64_t>({rows}, labels_);
    if (!labels.ok()) return file_.Error(Message(labels.status()));
    result_.features = *std::move(features);
    result_.labels = *std::move(labels);
    return std::move(result_);
  }

  const InputFile& file_;
  const CsvOptions& options_;
  RowReader rows_;
  size_t columns_ = 0;
  size_t label_ = 0;
  std::vector<float> features_;
  std::vector<int64_t> labels_;
  CsvExamples result_;
};

}  // namespace

absl::StatusOr<CsvExamples> ReadCsv(const std::string& path,
                                    const CsvOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  if (file.size() > options.max_bytes) {
    return file.Error("has ", file.size(), " bytes, more than the limit of ",
                      options.max_bytes);
  }
  return ExamplesReader(file, options).Read();
}

}  // namespace evengrad
