#include "evengrad/runtime/hooks/layer_statistics.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "evengrad/graph/status.h"
#include "evengrad/ops/activation_traits.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hooks/layers_of_model.h"

namespace evengrad {
namespace {

double Get(const Tensor& summary, Statistic statistic) {
  const auto i = static_cast<size_t>(statistic);
  return summary.dtype() == DType::kF64
             ? static_cast<const double*>(summary.data())[i]
             : static_cast<const float*>(summary.data())[i];
}

// The largest output of each unit: of a column of [batch, units], of a channel
// of [batch, channels, …].
Value UnitMaxima(const Value& output) {
  const int unit_axis = 1;
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < output.rank(); ++axis) {
    if (axis != unit_axis) axes.push_back(axis);
  }
  return ReduceMax(output, {.axes = axes});
}

// after - before, in f32 for bf16.
Value Change(const Value& before, const Value& after) {
  if (!after.valid() || before.dtype() != DType::kBF16) return after - before;
  return Cast(after, DType::kF32) - Cast(before, DType::kF32);
}

}  // namespace

// ---- Nodes ------------------------------------------------------------------

int LayerStatistics::PlaceOf(const Value& value) {
  if (!value.valid()) return -1;
  watched_.push_back(value);
  return static_cast<int>(watched_.size()) - 1;
}

LayerStatistics::TensorPlaces LayerStatistics::Watch(const Value& value,
                                                     double low, double high) {
  if (!value.valid()) return {};
  const StatisticsValues values = Statistics(
      value, {.low = low, .high = high, .bins = options_.histogram_bins});
  return {.summary = PlaceOf(values.summary),
          .histogram =
              options_.histogram_bins > 0 ? PlaceOf(values.histogram) : -1};
}

absl::Status LayerStatistics::Instrument(Instrumentation&) {
  if (options_.dead_window < 1) {
    return InvalidArgument("LayerStatistics: the window for dead units is ",
                           options_.dead_window,
                           " records, expected at least 1");
  }
  return absl::OkStatus();
}

absl::Status LayerStatistics::InstrumentUpdates(
    Instrumentation& instrumentation) {
  watched_.clear();
  layers_.clear();
  latest_ = {};  // of another program
  findings_.clear();
  in_words_ = true;
  const Graph graph = graph_ = instrumentation.graph();
  const NameScope scope(graph, "layer_statistics");
  loss_ = PlaceOf(instrumentation.loss());
  Value clipped;
  bool replaced = false;
  for (const ModelLayer& layer : LayersOf(instrumentation)) {
    LayerPlaces places = {.name = layer.name};
    if (layer.output.valid()) {
      ActivationTraits traits;
      if (layer.activation.valid()) {
        traits = ActivationTraitsOf(layer.activation.op());
        places.activation = std::string(layer.activation.op().name);
      }
      places.saturates = traits.saturates();
      places.output = Watch(layer.output, traits.low, traits.high);
      places.output_gradient =
          Watch(instrumentation.value_gradient(layer.output));
      if (traits.can_die && layer.output.rank() >= 2) {
        places.unit_maxima = PlaceOf(UnitMaxima(layer.output));
      }
    }
    for (const Value& parameter : layer.parameters) {
      const Value gradient = instrumentation.gradient(parameter);
      const Value raw = instrumentation.raw_gradient(parameter);
      places.parameters.push_back(
          {.parameter = parameter,
           .value = Watch(parameter),
           .gradient = Watch(raw),
           .update =
               Watch(Change(parameter, instrumentation.new_value(parameter)))});
      replaced |= !(gradient == raw);
      const Value squares = SumOfSquares(gradient);
      clipped = clipped.valid() ? clipped + squares : squares;
    }
    layers_.push_back(std::move(places));
  }
  // Where no hook has changed a gradient, there is nothing to be measured.
  clipped_squares_ = replaced ? PlaceOf(clipped) : -1;
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  return instrumentation.Observe({.name = "layer_statistics",
                                  .values = watched_,
                                  .every_n_steps = options_.every_n_steps});
}

// ---- Numbers ----------------------------------------------------------------

TensorSummary LayerStatistics::Read(const TensorPlaces& places,
                                    std::span<const Tensor> values) const {
  if (places.summary < 0) return {};
  const Tensor& summary = values[places.summary];
  TensorSummary result = {
      .elements = static_cast<int64_t>(Get(summary, Statistic::kCount)),
      .mean = Get(summary, Statistic::kMean),
      .deviation = Get(summary, Statistic::kDeviation),
      .minimum = Get(summary, Statistic::kMinimum),
      .maximum = Get(summary, Statistic::kMaximum),
      .norm = Get(summary, Statistic::kNorm),
      .nans = static_cast<int64_t>(Get(summary, Statistic::kNans)),
      .infinities = static_cast<int64_t>(Get(summary, Statistic::kInfinities))};
  if (result.elements > 0) {
    result.zero_share =
        Get(summary, Statistic::kZeros) / static_cast<double>(result.elements);
  }
  if (places.histogram >= 0) {
    result.histogram = values[places.histogram].ToDoubles();
  }
  return result;
}

