#include "evengrad/runtime/hooks/findings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// "92 %".
std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f %%", 100 * share);
  return text;
}

// "310", "0.0012", "3.2e+8".
std::string Short(double value) {
  char text[32];
  const bool whole = value >= 100 && value < 1e5;
  std::snprintf(text, sizeof(text), whole ? "%.0f" : "%.2g", value);
  // "1e-6" rather than "1e-06".
  std::string digits = text;
  const size_t e = digits.find('e');
  if (e != std::string::npos && digits[e + 2] == '0') digits.erase(e + 2, 1);
  return digits;
}

// "1/310 of", "310 times"; of a ratio above 0.
std::string Ratio(double ratio) {
  return ratio < 1 ? StrCat("1/", Short(1 / ratio), " of")
                   : StrCat(Short(ratio), " times");
}

// "its gradient is 1/310 of that of b", "is 310 times that of b", "is 0, unlike
// that of b".
std::string Compared(std::string_view one, double ratio,
                     std::string_view other) {
  if (ratio == 0) return StrCat(one, " is 0, unlike ", other);
  return StrCat(one, " is ", Ratio(ratio), " ", other);
}

bool HasGradient(const LayerRecord& layer) {
  return layer.output_gradient.elements > 0 && layer.output_gradient.finite();
}

class Judge {
 public:
  Judge(const StatisticsRecord& record, const FindingThresholds& thresholds,
        bool in_words)
      : record_(record), thresholds_(thresholds), in_words_(in_words) {}

  std::vector<Finding> Run() {
    JudgeNetwork();
    for (size_t i = 0; i < record_.layers.size(); ++i) {
      const LayerRecord& layer = record_.layers[i];
      if (JudgeNumbers(layer)) continue;  // the rest would follow from it
      JudgeActivation(
          layer, i > 0 ? &record_.layers[i - 1] : nullptr,
          i + 1 < record_.layers.size() ? &record_.layers[i + 1] : nullptr);
      if (i + 1 < record_.layers.size()) {
        JudgeNeighbours(layer, record_.layers[i + 1]);
      }
      JudgeUpdates(layer);
    }
    std::ranges::stable_sort(findings_, {}, &Finding::kind);
    return std::move(findings_);
  }

 private:
  // `text` and `cure` make the words.
  template <typename Text, typename Cure>
  void Add(FindingKind kind, const std::string& layer, const Text& text,
           const Cure& cure) {
    Finding& finding = findings_.emplace_back();
    finding.kind = kind;
    finding.layer = layer;
    finding.step = finding.since = record_.step;
    if (!in_words_) return;
    finding.text = text();
    finding.cure = cure();
  }

  void JudgeNetwork() {
    const LayerRecord* first = nullptr;
    const LayerRecord* last = nullptr;
    for (const LayerRecord& layer : record_.layers) {
      if (!HasGradient(layer)) continue;
      if (first == nullptr) first = &layer;
      last = &layer;
    }
    if (first == last) return;
    const double end = last->output_gradient.root_mean_square();
    if (!(end > 0)) return;
    const double ratio = first->output_gradient.root_mean_square() / end;
    const auto text = [&] {
      return Compared(StrCat(ratio < 1 ? "vanishing" : "exploding",
                             " gradient: the ", "gradient at ", first->name),
                      ratio, "that at " + last->name);
    };
    if (ratio < thresholds_.network_ratio) {
      Add(FindingKind::kVanishing, "", text, [&] { return CureOfVanishing(); });
      network_ = FindingKind::kVanishing;
    } else if (ratio > 1 / thresholds_.network_ratio) {
      Add(FindingKind::kExploding, "", text, [] {
        return "choose an initializer that fits the activation (auto), or clip "
               "the gradients";
      });
      network_ = FindingKind::kExploding;
    }
  }

  // Small steps may follow from what is wrong with the whole network.
  std::string CureOfSmallUpdates() const {
    if (!network_.has_value()) {
      return "a higher learning rate (a change of 1/1000 is usual)";
    }
    return *network_ == FindingKind::kVanishing
               ? "it follows from the vanishing gradient: cure that first"
               : "cure the exploding gradient first; then a higher learning "
                 "rate will do";
  }

  // What saturates shrinks gradients at any scale of the weights.
  std::string CureOfVanishing() const {
    // Records from a file may not say which activation it is.
    std::string saturating = "what saturates";
    int64_t count = 0;
    for (const LayerRecord& layer : record_.layers) {
      if (!layer.saturated_share.has_value()) continue;
      if (!layer.activation.empty()) saturating = layer.activation;
      ++count;
    }
    if (2 * count < static_cast<int64_t>(record_.layers.size())) {
      return "an initializer that fits the activation (auto), selu, or batch "
             "norm before each activation";
    }
    return StrCat("selu, or relu with He initialization, instead of ",
                  saturating,
                  "; or batch norm before each activation; a shallower network "
                  "helps too");
  }

  bool JudgeNumbers(const LayerRecord& layer) {
    bool bad = !layer.output.finite() || !layer.output_gradient.finite();
    for (const ParameterRecord& p : layer.parameters) {
      bad |= !p.value.finite() || !p.gradient.finite() || !p.update.finite();
    }
    if (!bad) return false;
    Add(
        FindingKind::kNonFinite, layer.name,
        [&] {
          return StrCat(layer.name, ": NaN or infinite numbers in ",
                        BadNumbers(layer));
        },
        [] {
          return "find the first one with --check-numerics; lower the learning "
                 "rate or clip the gradients";
        });
    return true;
  }

