#include "evengrad/runtime/numerics_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "evengrad/graph/name_pattern.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {
namespace {

double Get(const Tensor& summary, Statistic statistic) {
  return LoadAsDouble(summary.dtype(), summary.data(),
                      static_cast<int64_t>(statistic));
}

// The nodes whose contents `roots` depend on.
std::vector<bool> ContentsNeeded(const Graph& graph,
                                 std::span<const Value> roots) {
  std::vector<bool> needed(static_cast<size_t>(graph.num_nodes()), false);
  for (const Value& root : roots) needed[root.id().node] = true;
  for (int id = graph.num_nodes() - 1; id >= 0; --id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (!node.op().ReadsTypeOnly(i)) needed[node.input_id(i).node] = true;
    }
  }
  return needed;
}

bool HasContents(const Node& node) {
  return !node.op().is_source || IsPlaceholder(node) || IsState(node) ||
         IsConstant(node);
}

// "3 NaN and 1 infinite of 3200 numbers".
std::string Counted(const NonFiniteReport& report) {
  std::string text;
  if (report.nans > 0) text = StrCat(report.nans, " NaN");
  if (report.infinities > 0) {
    text += StrCat(text.empty() ? "" : " and ", report.infinities, " infinite");
  }
  return StrCat(text, " of ", report.elements,
                report.elements == 1 ? " number" : " numbers");
}

std::string Short(double value) {
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%.6g", value);
  return digits;
}

}  // namespace

std::string NonFiniteReport::ToString() const {
  std::string text = location.empty() ? "" : StrCat(location, ": ");
  text += StrCat(node, ": step ", step, ": ");
  if (inputs.empty()) {
    return StrCat(text, "the ", op, " ", type, " holds ", Counted(*this),
                  " before anything is computed");
  }
  text += StrCat(
      "op '", op, "' gives ", Counted(*this), " (", type, ")",
      layer.empty() ? "" : StrCat(" in layer ", layer),
      gradient_of.empty() ? "" : StrCat(", in the gradient of ", gradient_of),
      "; its inputs: ");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = inputs[i];
    text += StrCat(i == 0 ? "" : ", ", input.name, " ", input.type);
    if (std::isfinite(input.minimum)) {
      text += StrCat(" in [", Short(input.minimum), ", ", Short(input.maximum),
                     "]");
    }
  }
  return text;
}

absl::StatusOr<NumericsProbe> NumericsProbe::Add(Graph graph,
                                                 std::span<const Value> roots) {
  const std::vector<bool> needed = ContentsNeeded(graph, roots);
  const int num_nodes = graph.num_nodes();
  const NameScope scope(graph, "check_numerics");
  NumericsProbe probe(graph);
  for (int id = 0; id < num_nodes; ++id) {
    const Node node = graph.node(id);
    if (!needed[id] || !HasContents(node)) continue;
    for (int i = 0; i < node.num_outputs(); ++i) {
      if (!IsFloating(node.output_type(i).dtype)) continue;
      probe.watched_.push_back({id, i});
      probe.summaries_.push_back(Statistics(node.output(i)).summary);
    }
  }
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  return probe;
}

int NumericsProbe::PlaceOf(ValueId value) const {
  const auto it = std::ranges::lower_bound(watched_, value);
  const bool found = it != watched_.end() && *it == value;
  return found ? static_cast<int>(it - watched_.begin()) : -1;
}

std::optional<NonFiniteReport> NumericsProbe::FindFirst(
    std::span<const Tensor> summaries, int64_t step,
    std::span<const std::string> exempt) const {
  for (size_t k = 0; k < watched_.size(); ++k) {
    const bool nan = Get(summaries[k], Statistic::kNans) > 0;
    const bool infinite = Get(summaries[k], Statistic::kInfinities) > 0;
    if (!nan && !infinite) continue;
    const Node node = graph_.node(watched_[k].node);
    bool excused = IsConstant(node);
    for (const std::string& pattern : exempt) {
      excused |= MatchesPattern(pattern, node.name());
    }
    bool nan_input = false;
    bool bad_input = false;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const int place = PlaceOf(node.input_id(i));
      if (place < 0) continue;
      nan_input |= Get(summaries[place], Statistic::kNans) > 0;
      bad_input |= Get(summaries[place], Statistic::kInfinities) > 0;
    }
    bad_input |= nan_input;
    if (excused || (nan ? nan_input : bad_input)) continue;
    return Describe(graph_.value(watched_[k]), summaries, step);
  }
  return std::nullopt;
}

NonFiniteReport NumericsProbe::Describe(const Value& value,
                                        std::span<const Tensor> summaries,
                                        int64_t step) const {
  const Node node = value.node();
  const Tensor& summary = summaries[PlaceOf(value.id())];
  NonFiniteReport report = {
      .step = step,
      .node = value.name(),
      .op = std::string(node.op().name),
      .layer = LayerOf(node),
      .location =
          node.location().known() ? node.location().ToString() : std::string(),
      .type = value.type().ToString(),
      .elements = static_cast<int64_t>(Get(summary, Statistic::kCount)),
      .nans = static_cast<int64_t>(Get(summary, Statistic::kNans)),
      .infinities = static_cast<int64_t>(Get(summary, Statistic::kInfinities))};
  if (node.gradient_of() >= 0) {
    report.gradient_of = graph_.node(node.gradient_of()).name();
  }
  for (int i = 0; i < node.num_inputs(); ++i) {
    const int place = PlaceOf(node.input_id(i));
    NonFiniteReport::Input input = {.name = node.input(i).name(),
                                    .type = node.input(i).type().ToString(),
                                    .minimum = std::nan(""),
                                    .maximum = std::nan("")};
    if (place >= 0) {
      input.minimum = Get(summaries[place], Statistic::kMinimum);
      input.maximum = Get(summaries[place], Statistic::kMaximum);
    }
    report.inputs.push_back(std::move(input));
  }
  return report;
}

}  // namespace evengrad
