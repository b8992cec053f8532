// A repeated run with the same feeds allocates nothing. In f64, where products
// are this project's own loops: oneDNN allocates lists of arguments in each
// execution, and nobody can keep it from it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/evengrad.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

void* CountedAllocation(size_t bytes) {
  if (counting.load()) ++allocations;
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return CountedAllocation(bytes); }
void* operator new[](size_t bytes) { return CountedAllocation(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace evengrad {
namespace {

TEST(AllocationTest, ARepeatedStepAllocatesNothing) {
  Graph graph;
  const Value images = Placeholder(graph, "images", F64({"batch", 64}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value hidden = Selu(Dense(images, 100, {.name = "hidden"}));
  const Value logits = Dense(hidden, 10, {.name = "logits"});
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{.learning_rate = 0.01, .momentum = 0.9},
               {.hooks = {ClipByGlobalNorm(1.0)}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph, {.num_threads = 2});
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<Feed> feeds = {{images, *Tensor::Zeros(F64({32, 64}))},
                                   {labels, *Tensor::Zeros(I32({32}))}};
  ASSERT_TRUE(session->Run(*program, feeds).ok());
  ASSERT_TRUE(session->Run(*program, feeds).ok());

  counting = true;
  for (int step = 0; step < 10; ++step) {
    const absl::StatusOr<RunResult> result = session->Run(*program, feeds);
    if (!result.ok() || result->values().size() != 1) allocations = 1000;
  }
  counting = false;
  EXPECT_EQ(allocations.load(), 0);

  // The counter counts: a result that is kept makes the next run allocate.
  const absl::StatusOr<RunResult> kept = session->Run(*program, feeds);
  counting = true;
  const bool ok = session->Run(*program, feeds).ok();
  counting = false;
  EXPECT_TRUE(ok);
  EXPECT_GT(allocations.load(), 0);
}

}  // namespace
}  // namespace evengrad
