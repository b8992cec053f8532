// Generated programs: what the session computes, fused and not, is what the
// reference executor computes in double.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "evengrad/formats/graph_text.h"
#include "evengrad/runtime/reference_executor.h"
#include "tests/fuzz/generated_model.h"
#include "tests/fuzz/memory_file.h"

namespace evengrad {
namespace {

[[noreturn]] void Complain(const Program& program, const std::string& what) {
  std::fprintf(stderr, "%s\n%s\n", what.c_str(), PrintProgram(program).c_str());
  std::abort();
}

absl::StatusOr<ReferenceResult> Reference(const Program& program,
                                          const std::vector<Feed>& feeds,
                                          double noise) {
  std::vector<ReferenceFeed> given;
  for (const Feed& feed : feeds) {
    given.push_back({feed.value, ToReference(feed.tensor)});
    double sign = 1;
    for (double& value : given.back().tensor.values) {
      value *= 1 + sign * noise;
      sign = -sign;
    }
  }
  return RunReference(program, given, {.seed = 1});
}

double Largest(const ReferenceResult& result) {
  double largest = 1;
  for (const ReferenceTensor& tensor : result.fetches) {
    for (const double value : tensor.values) {
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    }
  }
  return largest;
}

// Differences are allowed in proportion to what the same relative noise in the
// inputs does to the element.
void Compare(const Program& program, const std::vector<Feed>& feeds, bool fuse,
             const ReferenceResult& expected, const ReferenceResult& noisy,
             double unit) {
  absl::StatusOr<Session> session = Session::Create(
      program.graph, {.seed = 1, .num_threads = 1, .fuse = fuse});
  if (!session.ok()) Complain(program, session.status().ToString());
  const absl::StatusOr<RunResult> result = session->Run(program, feeds);
  if (!result.ok()) Complain(program, result.status().ToString());
  const double largest = Largest(expected);
  for (size_t i = 0; i < program.fetches.size(); ++i) {
    const ReferenceTensor& wanted = expected.fetches[i];
    const std::vector<double> found = result->values()[i].ToDoubles();
    if (found.size() != wanted.values.size()) Complain(program, "sizes differ");
    for (size_t k = 0; k < found.size(); ++k) {
      const double change =
          std::abs(noisy.fetches[i].values[k] - wanted.values[k]);
      const double tolerance = 1000 * unit * largest + 1000 * change;
      if (std::abs(found[k] - wanted.values[k]) <= tolerance) continue;
      if (std::isnan(found[k]) && std::isnan(wanted.values[k])) continue;
      if (found[k] == wanted.values[k]) continue;  // infinities
      Complain(program, StrCat(fuse ? "fused: " : "unfused: ",
                               program.fetches[i].name, ", element ", k, ": ",
                               found[k], ", expected ", wanted.values[k]));
    }
  }
}

}  // namespace
}  // namespace evengrad

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace evengrad;  // NOLINT(google-build-using-namespace)
  const GeneratedModel model({data, std::min<size_t>(size, 256)});
  if (!model.status().ok() || model.program().fetches.empty()) return 0;
  const Program& program = model.program();
  const std::vector<Feed> feeds = model.feeds();
  const bool wide = feeds[0].value.dtype() == DType::kF64;
  const double unit = wide ? 1e-14 : 1e-7;
  const auto expected = Reference(program, feeds, 0);
  const auto noisy = Reference(program, feeds, unit);
  // What shows only once sizes are known: neither way can run it.
  if (!expected.ok() || !noisy.ok()) return 0;
  for (const bool fuse : {true, false}) {
    Compare(program, feeds, fuse, *expected, *noisy, unit);
  }
  return 0;
}
