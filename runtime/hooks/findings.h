// Verdicts in words: what a record of statistics says about a training run.
#ifndef EVENGRAD_RUNTIME_HOOKS_FINDINGS_H_
#define EVENGRAD_RUNTIME_HOOKS_FINDINGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

// In the order of their weight.
enum class FindingKind : uint8_t {
  kNonFinite,
  kZeroGradient,
  kVanishing,
  kExploding,
  kSaturated,
  kDeadUnits,
  kGradientDrop,
  kGradientJump,
  kLargeUpdates,
  kSmallUpdates,
};
// "non_finite", "zero_gradient" …
EVENGRAD_EXPORT std::string_view Name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kNonFinite;
  std::string layer = {};  // "" for the whole network
  int64_t step = 0;        // of the record
  int64_t since = 0;       // the first record in a row that says so
  std::string text = {};   // "hidden7: 92 % of sigmoid units saturated …"
  std::string cure = {};   // what usually helps
};

// When a record gives a finding. "Gradient" is the root mean square of the
// gradient of a layer's output; only outputs with gradients are compared.
//
// | kind          | of a layer, unless said otherwise                        |
// |---------------|----------------------------------------------------------|
// | non_finite    | output, output's gradient, a parameter, its gradient or  |
// |               | update holds a NaN or an infinity                        |
// | zero_gradient | the gradients of all its parameters are 0                |
// | vanishing     | network: the first layer's gradient is below 1/1000 of   |
// |               | the last one's                                           |
// | exploding     | network: it is above 1000 times the last one's           |
// | saturated     | at least half of the output is saturated                 |
// | dead_units    | at least half of the units are dead                      |
// | gradient_drop | its gradient is below 1/10 of the next layer's           |
// | gradient_jump | its gradient is above 10 times the next layer's          |
// | large_updates | a matrix changes by more than 1/50 of its norm in a step |
// | small_updates | every matrix changes by less than 1e-6 of its norm, and  |
// |               | its gradient is not 0                                    |
struct FindingThresholds {
  double network_ratio = 1e-3;
  double layer_ratio = 0.1;
  double saturated_share = 0.5;
  double dead_share = 0.5;
  double large_update = 0.02;
  double small_update = 1e-6;
};

// The findings of one record, by weight and then from input to output; `since`
// is the record's step.
EVENGRAD_EXPORT std::vector<Finding> FindingsOf(
    const StatisticsRecord& record, const FindingThresholds& thresholds = {});

// The same without `text` and `cure`, which take longer than all the rest.
std::vector<Finding> FindingsWithoutWords(
    const StatisticsRecord& record, const FindingThresholds& thresholds = {});

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_FINDINGS_H_