  static std::string BadNumbers(const LayerRecord& layer) {
    std::string bad;
    auto note = [&](const TensorSummary& tensor, std::string_view what,
                    std::string_view name) {
      if (tensor.finite()) return;
      bad +=
          StrCat(bad.empty() ? "" : ", ", what, name, " (",
                 tensor.nans + tensor.infinities, " of ", tensor.elements, ")");
    };
    note(layer.output, "the output", "");
    note(layer.output_gradient, "the output's gradient", "");
    for (const ParameterRecord& p : layer.parameters) {
      note(p.value, "", p.name);
      note(p.gradient, "the gradient of ", p.name);
      note(p.update, "the update of ", p.name);
    }
    return bad;
  }

  void JudgeActivation(const LayerRecord& layer, const LayerRecord* before,
                       const LayerRecord* next) {
    if (layer.saturated_share.value_or(0) >= thresholds_.saturated_share) {
      Add(
          FindingKind::kSaturated, layer.name,
          [&] { return TextOfSaturated(layer, before, next); },
          [] {
            return "smaller initial weights (Glorot), standardized inputs, or "
                   "an activation that does not saturate";
          });
    }
    if (!layer.dead_units.has_value() || layer.units == 0) return;
    const double share = static_cast<double>(*layer.dead_units) /
                         static_cast<double>(layer.units);
    if (share < thresholds_.dead_share) return;
    Add(
        FindingKind::kDeadUnits, layer.name,
        [&] {
          return StrCat(layer.name, ": ", *layer.dead_units, " of ",
                        layer.units, " ", layer.activation, " units are dead");
        },
        [] {
          return "a lower learning rate, He initialization, or leaky_relu, elu "
                 "or selu";
        });
  }

  static std::string TextOfSaturated(const LayerRecord& layer,
                                     const LayerRecord* before,
                                     const LayerRecord* next) {
    std::string text = StrCat(layer.name, ": ", Percent(*layer.saturated_share),
                              " of ", layer.activation, " units saturated");
    // A layer's input is the output of the one before it.
    if (before != nullptr && next != nullptr && HasGradient(*before) &&
        before->gradient_ratio.value_or(1) < 1) {
      text += Compared("; its input gradient", *before->gradient_ratio,
                       next->name + "'s");
    }
    return text;
  }

  void JudgeNeighbours(const LayerRecord& layer, const LayerRecord& next) {
    if (!layer.gradient_ratio.has_value() || !HasGradient(next)) return;
    const double ratio = *layer.gradient_ratio;
    const auto text = [&] {
      return Compared(layer.name + ": its gradient", ratio,
                      "that of " + next.name);
    };
    if (ratio < thresholds_.layer_ratio) {
      Add(FindingKind::kGradientDrop, layer.name, text, [&] {
        return StrCat("look at the weights and saturation of ", next.name);
      });
    } else if (ratio > 1 / thresholds_.layer_ratio) {
      Add(FindingKind::kGradientJump, layer.name, text, [&] {
        return StrCat("smaller initial weights in ", next.name,
                      ", or clip the gradients");
      });
    }
  }

  void JudgeUpdates(const LayerRecord& layer) {
    double gradients = 0, largest = 0;
    bool matrices = false;
    const ParameterRecord* worst = nullptr;
    for (const ParameterRecord& p : layer.parameters) {
      gradients += p.gradient.norm;
      // A bias starts at 0: its first steps are large without harm.
      if (!p.update_ratio.has_value() || !p.is_matrix) continue;
      matrices = true;
      if (*p.update_ratio >= largest) {
        largest = *p.update_ratio;
        worst = &p;
      }
    }
    if (!layer.parameters.empty() && gradients == 0) {
      Add(
          FindingKind::kZeroGradient, layer.name,
          [&] {
            return layer.name + ": the gradients of its parameters are 0";
          },
          [] {
            return "it learns nothing: look for dead units, saturation or a "
                   "stopped gradient after it";
          });
      return;
    }
    if (!matrices) return;
    if (largest > thresholds_.large_update) {
      Add(
          FindingKind::kLargeUpdates, layer.name,
          [&] {
            return StrCat(layer.name, ": a step changes ", worst->name, " by ",
                          Ratio(largest), " its norm");
          },
          [] { return "a lower learning rate (a change of 1/1000 is usual)"; });
    } else if (largest < thresholds_.small_update) {
      Add(
          FindingKind::kSmallUpdates, layer.name,
          [&] {
            return StrCat(layer.name, ": a step changes its weights by less ",
                          "than ", Short(thresholds_.small_update),
                          " of their norm");
          },
          [&] { return CureOfSmallUpdates(); });
    }
  }

  const StatisticsRecord& record_;
  const FindingThresholds& thresholds_;
  const bool in_words_;
  std::optional<FindingKind> network_;  // vanishing or exploding
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view Name(FindingKind kind) {
  switch (kind) {
    case FindingKind::kNonFinite:
      return "non_finite";
    case FindingKind::kZeroGradient:
      return "zero_gradient";
    case FindingKind::kVanishing:
      return "vanishing";
    case FindingKind::kExploding:
      return "exploding";
    case FindingKind::kSaturated:
      return "saturated";
    case FindingKind::kDeadUnits:
      return "dead_units";
    case FindingKind::kGradientDrop:
      return "gradient_drop";
    case FindingKind::kGradientJump:
      return "gradient_jump";
    case FindingKind::kLargeUpdates:
      return "large_updates";
    case FindingKind::kSmallUpdates:
      return "small_updates";
  }
  return "";
}

std::vector<Finding> FindingsOf(const StatisticsRecord& record,
                                const FindingThresholds& thresholds) {
  return Judge(record, thresholds, true).Run();
}

std::vector<Finding> FindingsWithoutWords(const StatisticsRecord& record,
                                          const FindingThresholds& thresholds) {
  return Judge(record, thresholds, false).Run();
}

}  // namespace evengrad
