#include "evengrad/runtime/memory_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kMaxBytes = std::numeric_limits<int64_t>::max() / 4;

// Sizes rounded up to the alignment, or an error.
absl::StatusOr<std::vector<int64_t>> AlignedSizes(
    std::span<const BufferLifetime> buffers) {
  std::vector<int64_t> sizes;
  sizes.reserve(buffers.size());
  int64_t total = 0;
  for (const BufferLifetime& buffer : buffers) {
    if (buffer.bytes < 0 || buffer.last < buffer.first) {
      return InvalidArgument("buffer ", sizes.size(), " of ", buffer.bytes,
                             " bytes lives from ", buffer.first, " to ",
                             buffer.last,
                             "; sizes and lifetimes must not be negative");
    }
    if (buffer.bytes > kMaxBytes || total > kMaxBytes) {
      return absl::ResourceExhaustedError(
          "the buffers of the program need more than 2^61 bytes");
    }
    sizes.push_back((buffer.bytes + kAlignment - 1) / kAlignment * kAlignment);
    total += sizes.back();
  }
  return sizes;
}

int64_t MostBytesInUse(std::span<const BufferLifetime> buffers,
                       std::span<const int64_t> sizes) {
  std::vector<std::pair<int64_t, int64_t>> changes;  // position, bytes
  changes.reserve(2 * buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    changes.emplace_back(buffers[i].first, sizes[i]);
    changes.emplace_back(int64_t{buffers[i].last} + 1, -sizes[i]);
  }
  std::sort(changes.begin(), changes.end());
  int64_t in_use = 0;
  int64_t most = 0;
  for (const auto& [position, bytes] : changes) {
    in_use += bytes;
    most = std::max(most, in_use);
  }
  return most;
}

// A buffer that has its place.
struct Placed {
  int64_t begin;
  int64_t end;
  int first;
  int last;
};

// The buffers placed so far, by place, in blocks: a block whose lifetimes all
// lie outside the one that is asked for is skipped at once.
class PlacedBuffers {
 public:
  // The start of the smallest gap that holds `size` bytes throughout the
  // lifetime; where none does, the end of what is in use in it.
  int64_t FindPlace(int64_t size, const BufferLifetime& lifetime) const {
    int64_t best = -1;
    int64_t best_size = std::numeric_limits<int64_t>::max();
    int64_t used = 0;
    for (const Block& block : blocks_) {
      if (block.last < lifetime.first || block.first > lifetime.last) continue;
      for (const Placed& placed : block.placed) {
        if (placed.last < lifetime.first || placed.first > lifetime.last) {
          continue;
        }
        const int64_t gap = placed.begin - used;
        if (gap >= size && gap < best_size) {
          best = used;
          best_size = gap;
        }
        used = std::max(used, placed.end);
      }
    }
    return best >= 0 ? best : used;
  }

  void Insert(const Placed& placed) {
    size_t i = 0;
    while (i + 1 < blocks_.size() &&
           blocks_[i + 1].placed.front().begin <= placed.begin) {
      ++i;
    }
    if (blocks_.empty()) blocks_.emplace_back();
    Block& block = blocks_[i];
    auto after = std::upper_bound(
        block.placed.begin(), block.placed.end(), placed,
        [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
    block.placed.insert(after, placed);
    block.Cover(placed);
    if (block.placed.size() < kBlockSize) return;
    Block upper;
    for (size_t k = kBlockSize / 2; k < kBlockSize; ++k) upper.Add(block, k);
    Block lower;
    for (size_t k = 0; k < kBlockSize / 2; ++k) lower.Add(block, k);
    blocks_[i] = std::move(lower);
    blocks_.insert(blocks_.begin() + static_cast<int64_t>(i) + 1,
                   std::move(upper));
  }

 private:
  static constexpr size_t kBlockSize = 64;

  struct Block {
    std::vector<Placed> placed;
    int first = std::numeric_limits<int>::max();
    int last = std::numeric_limits<int>::min();

    void Cover(const Placed& buffer) {
      first = std::min(first, buffer.first);
      last = std::max(last, buffer.last);
    }
    void Add(const Block& block, size_t k) {
      placed.push_back(block.placed[k]);
      Cover(block.placed[k]);
    }
  };
  std::vector<Block> blocks_;
};

// Gives each buffer, in `order`, the best place that those before leave.
MemoryPlan PlaceInOrder(std::span<const BufferLifetime> buffers,
                        std::span<const int64_t> sizes,
                        const std::vector<int>& order) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  PlacedBuffers placed;
  for (int i : order) {
    if (sizes[i] == 0) continue;
    const int64_t begin = placed.FindPlace(sizes[i], buffers[i]);
    plan.offsets[i] = begin;
    plan.arena_bytes = std::max(plan.arena_bytes, begin + sizes[i]);
    placed.Insert({begin, begin + sizes[i], buffers[i].first, buffers[i].last});
  }
  return plan;
}

}  // namespace

absl::StatusOr<MemoryPlan> PlanMemory(std::span<const BufferLifetime> buffers) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            AlignedSizes(buffers));
  const int64_t lower_bound = MostBytesInUse(buffers, sizes);
  auto duration = [&](int i) {
    return int64_t{buffers[i].last} - buffers[i].first;
  };
  std::vector<int> order(buffers.size());
  MemoryPlan best;
  best.arena_bytes = std::numeric_limits<int64_t>::max();
  // Stable sorts, so that plans are reproducible; an order is tried only where
  // those before left more than 1/64 to gain.
  auto attempt = [&](auto before) {
    if (best.arena_bytes - lower_bound <= lower_bound / 64) return;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), before);
    MemoryPlan plan = PlaceInOrder(buffers, sizes, order);
    if (plan.arena_bytes < best.arena_bytes) best = std::move(plan);
  };
  // Long lives first: they stand at the bottom, short ones come and go above.
  attempt([&](int a, int b) { return duration(a) > duration(b); });
  // Large ones first: small ones fill the gaps.
  attempt([&](int a, int b) { return sizes[a] > sizes[b]; });
  // As they come to life.
  attempt([&](int a, int b) { return buffers[a].first < buffers[b].first; });
  best.lower_bound = lower_bound;
  return best;
}

}  // namespace evengrad
