#include "evengrad/runtime/hooks/finding_log.h"

#include <algorithm>
#include <tuple>

namespace evengrad {

void FindingLog::Add(int64_t step, std::span<const Finding> findings) {
  ++records_;
  for (LoggedFinding& logged : findings_) logged.holds = false;
  for (const Finding& finding : findings) {
    const auto [place, is_new] = places_.try_emplace(
        std::pair(finding.kind, finding.layer), findings_.size());
    if (is_new) findings_.push_back({.first_step = step});
    LoggedFinding& logged = findings_[place->second];
    logged.finding = finding;
    logged.last_step = step;
    logged.holds = true;
    ++logged.records;
  }
}

std::vector<LoggedFinding> FindingLog::Sorted() const {
  std::vector<LoggedFinding> sorted = findings_;
  std::ranges::stable_sort(sorted, {}, [](const LoggedFinding& logged) {
    return std::tuple(!logged.holds, logged.finding.kind);
  });
  return sorted;
}

}  // namespace evengrad
