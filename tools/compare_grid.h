// The runs of `evengrad compare`: all combinations of some choices.
#ifndef EVENGRAD_TOOLS_COMPARE_GRID_H_
#define EVENGRAD_TOOLS_COMPARE_GRID_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// As given on the command line, with their defaults: the classical question
// which activation function to use, at three depths.
struct CompareFlags {
  std::vector<std::string> activations = {
      "selu", "elu", "leaky_relu", "rrelu", "prelu", "relu", "tanh", "sigmoid"};
  std::vector<std::string> initializers = {"auto"};
  std::vector<int64_t> depths = {5, 20, 50};
  std::vector<std::string> batch_norms = {"none"};
  std::vector<std::string> clips = {"none"};
  int64_t seeds = 3;
  int64_t width = 100;
  double target = 0.8;  // accuracy
  std::string folder = "comparison";
  int jobs = 0;  // runs at once; 0: one a core
  // What the runs share; the choices above take the place of its own.
  TrainFlags train;
  // What is in the files of train.data, whatever they are called; known before
  // runs are read or trained.
  std::string data_content;
};

struct CompareCell {
  ComparedChoice choice = {};
  int64_t seed = 0;

  // "selu-auto-20-none-none-1": of its file, without what a file's name can't
  // hold.
  std::string FileName() const;
};

// In the order of the flags, seeds last, so that the first runs say something
// about each choice. Errors name the flag: what `evengrad train` complains
// about, an empty list, a grid of more than 100,000 runs.
absl::StatusOr<std::vector<CompareCell>> MakeGrid(const CompareFlags& flags);

// The flags of `evengrad train` for a cell.
TrainFlags FlagsOf(const CompareCell& cell, const CompareFlags& flags);

// What all runs of a comparison share: "width 100, 5 epochs, …, data with the
// content …". The name of the data is no part of it.
std::string SharedText(const CompareFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_COMPARE_GRID_H_
