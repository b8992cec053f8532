#include "compare_runs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "evengrad/runtime/passes.h"

namespace evengrad::tools {
namespace {

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

// "[1,2]" of a flat index.
std::string PlaceOf(std::span<const int64_t> sizes, int64_t flat) {
  std::string place;
  for (size_t i = sizes.size(); i > 0; --i) {
    const int64_t size = std::max<int64_t>(sizes[i - 1], 1);
    place = StrCat(flat % size, i == sizes.size() ? "" : ",", place);
    flat /= size;
  }
  return StrCat("[", place, "]");
}

struct Worst {
  double difference = 0;  // in units of the tolerance
  int64_t element = 0;
};

// Whole numbers must be equal.
Worst WorstOf(const Tensor& found, const ReferenceTensor& expected,
              const CompareOptions& options) {
  const std::vector<double> numbers = found.ToDoubles();
  double largest = 0;
  for (const double value : expected.values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  const bool exact = !IsFloating(found.dtype());
  Worst worst;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double wanted = expected.values[i];
    if (numbers[i] == wanted ||
        (std::isnan(numbers[i]) && std::isnan(wanted))) {
      continue;
    }
    const double tolerance = exact ? 0
                                   : options.absolute * largest +
                                         options.relative * std::abs(wanted);
    const double difference = std::abs(numbers[i] - wanted) / tolerance;
    // NaN: one of them is no number.
    if (difference <= worst.difference) continue;
    worst = {std::isnan(difference) ? HUGE_VAL : difference,
             static_cast<int64_t>(i)};
  }
  return worst;
}

class Comparison {
 public:
  Comparison(Session& session, const Program& program,
             std::span<const Feed> feeds, uint64_t seed,
             const CompareOptions& options)
      : session_(session),
        program_(program),
        feeds_(feeds),
        seed_(seed),
        options_(options) {}

  absl::StatusOr<CompareReport> Run() {
    EVENGRAD_RETURN_IF_ERROR(CompareFetches(program_));
    const std::string at_results = report_.difference;
    Program all = program_;
    all.fetches.clear();
    const std::vector<bool> needed = NeededNodes(program_);
    for (int id = 0; id < program_.graph.num_nodes(); ++id) {
      const Node node = program_.graph.node(id);
      if (!needed[static_cast<size_t>(id)] || node.op().is_source) continue;
      for (int i = 0; i < node.num_outputs(); ++i) {
        if (node.output_type(i).dtype == DType::kOpaque) continue;
        all.fetches.push_back({node.output(i).name(), node.output(i)});
      }
    }
    report_ = CompareReport();
    EVENGRAD_RETURN_IF_ERROR(CompareFetches(all));
    // Fetched one by one all may agree where fused they do not.
    if (report_.difference.empty()) report_.difference = at_results;
    return std::move(report_);
  }

 private:
  absl::Status CompareFetches(const Program& program) {
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(program, feeds_));
    EVENGRAD_ASSIGN_OR_RETURN(
        const ReferenceResult reference,
        RunReferenceLike(session_, program, feeds_, seed_));
    for (size_t i = 0; i < program.fetches.size(); ++i) {
      Compare(program.fetches[i], result.values()[i], reference.fetches[i]);
    }
    return absl::OkStatus();
  }

  void Compare(const NamedValue& fetch, const Tensor& found,
               const ReferenceTensor& expected) {
    ++report_.values;
    const Worst worst = WorstOf(found, expected, options_);
    if (worst.difference > report_.worst_difference) {
      report_.worst_difference = worst.difference;
      report_.worst = fetch.name;
    }
    if (worst.difference <= 1 || !report_.difference.empty()) return;
    const Node node = fetch.value.node();
    report_.difference =
        StrCat(node.ErrorPrefix(), "the first node that differs: op '",
               node.op().name, "', ", found.ToString(), ", element ",
               PlaceOf(found.sizes(), worst.element), " is ",
               Number(LoadAsDouble(found.dtype(), found.data(), worst.element)),
               ", the reference has ",
               Number(expected.values[static_cast<size_t>(worst.element)]));
  }

  Session& session_;
  const Program& program_;
  std::span<const Feed> feeds_;
  uint64_t seed_;
  CompareOptions options_;
  CompareReport report_;
};

}  // namespace

std::string CompareReport::ToString() const {
  std::string text = StrCat(values, " values compared with the reference");
  if (worst.empty()) return text + ", all equal";
  return StrCat(text, "; the largest difference, ", Number(worst_difference),
                " of the tolerance, is at ", worst);
}

absl::StatusOr<ReferenceResult> RunReferenceLike(const Session& session,
                                                 const Program& program,
                                                 std::span<const Feed> feeds,
                                                 uint64_t seed) {
  std::vector<ReferenceFeed> given;
  for (const Feed& feed : feeds) {
    given.push_back({feed.value, ToReference(feed.tensor)});
  }
  ReferenceOptions options = {.seed = seed};
  for (const std::string& name : session.StateNames()) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor, session.Read(name));
    options.states.emplace(name, ToReference(tensor));
  }
  return RunReference(program, given, options);
}

absl::StatusOr<CompareReport> CompareRuns(Session& session,
                                          const Program& program,
                                          std::span<const Feed> feeds,
                                          uint64_t seed,
                                          const CompareOptions& options) {
  return Comparison(session, program, feeds, seed, options).Run();
}

}  // namespace evengrad::tools
