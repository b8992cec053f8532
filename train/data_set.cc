#include "evengrad/train/data_set.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

#include "evengrad/formats/csv.h"
#include "evengrad/formats/idx.h"
#include "evengrad/formats/npy.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The labels as i32, checked.
absl::StatusOr<std::vector<int32_t>> ToLabels(const Tensor& tensor,
                                              int64_t classes) {
  const DType dtype = tensor.dtype();
  if (tensor.rank() != 1 ||
      (dtype != DType::kU8 && dtype != DType::kI32 && dtype != DType::kI64)) {
    return InvalidArgument("labels have type ", tensor.ToString(),
                           ", expected u8, i32 or i64 of rank 1");
  }
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  const double limit = static_cast<double>(classes > 0 ? classes : kLargest);
  std::vector<int32_t> labels(tensor.num_elements());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    const double label = LoadAsDouble(dtype, tensor.data(), i);
    if (label < 0 || label >= limit) {
      return InvalidArgument("label ", label, " of example ", i,
                             " is not in [0, ", static_cast<int64_t>(limit),
                             ")");
    }
    labels[i] = static_cast<int32_t>(label);
  }
  return labels;
}

template <typename T>
void Scale(const T* raw, const Scaling& scaling, std::span<float> features) {
  const float* shift = scaling.shift.data();
  const float* factor = scaling.factor.data();
  if (scaling.shift.size() == 1 && scaling.factor.size() == 1) {
    for (size_t j = 0; j < features.size(); ++j) {
      features[j] = (static_cast<float>(raw[j]) - *shift) * *factor;
    }
    return;
  }
  const size_t shift_step = scaling.shift.size() == 1 ? 0 : 1;
  const size_t factor_step = scaling.factor.size() == 1 ? 0 : 1;
  for (size_t j = 0; j < features.size(); ++j) {
    features[j] = (static_cast<float>(raw[j]) - shift[j * shift_step]) *
                  factor[j * factor_step];
  }
}

}  // namespace

absl::StatusOr<DataSet> DataSet::Create(const Tensor& inputs,
                                        const Tensor& labels,
                                        const DataSetOptions& options) {
  if (!inputs.valid() || !labels.valid()) {
    return InvalidArgument("the inputs or labels are an empty tensor");
  }
  if (inputs.rank() < 2 ||
      (inputs.dtype() != DType::kU8 && inputs.dtype() != DType::kF32)) {
    return InvalidArgument("inputs have type ", inputs.ToString(),
                           ", expected u8 or f32 of rank 2 or more");
  }
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int32_t> checked,
                            ToLabels(labels, options.classes));
  if (inputs.sizes()[0] != labels.sizes()[0]) {
    return InvalidArgument("there are ", inputs.sizes()[0], " inputs and ",
                           labels.sizes()[0], " labels");
  }
  DataSet data;
  data.inputs_ = inputs;
  data.labels_ =
      std::make_shared<const std::vector<int32_t>>(std::move(checked));
  data.scaling_ = std::make_shared<const Scaling>();
  data.example_sizes_.assign(inputs.sizes().begin() + 1, inputs.sizes().end());
  data.size_ = inputs.sizes()[0];
  EVENGRAD_ASSIGN_OR_RETURN(
      data.num_features_,
      Shape(std::span<const int64_t>(data.example_sizes_)).NumElements());
  if (data.num_features_ == 0) {
    return InvalidArgument("inputs of type ", inputs.ToString(),
                           " have no features");
  }
  return data;
}

absl::StatusOr<DataSet> DataSet::ReadIdx(const std::string& inputs_path,
                                         const std::string& labels_path,
                                         const DataSetOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor inputs,
                            evengrad::ReadIdx(inputs_path));
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor labels,
                            evengrad::ReadIdx(labels_path));
  if (inputs.rank() < 2) {
    return InvalidArgument(inputs_path, ": holds ", inputs.ToString(),
                           ", expected images: a rank of 2 or more");
  }
  if (absl::StatusOr<std::vector<int32_t>> checked =
          ToLabels(labels, options.classes);
      !checked.ok()) {
    return Prefixed(checked.status(), StrCat(labels_path, ": "));
  }
  if (inputs.sizes()[0] != labels.sizes()[0]) {
    return InvalidArgument(inputs_path, ": holds ", inputs.sizes()[0],
                           " images, but ", labels_path, " holds ",
                           labels.sizes()[0], " labels");
  }
  absl::StatusOr<DataSet> data = Create(inputs, labels, options);
  if (!data.ok()) {
    return Prefixed(data.status(), StrCat(inputs_path, ": "));
  }
  return data->Reshaped({data->num_features()});
}

namespace {

// Numbers that a data set does not keep as they are, in f32.
absl::StatusOr<Tensor> AsInputs(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::kU8 || dtype == DType::kF32) return tensor;
  EVENGRAD_ASSIGN_OR_RETURN(Tensor result,
                            Tensor::Zeros({DType::kF32, tensor.type().shape}));
  auto* values = static_cast<float*>(result.mutable_data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    values[i] = static_cast<float>(LoadAsDouble(dtype, tensor.data(), i));
  }
  return result;
}

