#include "evengrad/train/batches.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// SplitMix64 (Steele, Lea and Flood, 2014).
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    return Mix(state_);
  }
  // Uniform in [0, bound): values that would favour small results are drawn
  // again.
  uint64_t Below(uint64_t bound) {
    const uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
    uint64_t value;
    do {
      value = Next();
    } while (value < rejected);
    return value % bound;
  }
  static uint64_t Mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
  }

 private:
  uint64_t state_;
};

absl::StatusOr<Batch> NewBatch(const DataSet& data, int64_t size) {
  std::vector<int64_t> sizes = {size};
  sizes.insert(sizes.end(), data.example_sizes().begin(),
               data.example_sizes().end());
  Batch batch;
  EVENGRAD_ASSIGN_OR_RETURN(
      batch.inputs,
      Tensor::Zeros({DType::kF32, Shape(std::span<const int64_t>(sizes))}));
  EVENGRAD_ASSIGN_OR_RETURN(batch.labels, Tensor::Zeros(I32({size})));
  return batch;
}

void Fill(const DataSet& data, std::span<const int64_t> examples,
          Batch& batch) {
  const int64_t features = data.num_features();
  auto* inputs = static_cast<float*>(batch.inputs.mutable_data());
  auto* labels = static_cast<int32_t*>(batch.labels.mutable_data());
  for (const int64_t example : examples) {
    data.CopyExample(example, {inputs, static_cast<size_t>(features)});
    *labels++ = data.label(example);
    inputs += features;
  }
}

}  // namespace

void Shuffle(uint64_t seed, int64_t epoch, std::vector<int64_t>& values) {
  SplitMix64 random(SplitMix64::Mix(seed) ^ static_cast<uint64_t>(epoch));
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.Below(i)]);
  }
}

absl::StatusOr<Batches> Batches::Create(const DataSet& data,
                                        const BatchOptions& options) {
  if (options.size < 1) {
    return InvalidArgument("the batch size is ", options.size,
                           ", expected at least 1");
  }
  if (data.size() == 0) return InvalidArgument("the data set is empty");
  Batches batches(data, options);
  BatchOptions& used = batches.options_;
  if (!used.drop_last) used.size = std::min(used.size, data.size());
  if (used.size > data.size()) {
    return InvalidArgument("a data set of ", data.size(),
                           " examples has no full batch of ", used.size,
                           ", and smaller ones are left out");
  }
  EVENGRAD_ASSIGN_OR_RETURN(batches.full_, NewBatch(data, used.size));
  if (const int64_t rest = data.size() % used.size;
      rest > 0 && !used.drop_last) {
    EVENGRAD_ASSIGN_OR_RETURN(batches.last_, NewBatch(data, rest));
  }
  batches.order_.resize(data.size());
  batches.StartEpoch(1);
  return batches;
}

void Batches::StartEpoch(int64_t epoch, int64_t first) {
  position_ = first < per_epoch() ? first * options_.size : data_.size();
  std::iota(order_.begin(), order_.end(), int64_t{0});
  if (options_.shuffle) Shuffle(options_.seed, epoch, order_);
}

const Batch* Batches::Next() {
  const int64_t left = data_.size() - position_;
  if (left == 0 || (left < options_.size && options_.drop_last)) return nullptr;
  Batch& batch = left < options_.size ? last_ : full_;
  const int64_t size = std::min(left, options_.size);
  Fill(data_,
       std::span(order_).subspan(static_cast<size_t>(position_),
                                 static_cast<size_t>(size)),
       batch);
  position_ += size;
  return &batch;
}

int64_t Batches::per_epoch() const {
  const int64_t full = data_.size() / options_.size;
  return full + (last_.labels.valid() ? 1 : 0);
}

}  // namespace evengrad
