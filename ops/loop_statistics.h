// The statistics that a fused loop ends in. Blocks are counted while they are
// in the cache, by the part of the kernel that computes them; the part that
// ends last puts the parts together, in their order.
#ifndef EVENGRAD_OPS_LOOP_STATISTICS_H_
#define EVENGRAD_OPS_LOOP_STATISTICS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/statistics_accumulator.h"

namespace evengrad {

class LoopStatistics {
 public:
  // Of those of a loop's outputs that end in statistics, in their order. The
  // loop computes `elements` elements of `compute_type` (f32 or f64) in
  // `num_parts` parts.
  LoopStatistics(std::span<const LoopOutput> outputs, DType compute_type,
                 int64_t elements, int num_parts);
  ~LoopStatistics();

  // Each part, once a run: Begin, Add for its blocks, End. Thread-safe over
  // parts; one run at a time.
  void Begin(int part) const;
  // Elements [begin, begin + count) of the loop, 1 <= count <= 2^16, for the
  // statistics number `index`: `values`, less `minus` where that is not null.
  void Add(int part, int index, const void* values, const void* minus,
           int64_t begin, int64_t count) const;
  void End(const KernelContext& context) const;

 private:
  struct Counts;
  // Buffers; -1 where nobody wants the numbers.
  struct Ending {
    int summary = -1;
    int histogram = -1;
    int64_t bins = 0;
  };

  template <typename T>
  void AddElements(int part, int index, const T* values, const T* minus,
                   int64_t begin, int64_t count) const;
  void Finish(const KernelContext& context) const;
  template <typename T>
  void Write(const Ending& ending, const StatisticsAccumulator& total,
             std::span<const double> sample,
             const KernelContext& context) const;

  std::vector<Ending> endings_;
  DType compute_type_;
  int64_t elements_;
  int num_parts_;
  int64_t stride_;  // of the sample
  std::unique_ptr<Counts> counts_;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LOOP_STATISTICS_H_
