// The flags of `evengrad train` on the command line.
#ifndef EVENGRAD_TOOLS_TRAIN_FLAGS_H_
#define EVENGRAD_TOOLS_TRAIN_FLAGS_H_

#include <CLI/CLI.hpp>

#include "optimizer_flags.h"
#include "train_options.h"

namespace evengrad::tools {

// --optimizer and its numbers. `flags` must outlive the command.
void AddOptimizerFlags(CLI::App& command, OptimizerFlags& flags);

// Makes `train` fill in `flags`, which must outlive it.
void AddTrainFlags(CLI::App& train, TrainFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_FLAGS_H_
