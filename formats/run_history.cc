#include "evengrad/formats/run_history.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evengrad {
namespace {

constexpr double kSmallest = 1e-45;

double Log10(double value) { return std::log10(std::max(value, kSmallest)); }

void AddTo(double value, RunCell& cell) {
  if (!std::isfinite(value)) {
    ++cell.not_finite;
    return;
  }
  cell.sum += value;
  cell.minimum = std::min(cell.minimum, static_cast<float>(value));
  cell.maximum = std::max(cell.maximum, static_cast<float>(value));
  ++cell.count;
}

void Merge(const RunCell& other, RunCell& cell) {
  cell.sum += other.sum;
  cell.minimum = std::min(cell.minimum, other.minimum);
  cell.maximum = std::max(cell.maximum, other.maximum);
  cell.count += other.count;
  cell.not_finite += other.not_finite;
}

void Merge(const RunColumn& other, RunColumn& column) {
  column.last_step = other.last_step;
  for (size_t i = 0; i < column.run.size(); ++i) {
    Merge(other.run[i], column.run[i]);
  }
  for (size_t layer = 0; layer < column.layers.size(); ++layer) {
    for (size_t i = 0; i < column.layers[layer].size(); ++i) {
      Merge(other.layers[layer][i], column.layers[layer][i]);
    }
  }
}

// Root mean square of the output's gradient; NaN where an element is not
// finite.
std::optional<double> GradientOf(const LayerRecord& layer) {
  if (layer.output_gradient.elements == 0) return std::nullopt;
  return layer.output_gradient.finite()
             ? layer.output_gradient.root_mean_square()
             : std::nan("");
}

// The last layer's of the record.
std::optional<double> LastGradient(const StatisticsRecord& record) {
  for (size_t i = record.layers.size(); i-- > 0;) {
    const std::optional<double> gradient = GradientOf(record.layers[i]);
    if (gradient.has_value()) return gradient;
  }
  return std::nullopt;
}

void AddLayer(const LayerRecord& layer,
              const std::optional<double>& last_gradient,
              std::array<RunCell, kNumLayerQuantities>& cells) {
  auto add = [&](LayerQuantity quantity, double value) {
    AddTo(value, cells[static_cast<size_t>(quantity)]);
  };
  const std::optional<double> gradient = GradientOf(layer);
  if (gradient.has_value()) {
    add(LayerQuantity::kOutputGradient, Log10(*gradient));
    if (last_gradient.value_or(0) > 0) {
      add(LayerQuantity::kGradientRatio, std::isfinite(*gradient)
                                             ? Log10(*gradient / *last_gradient)
                                             : *gradient);
    }
  }
  if (layer.output.elements > 0) {
    add(LayerQuantity::kMean,
        layer.output.finite() ? layer.output.mean : std::nan(""));
    add(LayerQuantity::kDeviation,
        layer.output.finite() ? Log10(layer.output.deviation) : std::nan(""));
    add(LayerQuantity::kZeroShare, layer.output.zero_share);
  }
  if (layer.saturated_share.has_value()) {
    add(LayerQuantity::kBadShare, *layer.saturated_share);
  } else if (layer.dead_units.has_value() && layer.units > 0) {
    add(LayerQuantity::kBadShare, static_cast<double>(*layer.dead_units) /
                                      static_cast<double>(layer.units));
  }
  double squares = 0;
  std::optional<double> update;
  for (const ParameterRecord& p : layer.parameters) {
    squares +=
        p.gradient.finite() ? p.gradient.norm * p.gradient.norm : std::nan("");
    if (!p.is_matrix || !p.update_ratio.has_value()) continue;
    update = std::max(update.value_or(0), *p.update_ratio);
  }
  add(LayerQuantity::kParameterGradient, Log10(std::sqrt(squares)));
  if (update.has_value()) add(LayerQuantity::kUpdateRatio, Log10(*update));
}

}  // namespace

void RunHistory::Add(const StatisticsRecord& record) {
  if (layers_.empty()) {
    for (const LayerRecord& layer : record.layers) {
      layers_.push_back({.name = layer.name, .activation = layer.activation});
    }
    const auto size = std::max<int64_t>(1, std::ssize(layers_));
    max_columns_ = std::clamp(max_cells_ / size, int64_t{2}, max_columns_);
  }
  if (record.layers.size() != layers_.size()) return;
  if (columns_.empty() || records_in_last_ == records_a_column_) {
    if (std::ssize(columns_) >= max_columns_) Halve();
  }
  if (columns_.empty() || records_in_last_ == records_a_column_) {
    columns_.push_back({.first_step = record.step});
    columns_.back().layers.resize(layers_.size());
    records_in_last_ = 0;
  }
  RunColumn& column = columns_.back();
  column.last_step = record.step;
  auto add = [&](RunQuantity quantity, double value) {
    AddTo(value, column.run[static_cast<size_t>(quantity)]);
  };
  add(RunQuantity::kLoss, record.loss);
  add(RunQuantity::kGradientNorm, Log10(record.gradient_norm));
  add(RunQuantity::kClippedNorm, Log10(record.clipped_norm));
  const std::optional<double> last = LastGradient(record);
  for (size_t i = 0; i < record.layers.size(); ++i) {
    const LayerRecord& layer = record.layers[i];
    AddLayer(layer, last, column.layers[i]);
    layers_[i].saturates |= layer.saturated_share.has_value();
    layers_[i].can_die |= layer.units > 0;
  }
  latest_ = record;
  ++records_;
  ++records_in_last_;
}

// An odd last column stays as it is, half full.
void RunHistory::Halve() {
  std::vector<RunColumn> halved;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i % 2 == 0) {
      halved.push_back(std::move(columns_[i]));
    } else {
      Merge(columns_[i], halved.back());
    }
  }
  if (columns_.size() % 2 == 0) records_in_last_ = 2 * records_a_column_;
  records_a_column_ *= 2;
  columns_ = std::move(halved);
}

std::vector<RunColumn> MergedColumns(const std::vector<RunColumn>& columns,
                                     int64_t most) {
  const int64_t group =
      (std::ssize(columns) + most - 1) / std::max<int64_t>(most, 1);
  std::vector<RunColumn> merged;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (group <= 1 || i % static_cast<size_t>(group) == 0) {
      merged.push_back(columns[i]);
    } else {
      Merge(columns[i], merged.back());
    }
  }
  return merged;
}

}  // namespace evengrad
