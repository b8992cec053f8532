// --clip=suggest: a threshold from the gradient norms of the first steps.
#ifndef EVENGRAD_TOOLS_CLIP_PROPOSAL_H_
#define EVENGRAD_TOOLS_CLIP_PROPOSAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"

namespace evengrad::tools {

// Of the norms of the second half of the steps, those that are finite.
struct ClipProposal {
  int64_t first_step = 0;
  int64_t last_step = 0;
  double median = 0;
  double percentile_90 = 0;
  double percentile_99 = 0;
  double largest = 0;
  // A global norm for --clip: the 90th percentile, rounded up to two digits.
  double threshold = 0;

  // "gradient norms of steps 251 to 500: median 1.2, 90 % up to 2.1 …" and a
  // value for --clip.
  std::string ToString() const;
};

// Collects the global norm of the gradients of the first steps.
class NormRecorder : public Hook {
 public:
  explicit NormRecorder(int64_t steps) : steps_(steps) {}

  absl::Status Instrument(Instrumentation& instrumentation) override;
  absl::Status Observe(const Observation& observation) override;

  bool done() const { return static_cast<int64_t>(norms_.size()) >= steps_; }
  // Nothing where no norm was finite.
  std::optional<ClipProposal> Proposal() const;

 private:
  const int64_t steps_;
  std::vector<double> norms_;
};

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_CLIP_PROPOSAL_H_
