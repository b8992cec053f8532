#include "evengrad/train/metrics.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Calls count(row, label) for each row of logits, a pointer to the elements.
template <typename Count>
absl::Status ForEachRow(const Tensor& logits, const Tensor& labels,
                        const Count& count) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::span<const int32_t> expected,
                            labels.values<int32_t>());
  if (logits.rank() != 2 || labels.rank() != 1 ||
      logits.sizes()[0] != labels.sizes()[0] || logits.sizes()[1] == 0) {
    return InvalidArgument("logits of type ", logits.ToString(),
                           " do not fit labels of type ", labels.ToString());
  }
  const int64_t classes = logits.sizes()[1];
  auto for_each = [&](const auto* row) {
    for (const int32_t label : expected) {
      count(row, label);
      row += classes;
    }
  };
  if (logits.dtype() == DType::kF64) {
    for_each(static_cast<const double*>(logits.data()));
    return absl::OkStatus();
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::span<const float> values,
                            logits.values<float>());
  for_each(values.data());
  return absl::OkStatus();
}

template <typename T>
int64_t FirstLargest(const T* row, int64_t classes) {
  return std::max_element(row, row + classes) - row;
}

// The number of elements that are larger than that at `place`, or equal and
// before it.
template <typename T>
int64_t Rank(const T* row, int64_t classes, int64_t place) {
  const T value = row[place];
  return std::count_if(row, row + place, [=](T x) { return x >= value; }) +
         std::count_if(row + place, row + classes,
                       [=](T x) { return x > value; });
}

double Share(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

absl::StatusOr<int64_t> CountCorrect(const Tensor& logits,
                                     const Tensor& labels) {
  int64_t correct = 0;
  EVENGRAD_RETURN_IF_ERROR(
      ForEachRow(logits, labels, [&](const auto* row, int32_t label) {
        correct += FirstLargest(row, logits.sizes()[1]) == label ? 1 : 0;
      }));
  return correct;
}

absl::StatusOr<int64_t> CountInTopK(const Tensor& logits, const Tensor& labels,
                                    int64_t k) {
  if (k < 1) return InvalidArgument("top ", k, ": expected at least 1");
  int64_t found = 0;
  EVENGRAD_RETURN_IF_ERROR(
      ForEachRow(logits, labels, [&](const auto* row, int32_t label) {
        const int64_t classes = logits.sizes()[1];
        if (label < 0 || label >= classes || row[label] != row[label]) return;
        found += Rank(row, classes, label) < k ? 1 : 0;
      }));
  return found;
}

absl::Status ConfusionMatrix::Add(const Tensor& logits, const Tensor& labels) {
  if (logits.rank() == 2 && logits.sizes()[1] != classes_) {
    return InvalidArgument("a confusion matrix of ", classes_,
                           " classes takes no logits of type ",
                           logits.ToString());
  }
  std::vector<int64_t> places;
  absl::Status status;
  EVENGRAD_RETURN_IF_ERROR(
      ForEachRow(logits, labels, [&](const auto* row, int32_t label) {
        if (label < 0 || label >= classes_) {
          status = InvalidArgument("label ", label, " is not in [0, ", classes_,
                                   ")");
          return;
        }
        places.push_back(label * classes_ + FirstLargest(row, classes_));
      }));
  EVENGRAD_RETURN_IF_ERROR(status);
  for (const int64_t place : places) ++counts_[place];
  return absl::OkStatus();
}

int64_t ConfusionMatrix::examples() const {
  int64_t sum = 0;
  for (const int64_t count : counts_) sum += count;
  return sum;
}

double ConfusionMatrix::Accuracy() const {
  int64_t correct = 0;
  for (int64_t i = 0; i < classes_; ++i) correct += count(i, i);
  return Share(correct, examples());
}

double ConfusionMatrix::Recall(int64_t label) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < classes_; ++i) sum += count(label, i);
  return Share(count(label, label), sum);
}

double ConfusionMatrix::Precision(int64_t predicted) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < classes_; ++i) sum += count(i, predicted);
  return Share(count(predicted, predicted), sum);
}

std::string ConfusionMatrix::ToString() const {
  constexpr size_t kNarrowest = 5;
  size_t width = std::max(kNarrowest, StrCat(classes_).size());
  for (const int64_t count : counts_) {
    width = std::max(width, StrCat(count).size());
  }
  auto cell = [&](std::string text) {
    return StrCat(" ", std::string(width - std::min(width, text.size()), ' '),
                  text);
  };
  std::string table = cell("label");
  for (int64_t i = 0; i < classes_; ++i) table += cell(StrCat(i));
  table += "  recall\n";
  for (int64_t label = 0; label < classes_; ++label) {
    table += cell(StrCat(label));
    for (int64_t i = 0; i < classes_; ++i)
      table += cell(StrCat(count(label, i)));
    const double recall = Recall(label);
    char text[16] = "  -\n";  // no example of the class
    if (recall == recall) {
      std::snprintf(text, sizeof(text), "  %.4f\n", recall);
    }
    table += text;
  }
  return table;
}

}  // namespace evengrad
