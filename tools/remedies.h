// What to try about a finding, as flags of `evengrad train`.
#ifndef EVENGRAD_TOOLS_REMEDIES_H_
#define EVENGRAD_TOOLS_REMEDIES_H_

#include <vector>

#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// For each kind of finding, flags that the run did not have.
std::vector<ReportRemedy> Remedies(const TrainFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_REMEDIES_H_