// Of arrays in a file, whose numbers must be finite in f32.
absl::StatusOr<DataSet> FromArrays(const Tensor& raw, const Tensor& labels,
                                   const DataSetOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor inputs, AsInputs(raw));
  EVENGRAD_ASSIGN_OR_RETURN(DataSet data,
                            DataSet::Create(inputs, labels, options));
  if (inputs.dtype() != DType::kF32) return data;
  const auto* const values = static_cast<const float*>(inputs.data());
  for (int64_t i = 0; i < inputs.num_elements(); ++i) {
    if (std::isfinite(values[i])) continue;
    return InvalidArgument("input ", i % data.num_features(), " of example ",
                           i / data.num_features(), " is ",
                           LoadAsDouble(raw.dtype(), raw.data(), i),
                           ", expected a number that is finite in f32");
  }
  return data;
}

const Tensor* FindArray(const std::vector<NamedTensor>& arrays,
                        std::string_view name) {
  for (const NamedTensor& array : arrays) {
    if (array.name == name) return &array.tensor;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<DataSet> DataSet::ReadNpy(const std::string& inputs_path,
                                         const std::string& labels_path,
                                         const DataSetOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor raw, evengrad::ReadNpy(inputs_path));
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor labels,
                            evengrad::ReadNpy(labels_path));
  absl::StatusOr<DataSet> data = FromArrays(raw, labels, options);
  if (data.ok()) return data;
  return Prefixed(data.status(), StrCat(inputs_path, ", ", labels_path, ": "));
}

absl::StatusOr<DataSet> DataSet::ReadNpz(const std::string& path,
                                         const DataSetOptions& options,
                                         const NpzNames& names) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<NamedTensor> arrays,
                            evengrad::ReadNpz(path));
  std::vector<NpzNames> candidates = {
      {"x", "y"}, {"images", "labels"}, {"x_train", "y_train"}};
  if (!names.inputs.empty()) candidates = {names};
  for (const NpzNames& pair : candidates) {
    const Tensor* raw = FindArray(arrays, pair.inputs);
    const Tensor* labels = FindArray(arrays, pair.labels);
    if (raw == nullptr || labels == nullptr) continue;
    absl::StatusOr<DataSet> data = FromArrays(*raw, *labels, options);
    if (data.ok()) return data;
    return Prefixed(data.status(), StrCat(path, ": arrays '", pair.inputs,
                                          "' and '", pair.labels, "': "));
  }
  std::string wanted, present;
  for (const NpzNames& pair : candidates) {
    wanted += StrCat(wanted.empty() ? "" : " or ", "'", pair.inputs, "' and '",
                     pair.labels, "'");
  }
  constexpr size_t kMost = 8;
  for (size_t i = 0; i < arrays.size() && i < kMost; ++i) {
    present += StrCat(i == 0 ? "" : ", ", "'", arrays[i].name, "'");
  }
  return absl::NotFoundError(
      StrCat(path, ": has the arrays ", present, ", expected ", wanted));
}

absl::StatusOr<DataSet> DataSet::ReadCsv(const std::string& path,
                                         const DataSetOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const CsvExamples examples,
                            evengrad::ReadCsv(path));
  absl::StatusOr<DataSet> data =
      Create(examples.features, examples.labels, options);
  if (data.ok()) return data;
  return Prefixed(data.status(), StrCat(path, ": "));
}

void DataSet::CopyExample(int64_t i, std::span<float> features) const {
  const int64_t offset = (begin_ + i) * num_features_;
  if (inputs_.dtype() == DType::kU8) {
    Scale(static_cast<const uint8_t*>(inputs_.data()) + offset, *scaling_,
          features);
  } else {
    Scale(static_cast<const float*>(inputs_.data()) + offset, *scaling_,
          features);
  }
}

float DataSet::Raw(int64_t i, int64_t j) const {
  const int64_t offset = (begin_ + i) * num_features_ + j;
  return inputs_.dtype() == DType::kU8
             ? static_cast<const uint8_t*>(inputs_.data())[offset]
             : static_cast<const float*>(inputs_.data())[offset];
}

absl::StatusOr<DataSet> DataSet::Slice(int64_t begin, int64_t end) const {
  if (begin < 0 || end < begin || end > size_) {
    return InvalidArgument("examples ", begin, " to ", end,
                           " are not a range of the ", size_, " examples");
  }
  DataSet slice = *this;
  slice.begin_ = begin_ + begin;
  slice.size_ = end - begin;
  return slice;
}

