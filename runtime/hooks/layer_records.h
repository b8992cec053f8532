// The numbers that LayerStatistics reads off a training step: plain records for
// tables, files and reports.
#ifndef EVENGRAD_RUNTIME_HOOKS_LAYER_RECORDS_H_
#define EVENGRAD_RUNTIME_HOOKS_LAYER_RECORDS_H_

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evengrad {

// Of one tensor. Mean, deviation, extremes and norm are those of its finite
// elements.
struct TensorSummary {
  int64_t elements = 0;
  double mean = 0;
  double deviation = 0;
  double minimum = 0;
  double maximum = 0;
  double norm = 0;
  double zero_share = 0;  // of all elements
  int64_t nans = 0;
  int64_t infinities = 0;
  // Counts of at most 2,048 sampled elements in bins of equal width from
  // minimum to maximum; empty where none were asked for.
  std::vector<double> histogram = {};

  bool finite() const { return nans == 0 && infinities == 0; }
  // The norm an element: comparable between layers of different width.
  double root_mean_square() const {
    return elements > 0 ? norm / std::sqrt(static_cast<double>(elements)) : 0;
  }
};

struct ParameterRecord {
  std::string name = {};        // "hidden1/weights"
  bool is_matrix = false;       // of rank 2 or more: no bias, no scale
  TensorSummary value = {};     // before the step
  TensorSummary gradient = {};  // as derived, before hooks change it
  TensorSummary update = {};    // what the step added to the value
  // norm of the update / norm of the value; nothing where the value is 0.
  std::optional<double> update_ratio = {};
};

struct LayerRecord {
  std::string name = {};        // "hidden1"
  std::string activation = {};  // "selu"; "" where the output is linear
  TensorSummary output = {};
  TensorSummary output_gradient = {};
  std::vector<ParameterRecord> parameters = {};
  // Share of the output that is saturated (ops/activation_traits.h).
  std::optional<double> saturated_share = {};
  // Units that were not positive in any of the last records, for activations
  // that can die; nothing until the window is full.
  std::optional<int64_t> dead_units = {};
  int64_t units = 0;
  // Root mean square of the output's gradient / that of the next layer's.
  std::optional<double> gradient_ratio = {};
};

struct StatisticsRecord {
  int64_t step = 0;  // 1 after the first
  double loss = 0;
  // The global norm as derived, and as the hooks have left it.
  double gradient_norm = 0;
  double clipped_norm = 0;
  std::vector<LayerRecord> layers = {};  // from input to output
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_LAYER_RECORDS_H_
