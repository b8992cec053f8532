// A data set, batch by batch, shuffled anew at each epoch.
//
//   absl::StatusOr<Batches> batches = Batches::Create(data, {.size = 32});
//   batches->StartEpoch(1);
//   while (const Batch* batch = batches->Next()) { … }
#ifndef EVENGRAD_TRAIN_BATCHES_H_
#define EVENGRAD_TRAIN_BATCHES_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/train/data_set.h"

namespace evengrad {

struct BatchOptions {
  int64_t size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  // Leave out a last batch that is smaller than the others.
  bool drop_last = false;
};

struct Batch {
  Tensor inputs = {};  // f32 [size, example sizes …]
  Tensor labels = {};  // i32 [size]
  int64_t size() const { return labels.num_elements(); }
};

// `values` in an order that depends on `seed` and `epoch` only, on every
// machine (Fisher and Yates' shuffle; SplitMix64, without modulo bias).
EVENGRAD_EXPORT void Shuffle(uint64_t seed, int64_t epoch,
                             std::vector<int64_t>& values);

class EVENGRAD_EXPORT Batches {
 public:
  // Errors: a size below 1, an empty data set, no memory; with drop_last, a
  // data set smaller than a batch.
  static absl::StatusOr<Batches> Create(const DataSet& data,
                                        const BatchOptions& options = {});

  // Begins an epoch, at its batch `first` (0: at its start). The order depends
  // on the seed and the epoch's number only.
  void StartEpoch(int64_t epoch, int64_t first = 0);
  // The next batch, or null at the end of the epoch. Its tensors are used again
  // by the batches that follow.
  const Batch* Next();
  // The number of batches of an epoch.
  int64_t per_epoch() const;

 private:
  Batches(const DataSet& data, const BatchOptions& options)
      : data_(data), options_(options) {}

  DataSet data_;
  BatchOptions options_;
  std::vector<int64_t> order_;
  int64_t position_ = 0;
  Batch full_;
  Batch last_;  // the smaller one
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_BATCHES_H_
