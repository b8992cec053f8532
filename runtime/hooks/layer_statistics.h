// Watches every layer of a model while it is trained.
//
//   auto statistics = std::make_shared<LayerStatistics>(
//       LayerStatisticsOptions{.every_n_steps = 100});
//   Minimize(loss, Sgd{}, {.hooks = {statistics}});
//   …
//   for (const Finding& finding : statistics->findings()) …
//
// It watches the program that it was given to last; each program that goes on
// needs one of its own. Watching changes no bit of the training, and steps
// between two records run without the nodes of the watch. Memory does not grow
// with the run: the hook keeps the last record and a few numbers a layer;
// whoever wants the history takes the records as they come.
#ifndef EVENGRAD_RUNTIME_HOOKS_LAYER_STATISTICS_H_
#define EVENGRAD_RUNTIME_HOOKS_LAYER_STATISTICS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/hooks/findings.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

struct LayerStatisticsOptions {
  int64_t every_n_steps = 100;  // and after the first step
  // Bins of the histograms of at most 2,048 sampled elements; 0 for none.
  int64_t histogram_bins = 0;
  // A unit is dead when it was positive in none of this many records.
  int64_t dead_window = 10;
  // Called with each record. An error stops the training with its message.
  std::function<absl::Status(const StatisticsRecord&)> on_record = {};
};

class EVENGRAD_EXPORT LayerStatistics : public Hook {
 public:
  explicit LayerStatistics(LayerStatisticsOptions options = {})
      : options_(std::move(options)) {}

  absl::Status Instrument(Instrumentation& instrumentation) override;
  absl::Status InstrumentUpdates(Instrumentation& instrumentation) override;
  absl::Status Observe(const Observation& observation) override;
  // How long units have been silent, and since when findings hold.
  std::string SaveMemory() const override;
  absl::Status RestoreMemory(std::string_view bytes) override;
  bool CanBeginAnew() const override { return true; }

  // The last record; its step is 0 before the first.
  const StatisticsRecord& latest() const { return latest_; }
  // What is wrong in it, worst first, and since when. Valid until the next
  // record; not thread-safe.
  const std::vector<Finding>& findings() const;

 private:
  // Where the observed values of a tensor are; -1 where there are none.
  struct TensorPlaces {
    int summary = -1;
    int histogram = -1;
  };
  struct ParameterPlaces {
    Value parameter = {};
    TensorPlaces value = {}, gradient = {}, update = {};
  };
  struct LayerPlaces {
    std::string name = {};
    std::string activation = {};
    bool saturates = false;
    TensorPlaces output = {}, output_gradient = {};
    int unit_maxima = -1;
    std::vector<ParameterPlaces> parameters = {};
    // By unit: records since it was last positive.
    std::vector<int64_t> silent = {};
    int64_t records = 0;
  };

  TensorPlaces Watch(const Value& value, double low = 0, double high = 0);
  int PlaceOf(const Value& value);
  TensorSummary Read(const TensorPlaces& places,
                     std::span<const Tensor> values) const;
  LayerRecord ReadLayer(LayerPlaces& layer, std::span<const Tensor> values);
  void CountDeadUnits(LayerPlaces& layer, std::span<const Tensor> values,
                      LayerRecord& record) const;
  void UpdateFindings();

  const LayerStatisticsOptions options_;
  Graph graph_;  // of the program that is watched
  std::vector<Value> watched_;
  std::vector<LayerPlaces> layers_;
  int loss_ = -1;
  int clipped_squares_ = -1;
  StatisticsRecord latest_;
  // Since when findings hold; without words.
  std::vector<Finding> standing_;
  // Of the latest record; put in words when somebody asks for them.
  mutable std::vector<Finding> findings_;
  mutable bool in_words_ = true;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_LAYER_STATISTICS_H_
