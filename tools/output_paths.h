// Outputs must not take the place of what is read.
#ifndef EVENGRAD_TOOLS_OUTPUT_PATHS_H_
#define EVENGRAD_TOOLS_OUTPUT_PATHS_H_

#include <span>
#include <string>

#include "absl/status/status.h"

namespace evengrad::tools {

// A path as it was given: "--json=run.json". An empty path counts for nothing.
struct GivenPath {
  std::string flag = {};  // "--json"; "" for an argument
  std::string path = {};
};

// Error: an output is an input, or a data file of an input that is a folder,
// however the path is spelled.
absl::Status CheckOutputs(std::span<const GivenPath> outputs,
                          std::span<const GivenPath> inputs);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_OUTPUT_PATHS_H_
