// What was found in a whole run: one entry for each layer and kind of finding.
#ifndef EVENGRAD_RUNTIME_HOOKS_FINDING_LOG_H_
#define EVENGRAD_RUNTIME_HOOKS_FINDING_LOG_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/findings.h"

namespace evengrad {

struct LoggedFinding {
  Finding finding = {};    // as it was last found
  int64_t first_step = 0;  // of the records that say so
  int64_t last_step = 0;
  int64_t records = 0;  // how many do
  bool holds = false;   // the last record says so, too
};

// Memory is bounded by the number of layers.
class EVENGRAD_EXPORT FindingLog {
 public:
  // The findings of the record of `step`; steps ascend.
  void Add(int64_t step, std::span<const Finding> findings);

  // Those that hold at the end before those that have passed; then by weight,
  // and in the order in which they came up.
  std::vector<LoggedFinding> Sorted() const;

  // Records so far.
  int64_t records() const { return records_; }

 private:
  std::map<std::pair<FindingKind, std::string>, size_t> places_;
  std::vector<LoggedFinding> findings_;
  int64_t records_ = 0;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_FINDING_LOG_H_
