// What is counted over all of a fused loop: statistics, sums of squares, tests.
// Blocks are counted while they are in the cache, by the part of the kernel
// that computes them; the part that ends last puts the parts together, in
// their order.
#ifndef EVENGRAD_OPS_LOOP_TOTALS_H_
#define EVENGRAD_OPS_LOOP_TOTALS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/statistics_accumulator.h"

namespace evengrad {

class LoopTotals {
 public:
  // Of those of a loop's outputs that are counted, in their order. The loop
  // computes `elements` elements of `compute_type` (f32 or f64) in `num_parts`
  // parts.
  LoopTotals(std::span<const LoopOutput> outputs, DType compute_type,
             int64_t elements, int num_parts);
  ~LoopTotals();

  // Each part, once a run: Begin, Add for its blocks, End. Thread-safe over
  // parts; one run at a time.
  void Begin(int part) const {
    if (!totals_.empty()) Clear(part);
  }
  // Elements [begin, begin + count) of the loop, 1 <= count <= 2^16, for the
  // total number `index`. Of statistics: `values`, less `minus` where that is
  // not null; without it, `values` are copied to `copy` on the way, where that
  // is not null.
  void Add(int part, int index, const void* values, const void* minus,
           void* copy, int64_t begin, int64_t count) const;
  void End(const KernelContext& context) const {
    if (!totals_.empty()) EndPart(context);
  }

 private:
  struct Counts;
  struct Total {
    LoopEnding ending = LoopEnding::kNone;
    // Buffers; -1 where nobody wants the numbers.
    int buffer = -1;
    int histogram = -1;
    int64_t bins = 0;
    int place = 0;  // among the statistics, or among the sums
  };

  template <typename T>
  void AddElements(int part, const Total& total, const T* values,
                   const T* minus, T* copy, int64_t begin, int64_t count) const;
  void Clear(int part) const;
  void EndPart(const KernelContext& context) const;
  void Finish(const KernelContext& context) const;
  void WriteSum(const Total& total, const KernelContext& context) const;
  template <typename T>
  void WriteStatistics(const Total& total, const KernelContext& context) const;

  std::vector<Total> totals_;
  DType compute_type_;
  int64_t elements_;
  int num_parts_;
  int64_t stride_;  // of a histogram's sample
  std::unique_ptr<Counts> counts_;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LOOP_TOTALS_H_
