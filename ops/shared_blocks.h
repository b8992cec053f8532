// Copies that the parts of a kernel make for each other: who needs a block
// first fills it, later ones read it.
#ifndef EVENGRAD_OPS_SHARED_BLOCKS_H_
#define EVENGRAD_OPS_SHARED_BLOCKS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "evengrad/graph/tensor.h"

namespace evengrad {

class SharedBlocks {
 public:
  SharedBlocks(int64_t num_blocks, int64_t block_elements)
      : num_blocks_(num_blocks),
        block_elements_(block_elements),
        states_(std::make_unique<std::atomic<uint8_t>[]>(
            static_cast<size_t>(num_blocks))),
        memory_(AllocateAligned(static_cast<int64_t>(bytes()))) {}

  size_t bytes() const {
    return static_cast<size_t>(num_blocks_ * block_elements_) * sizeof(float);
  }

  // Where a caller finds a block.
  struct Place {
    float* data = nullptr;
    bool filled = false;  // else the caller fills it, and
    bool shared = false;  // calls Publish(block) where others will read it
  };
  // In shared memory, or at `own` while another caller fills it there: nobody
  // waits. Thread-safe, like Publish.
  Place Take(int64_t block, float* own) {
    if (memory_ == nullptr) return {.data = own};
    std::atomic<uint8_t>& state = states_[static_cast<size_t>(block)];
    float* const shared =
        reinterpret_cast<float*>(memory_.get()) + block * block_elements_;
    uint8_t seen = state.load(std::memory_order_acquire);
    if (seen == kFilled) return {.data = shared, .filled = true};
    if (seen == kFilling || !state.compare_exchange_strong(seen, kFilling)) {
      return {.data = own};
    }
    return {.data = shared, .shared = true};
  }
  void Publish(int64_t block) {
    states_[static_cast<size_t>(block)].store(kFilled,
                                              std::memory_order_release);
  }

  // What the blocks are made of will change; nobody is reading them.
  void Clear() {
    for (int64_t block = 0; block < num_blocks_; ++block) {
      states_[static_cast<size_t>(block)].store(kEmpty,
                                                std::memory_order_relaxed);
    }
  }

 private:
  enum State : uint8_t { kEmpty, kFilling, kFilled };

  int64_t num_blocks_;
  int64_t block_elements_;
  std::unique_ptr<std::atomic<uint8_t>[]> states_;
  std::shared_ptr<std::byte> memory_;  // null where there is none left
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SHARED_BLOCKS_H_
