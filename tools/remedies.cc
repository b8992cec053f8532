#include "remedies.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

bool Saturates(std::string_view activation) {
  constexpr std::string_view kSaturating[] = {"sigmoid", "tanh", "softsign",
                                              "hard_sigmoid", "hard_tanh"};
  return std::ranges::find(kSaturating, activation) != std::end(kSaturating);
}

}  // namespace

std::vector<ReportRemedy> Remedies(const TrainFlags& flags) {
  const std::string_view activation = SplitAt(flags.activation, ':')[0];
  const bool clips = flags.clip != "none" && !flags.clip.starts_with("suggest");
  std::vector<std::string> flow;  // what keeps gradients even
  if (flags.initializer != "auto") flow.push_back("--initializer=auto");
  if (activation != "selu") flow.push_back("--activation=selu");
  if (flags.batch_norm == "none") flow.push_back("--batch-norm=before");
  std::vector<std::string> tame;  // what keeps steps small
  if (!clips) tame.push_back("--clip=suggest");
  constexpr double kUsualRate = 1e-3;
  const double rate = flags.optimizer.learning_rate.value_or(kUsualRate);
  const std::string lower =
      StrCat("--learning-rate=", ShortNumber(std::min(rate / 10, 0.1)));
  const std::string higher = StrCat(
      "--learning-rate=", ShortNumber(rate > 0 ? rate * 10 : kUsualRate));
  tame.push_back(lower);
  std::vector<std::string> exploding = tame;
  if (flags.initializer != "auto") {
    exploding.insert(exploding.begin(), "--initializer=auto");
  }
  std::vector<std::string> saturated = flow;
  if (flags.scale != "standardize") {
    saturated.insert(saturated.begin(), "--scale=standardize");
  }
  std::vector<std::string> alive = {lower};
  if (!Saturates(activation)) {
    alive.push_back("--activation=leaky_relu");
    alive.push_back("--activation=selu");
  }
  return {{FindingKind::kNonFinite, exploding},
          {FindingKind::kZeroGradient, flow},
          {FindingKind::kVanishing, flow},
          {FindingKind::kExploding, exploding},
          {FindingKind::kSaturated, saturated},
          {FindingKind::kDeadUnits, alive},
          {FindingKind::kGradientDrop, flow},
          {FindingKind::kGradientJump, exploding},
          {FindingKind::kLargeUpdates, tame},
          {FindingKind::kSmallUpdates, {higher}}};
}

}  // namespace evengrad::tools
