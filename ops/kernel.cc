#include "evengrad/ops/kernel.h"

#include <algorithm>
#include <utility>

namespace evengrad {
namespace {

constexpr int64_t kWorkOfOnePart = 16384;
constexpr int64_t kMaxParts = 8;

}  // namespace

void RunErrors::Report(const absl::Status& status) {
  if (status.ok()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (first_.ok()) first_ = status;
  any_.store(true, std::memory_order_release);
}

absl::Status RunErrors::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  any_.store(false, std::memory_order_release);
  return std::exchange(first_, absl::OkStatus());
}

int NumParts(int64_t work, int64_t limit) {
  const int64_t parts = std::min({work / kWorkOfOnePart, limit, kMaxParts});
  return static_cast<int>(std::max<int64_t>(parts, 1));
}

Range PartRange(int64_t total, int part, int num_parts, int64_t grain) {
  const int64_t grains = (total + grain - 1) / grain;
  const int64_t share = grains / num_parts;
  const int64_t longer_parts = grains % num_parts;
  auto begin_of = [&](int64_t p) {
    return std::min(total, (p * share + std::min(p, longer_parts)) * grain);
  };
  return {begin_of(part), begin_of(part + 1)};
}

}  // namespace evengrad
