// What ran when: a session with SessionOptions::profile records each part of
// each kernel. formats/chrome_trace.h writes it for trace viewers.
#ifndef EVENGRAD_RUNTIME_PROFILE_H_
#define EVENGRAD_RUNTIME_PROFILE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "evengrad/graph/export.h"

namespace evengrad {

struct CompiledProgram;

// A kernel of a program that has run.
struct ProfiledKernel {
  std::string name = {};            // of its first node
  std::string ops = {};             // "matmul, add, relu"
  std::string implementation = {};  // "vector:AVX2"
  int num_parts = 1;
  double flops = 0;  // of the whole kernel, where its ops tell
  double bytes = 0;  // of the buffers it reads and writes
};

// One part of a kernel, or (kernel < 0) a whole run. Times in nanoseconds since
// the profile was made.
struct ProfileEvent {
  int64_t begin = 0;
  int64_t end = 0;
  int kernel = -1;  // index into kernels()
  int part = 0;
  int64_t step = 0;  // of a run
};

// Memory for a number of events is taken at once; what goes beyond is counted
// and dropped. Recording allocates nothing.
class EVENGRAD_EXPORT Profile {
 public:
  static constexpr size_t kDefaultEvents = 200'000;

  explicit Profile(size_t max_events_per_worker = kDefaultEvents)
      : max_events_(max_events_per_worker) {}

  // ---- What a session calls. ----

  // Makes room for the events of that many workers.
  void AddWorkers(int num_workers);
  // The index of the program's first kernel; the others follow.
  int AddKernels(const CompiledProgram& program);
  int64_t Now() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now() - start_)
        .count();
  }
  // Each worker's events are its own: no locks.
  void Record(int worker, const ProfileEvent& event) {
    std::vector<ProfileEvent>& events = events_[worker];
    if (events.size() < max_events_) {
      events.push_back(event);
    } else {
      ++dropped_[worker];
    }
  }

  // ---- What was recorded. ----

  const std::vector<ProfiledKernel>& kernels() const { return kernels_; }
  // By worker, in the order in which events ended.
  const std::vector<std::vector<ProfileEvent>>& events() const {
    return events_;
  }
  int64_t num_dropped() const;

 private:
  size_t max_events_;
  std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
  std::vector<ProfiledKernel> kernels_;
  std::vector<std::vector<ProfileEvent>> events_;
  std::vector<int64_t> dropped_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_PROFILE_H_
