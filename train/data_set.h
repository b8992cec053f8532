// Labelled examples in memory, and how they are scaled.
//
//   absl::StatusOr<DataSet> all = DataSet::ReadIdx(images, labels);
//   absl::StatusOr<DataSplit> split =
//       SplitValidation(*all, {.size = 5000, .side = ValidationSide::kFirst});
//   const Scaling scaling = StandardScaling(split->training);
//   DataSet training = split->training.Scaled(scaling);
#ifndef EVENGRAD_TRAIN_DATA_SET_H_
#define EVENGRAD_TRAIN_DATA_SET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

// Feature j of an example becomes (x[j] - shift[j]) * factor[j]. Vectors of one
// element hold for every feature.
struct Scaling {
  std::vector<float> shift = {0.0f};
  std::vector<float> factor = {1.0f};
};

struct DataSetOptions {
  // Labels must be in [0, classes); 0 accepts every label that is not negative.
  int64_t classes = 0;
};

// The arrays of an NPZ file.
struct NpzNames {
  std::string inputs = {};
  std::string labels = {};
};

// Examples and their labels. Copies, slices and scaled versions share the
// memory; inputs stay as they were given (u8 or f32) and are scaled when a
// batch is made. A slice is a range of consecutive examples.
class EVENGRAD_EXPORT DataSet {
 public:
  // inputs: u8 or f32 [n, …]; labels: u8, i32 or i64 [n]. The tensors must not
  // change while the data set lives. Errors: another dtype or rank, counts that
  // differ, an example without features, a label out of range.
  static absl::StatusOr<DataSet> Create(const Tensor& inputs,
                                        const Tensor& labels,
                                        const DataSetOptions& options = {});
  // From two IDX files, gzipped or not. Each example becomes one row: images
  // [n, 28, 28] have examples of shape [784]. Errors name the file.
  static absl::StatusOr<DataSet> ReadIdx(const std::string& inputs_path,
                                         const std::string& labels_path,
                                         const DataSetOptions& options = {});

  // From two NPY files: inputs [n, …] (other numbers than u8 become f32, where
  // they must be finite) and labels [n]. Errors name the file.
  static absl::StatusOr<DataSet> ReadNpy(const std::string& inputs_path,
                                         const std::string& labels_path,
                                         const DataSetOptions& options = {});
  // From the arrays of those names in an NPZ file; where `inputs` is empty,
  // from "x" and "y", "images" and "labels", or "x_train" and "y_train",
  // whichever are there.
  static absl::StatusOr<DataSet> ReadNpz(const std::string& path,
                                         const DataSetOptions& options = {},
                                         const NpzNames& names = {});
  // From a CSV file with a column "label", or without names and with the labels
  // in the first column (formats/csv.h).
  static absl::StatusOr<DataSet> ReadCsv(const std::string& path,
                                         const DataSetOptions& options = {});

  int64_t size() const { return size_; }
  // The shape of one example, and the product of its sizes.
  std::span<const int64_t> example_sizes() const { return example_sizes_; }
  int64_t num_features() const { return num_features_; }
  int32_t label(int64_t i) const { return (*labels_)[begin_ + i]; }
  const Scaling& scaling() const { return *scaling_; }

  // Writes the scaled features of example i to `features`.
  // Requires 0 <= i < size() and features.size() == num_features().
  void CopyExample(int64_t i, std::span<float> features) const;

  // Examples begin … end-1. Error: not 0 <= begin <= end <= size().
  absl::StatusOr<DataSet> Slice(int64_t begin, int64_t end) const;
  // The examples of the given classes, in order; the new label of an example is
  // the place of its old one among `classes`. Errors: a class that no example
  // has, or that is given twice, no memory.
  absl::StatusOr<DataSet> SelectClasses(std::span<const int32_t> classes) const;
  // The same examples under `scaling`, which replaces the present one. Error:
  // it has neither one element nor one a feature.
  absl::StatusOr<DataSet> Scaled(Scaling scaling) const;
  // The same examples in another shape, such as {1, 28, 28}. Error: another
  // number of features.
  absl::StatusOr<DataSet> Reshaped(std::vector<int64_t> example_sizes) const;

 private:
  friend EVENGRAD_EXPORT Scaling StandardScaling(const DataSet& data);
  DataSet() = default;
  // Feature j of example i, not scaled.
  float Raw(int64_t i, int64_t j) const;

  Tensor inputs_;
  std::shared_ptr<const std::vector<int32_t>> labels_;
  std::shared_ptr<const Scaling> scaling_;
  std::vector<int64_t> example_sizes_;
  int64_t num_features_ = 0;
  int64_t begin_ = 0;
  int64_t size_ = 0;
};

// x / 255: bytes to [0, 1].
EVENGRAD_EXPORT Scaling UnitScaling();
// Zero mean and unit variance of each feature over `data`, whose own scaling is
// not applied: (x - mean) / deviation. A feature that is constant becomes 0,
// also in data where it varies. Take the statistics of the training part only.
EVENGRAD_EXPORT Scaling StandardScaling(const DataSet& data);

enum class ValidationSide : uint8_t { kFirst, kLast };

struct ValidationOptions {
  int64_t size = 0;
  ValidationSide side = ValidationSide::kFirst;
};

struct DataSplit {
  DataSet training;
  DataSet validation;
};

// The first or last `size` examples, and the rest. Error: `size` is negative,
// or leaves no example to train on.
EVENGRAD_EXPORT absl::StatusOr<DataSplit> SplitValidation(
    const DataSet& data, const ValidationOptions& options);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_DATA_SET_H_