void LayerStatistics::CountDeadUnits(LayerPlaces& layer,
                                     std::span<const Tensor> values,
                                     LayerRecord& record) const {
  const Tensor& maxima = values[layer.unit_maxima];
  const int64_t units = maxima.num_elements();
  layer.silent.resize(static_cast<size_t>(units));
  int64_t dead = 0;
  for (int64_t unit = 0; unit < units; ++unit) {
    const bool positive = LoadAsDouble(maxima.dtype(), maxima.data(), unit) > 0;
    int64_t& silent = layer.silent[static_cast<size_t>(unit)];
    silent = positive ? 0 : silent + 1;
    dead += silent >= options_.dead_window;
  }
  record.units = units;
  if (++layer.records >= options_.dead_window) record.dead_units = dead;
}

LayerRecord LayerStatistics::ReadLayer(LayerPlaces& layer,
                                       std::span<const Tensor> values) {
  // The last record's names stay; the numbers are written over.
  const auto index = static_cast<size_t>(&layer - layers_.data());
  LayerRecord record;
  if (index < latest_.layers.size()) record = std::move(latest_.layers[index]);
  if (record.parameters.size() != layer.parameters.size()) {
    record = {.name = layer.name, .activation = layer.activation};
    for (const ParameterPlaces& places : layer.parameters) {
      record.parameters.push_back({.name = places.parameter.name(),
                                   .is_matrix = places.parameter.rank() >= 2});
    }
  }
  record.output = Read(layer.output, values);
  record.output_gradient = Read(layer.output_gradient, values);
  record.gradient_ratio.reset();
  for (size_t i = 0; i < layer.parameters.size(); ++i) {
    const ParameterPlaces& places = layer.parameters[i];
    ParameterRecord& parameter = record.parameters[i];
    parameter.value = Read(places.value, values);
    parameter.gradient = Read(places.gradient, values);
    parameter.update = Read(places.update, values);
    parameter.update_ratio.reset();
    if (parameter.value.norm > 0) {
      parameter.update_ratio = parameter.update.norm / parameter.value.norm;
    }
  }
  if (layer.saturates && record.output.elements > 0) {
    record.saturated_share =
        Get(values[layer.output.summary], Statistic::kOutside) /
        static_cast<double>(record.output.elements);
  }
  if (layer.unit_maxima >= 0) CountDeadUnits(layer, values, record);
  return record;
}

absl::Status LayerStatistics::Observe(const Observation& observation) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckWatches(graph_, observation, "LayerStatistics"));
  StatisticsRecord record = {.step = observation.step};
  const std::span<const Tensor> values = observation.values;
  record.loss = LoadAsDouble(values[loss_].dtype(), values[loss_].data(), 0);
  double squares = 0;
  record.layers.reserve(layers_.size());
  for (LayerPlaces& layer : layers_) {
    record.layers.push_back(ReadLayer(layer, values));
    for (const ParameterRecord& p : record.layers.back().parameters) {
      squares += p.gradient.finite() ? p.gradient.norm * p.gradient.norm
                                     : std::nan("");
    }
  }
  record.gradient_norm = std::sqrt(squares);
  record.clipped_norm =
      clipped_squares_ < 0
          ? record.gradient_norm
          : std::sqrt(
                LoadAsDouble(DType::kF64, values[clipped_squares_].data(), 0));
  for (size_t i = 0; i + 1 < record.layers.size(); ++i) {
    const double next = record.layers[i + 1].output_gradient.root_mean_square();
    if (record.layers[i].output_gradient.elements > 0 && next > 0) {
      record.layers[i].gradient_ratio =
          record.layers[i].output_gradient.root_mean_square() / next;
    }
  }
  latest_ = std::move(record);
  UpdateFindings();
  return options_.on_record ? options_.on_record(latest_) : absl::OkStatus();
}

void LayerStatistics::UpdateFindings() {
  findings_ = FindingsWithoutWords(latest_);
  for (Finding& finding : findings_) {
    const auto before = std::ranges::find_if(standing_, [&](const Finding& f) {
      return f.kind == finding.kind && f.layer == finding.layer;
    });
    if (before != standing_.end()) finding.since = before->since;
  }
  standing_ = findings_;
  in_words_ = false;
}

const std::vector<Finding>& LayerStatistics::findings() const {
  if (in_words_) return findings_;
  std::vector<Finding> worded = FindingsOf(latest_);
  for (size_t i = 0; i < worded.size(); ++i) {
    worded[i].since = findings_[i].since;
  }
  findings_ = std::move(worded);
  in_words_ = true;
  return findings_;
}

}  // namespace evengrad
