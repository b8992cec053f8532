#include "clip_proposal.h"

#include <algorithm>
#include <cmath>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

// Two significant digits, rounded up.
double RoundedUp(double value) {
  if (!(value > 0)) return value;
  const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::ceil(value / unit - 1e-9) * unit;
}

}  // namespace

absl::Status NormRecorder::Instrument(Instrumentation& instrumentation) {
  const NameScope scope(instrumentation.graph(), "gradient_norm");
  Value squares;
  for (const Value& parameter : instrumentation.parameters()) {
    const Value own = SumOfSquares(instrumentation.gradient(parameter));
    squares = squares.valid() ? squares + own : own;
  }
  return instrumentation.Observe(
      {.name = "gradient_norm", .values = {squares}});
}

absl::Status NormRecorder::Observe(const Observation& observation) {
  if (!done()) {
    norms_.push_back(std::sqrt(observation.values[0].ToDoubles()[0]));
  }
  return absl::OkStatus();
}

// A threshold that acts in one step of ten keeps outliers out and leaves the
// usual step alone; the first steps, before training has settled, count little.
std::optional<ClipProposal> NormRecorder::Proposal() const {
  const auto half = static_cast<int64_t>(norms_.size()) / 2;
  std::vector<double> norms(norms_.begin() + half, norms_.end());
  std::erase_if(norms, [](double norm) { return !std::isfinite(norm); });
  if (norms.empty()) return std::nullopt;
  std::ranges::sort(norms);
  auto percentile = [&](double percent) {
    return norms[static_cast<size_t>(percent / 100 *
                                     static_cast<double>(norms.size() - 1))];
  };
  return ClipProposal{.first_step = half + 1,
                      .last_step = static_cast<int64_t>(norms_.size()),
                      .median = percentile(50),
                      .percentile_90 = percentile(90),
                      .percentile_99 = percentile(99),
                      .largest = norms.back(),
                      .threshold = RoundedUp(percentile(90))};
}

std::string ClipProposal::ToString() const {
  return StrCat("gradient norms of steps ", first_step, " to ", last_step,
                ": median ", ShortNumber(median), ", 90 % up to ",
                ShortNumber(percentile_90), ", 99 % up to ",
                ShortNumber(percentile_99), ", largest ", ShortNumber(largest),
                "\nproposal: --clip=global_norm:", ShortNumber(threshold),
                " (acts in about one step of ten)\n");
}

}  // namespace evengrad::tools