absl::StatusOr<DataSet> DataSet::SelectClasses(
    std::span<const int32_t> classes) const {
  std::vector<int64_t> chosen;
  std::vector<int32_t> labels;
  std::vector<int64_t> counts(classes.size(), 0);
  for (int64_t i = 0; i < size_; ++i) {
    const auto place = std::ranges::find(classes, label(i));
    if (place == classes.end()) continue;
    chosen.push_back(begin_ + i);
    labels.push_back(static_cast<int32_t>(place - classes.begin()));
    ++counts[labels.back()];
  }
  for (size_t k = 0; k < classes.size(); ++k) {
    if (counts[k] > 0) continue;
    const bool twice = std::ranges::count(classes, classes[k]) > 1;
    return InvalidArgument(
        "class ", classes[k],
        twice ? " is selected twice" : " is selected, and no example has it");
  }
  std::vector<int64_t> sizes = {static_cast<int64_t>(chosen.size())};
  sizes.insert(sizes.end(), example_sizes_.begin(), example_sizes_.end());
  DataSet selected = *this;
  EVENGRAD_ASSIGN_OR_RETURN(
      selected.inputs_,
      Tensor::Zeros({inputs_.dtype(), Shape(std::span<const int64_t>(sizes))}));
  const auto bytes =
      static_cast<size_t>(num_features_) * SizeOf(inputs_.dtype());
  auto* target = static_cast<std::byte*>(selected.inputs_.mutable_data());
  const auto* source = static_cast<const std::byte*>(inputs_.data());
  for (const int64_t example : chosen) {
    std::memcpy(target, source + static_cast<size_t>(example) * bytes, bytes);
    target += bytes;
  }
  selected.labels_ =
      std::make_shared<const std::vector<int32_t>>(std::move(labels));
  selected.begin_ = 0;
  selected.size_ = sizes[0];
  return selected;
}

absl::StatusOr<DataSet> DataSet::Scaled(Scaling scaling) const {
  for (const size_t size : {scaling.shift.size(), scaling.factor.size()}) {
    if (size != 1 && size != static_cast<size_t>(num_features_)) {
      return InvalidArgument("a scaling of ", size,
                             " elements does not fit examples of ",
                             num_features_, " features");
    }
  }
  DataSet scaled = *this;
  scaled.scaling_ = std::make_shared<const Scaling>(std::move(scaling));
  return scaled;
}

absl::StatusOr<DataSet> DataSet::Reshaped(
    std::vector<int64_t> example_sizes) const {
  const Shape shape{std::span<const int64_t>(example_sizes)};
  EVENGRAD_RETURN_IF_ERROR(shape.Validate());
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t count, shape.NumElements());
  if (count != num_features_ || shape.rank() >= Shape::kMaxRank) {
    return InvalidArgument("examples of ", num_features_,
                           " features cannot have the shape ",
                           shape.ToString());
  }
  DataSet reshaped = *this;
  reshaped.example_sizes_ = std::move(example_sizes);
  return reshaped;
}

Scaling UnitScaling() { return {.factor = {1.0f / 255.0f}}; }

Scaling StandardScaling(const DataSet& data) {
  const int64_t features = data.num_features();
  // In double and in two passes, so that no digits cancel.
  std::vector<double> mean(features, 0.0), variance(features, 0.0);
  const double count = static_cast<double>(data.size());
  for (int64_t i = 0; i < data.size(); ++i) {
    for (int64_t j = 0; j < features; ++j) mean[j] += data.Raw(i, j);
  }
  for (double& sum : mean) sum /= count;
  for (int64_t i = 0; i < data.size(); ++i) {
    for (int64_t j = 0; j < features; ++j) {
      const double deviation = data.Raw(i, j) - mean[j];
      variance[j] += deviation * deviation;
    }
  }
  Scaling scaling = {.shift = std::vector<float>(features, 0.0f),
                     .factor = std::vector<float>(features, 0.0f)};
  if (data.size() == 0) return scaling;
  for (int64_t j = 0; j < features; ++j) {
    const double deviation = std::sqrt(variance[j] / count);
    // What is left of a constant is rounding of its mean.
    const bool constant = deviation <= 1e-7 * std::abs(mean[j]);
    scaling.shift[j] = static_cast<float>(mean[j]);
    scaling.factor[j] = constant ? 0.0f : static_cast<float>(1.0 / deviation);
  }
  return scaling;
}

absl::StatusOr<DataSplit> SplitValidation(const DataSet& data,
                                          const ValidationOptions& options) {
  if (options.size < 0 || options.size >= data.size()) {
    return InvalidArgument("a validation part of ", options.size,
                           " examples does not fit: there are ", data.size(),
                           ", and some must be left to train on");
  }
  const int64_t size = data.size();
  const bool first = options.side == ValidationSide::kFirst;
  const int64_t middle = first ? options.size : size - options.size;
  EVENGRAD_ASSIGN_OR_RETURN(DataSet head, data.Slice(0, middle));
  EVENGRAD_ASSIGN_OR_RETURN(DataSet tail, data.Slice(middle, size));
  if (first) return DataSplit{std::move(tail), std::move(head)};
  return DataSplit{std::move(head), std::move(tail)};
}

}  // namespace evengrad
