// The checks that hold kernels against references.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/testing/check_op.h"
#include "evengrad/testing/sample_graph.h"

namespace evengrad::testing {
namespace {

using Tensors = std::vector<ReferenceTensor>;

// A gradient adds up products of several rounded values.
constexpr double kTermsOfGradient = 4;

constexpr uint64_t kSeed = 3;

// The row's element types, as far as they make a difference.
std::vector<DType> DTypesOf(const OpCase& row, const OpSample& sample) {
  for (const InputSample& input : sample.inputs) {
    if (input.type.dtype == DType::kF32) return row.dtypes;
  }
  return {DType::kF32};
}

// The first few outputs are the op's, the others gradients.
absl::Status CheckAllClose(const OpCase& row, const SampleGraph& built,
                           const Tensors& found, const Tensors& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool is_gradient = i >= built.outputs.size();
    const double terms = row.terms * (is_gradient ? kTermsOfGradient : 1);
    EVENGRAD_RETURN_IF_ERROR(Prefixed(
        CheckClose(found[i], expected[i],
                   KernelTolerance(expected[i].dtype, terms)),
        is_gradient
            ? StrCat("gradient of input ",
                     built.differentiable[i - built.outputs.size()], ": ")
            : StrCat("output ", i, ": ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<Session> MakeSession(const SampleGraph& built, bool fuse,
                                    int num_threads = 1) {
  return Session::Create(
      built.graph,
      {.seed = kRunSeed, .num_threads = num_threads, .fuse = fuse});
}

struct Variant {
  std::string_view name;
  bool fuse = false;
  bool surrounded = false;
  bool symbols = false;
};
constexpr Variant kVariants[] = {
    {.name = "unfused"},
    {.name = "fused", .fuse = true},
    {.name = "fused between others", .fuse = true, .surrounded = true},
    {.name = "unfused between others", .surrounded = true},
    {.name = "with named sizes", .fuse = true, .symbols = true},
};

// One sample in one element type, one way to compile it, several sets of
// inputs.
absl::Status CompareVariant(const OpCase& row, const OpSample& sample,
                            const Variant& variant, bool gradients,
                            const std::vector<Tensors>& inputs) {
  const OpDef& op = *row.op;
  const SampleGraphOptions options = {.gradients = gradients,
                                      .surrounded = variant.surrounded};
  EVENGRAD_ASSIGN_OR_RETURN(const SampleGraph concrete,
                            BuildSampleGraph(op, sample, options));
  EVENGRAD_ASSIGN_OR_RETURN(
      const SampleGraph built,
      BuildSampleGraph(op, variant.symbols ? WithSymbols(sample) : sample,
                       options));
  EVENGRAD_ASSIGN_OR_RETURN(Session session, MakeSession(built, variant.fuse));
  NumberSource numbers(kSeed);
  for (const Tensors& tensors : inputs) {
    const std::vector<ReferenceFeed> feeds =
        MakeFeeds(built, concrete, tensors, numbers);
    EVENGRAD_ASSIGN_OR_RETURN(
        const Tensors expected,
        RunByReference(built.graph, built.fetches, feeds));
    EVENGRAD_ASSIGN_OR_RETURN(const Tensors found,
                              RunInSession(session, built, feeds));
    EVENGRAD_RETURN_IF_ERROR(CheckAllClose(row, built, found, expected));
  }
  return absl::OkStatus();
}

absl::Status CompareVariants(const OpCase& row, const OpSample& sample,
                             bool gradients,
                             const std::vector<Tensors>& inputs) {
  for (const Variant& variant : kVariants) {
    if (variant.symbols && row.needs_sizes) continue;
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CompareVariant(row, sample, variant, gradients, inputs),
                 StrCat(Describe(*row.op, sample), ", ", variant.name, ": ")));
  }
  return absl::OkStatus();
}

bool HasGradient(const OpCase& row) {
  return row.gradient != GradientKind::kNone && row.op->gradient;
}

// Every size of 2 or more among the inputs, once.
std::vector<Dimension> LargeSizes(const OpSample& sample) {
  std::vector<Dimension> sizes;
  for (const InputSample& input : sample.inputs) {
    for (const Dimension& size : input.type.shape) {
      if (size.size() < 2) continue;
      if (std::count(sizes.begin(), sizes.end(), size) > 0) continue;
      sizes.push_back(size);
    }
  }
  return sizes;
}

// `count` sets of inputs in which special numbers stand at random places of one
// floating input each time.
std::vector<Tensors> WithSpecialNumbers(const OpSample& sample,
                                        const std::vector<double>& special,
                                        int count, NumberSource& numbers) {
  std::vector<Tensors> sets;
  for (size_t k = 0; k < sample.inputs.size(); ++k) {
    const TensorType& type = sample.inputs[k].type;
    if (!IsFloating(type.dtype)) continue;
    for (int i = 0; i < count; ++i) {
      Tensors tensors = DrawInputs(sample, numbers);
      if (tensors[k].num_elements() == 0) continue;
      for (double value : special) {
        const int64_t place = numbers.Index(tensors[k].num_elements());
        tensors[k].values[place] = Rounded(type.dtype, value);
      }
      sets.push_back(std::move(tensors));
    }
  }
  return sets;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Tensors> NonFiniteInputs(const OpDef& op, const OpSample& sample) {
  NumberSource numbers(kSeed);
  std::vector<Tensors> sets;
  auto add = [&](const std::vector<double>& special, int count) {
    for (Tensors& set : WithSpecialNumbers(sample, special, count, numbers)) {
      sets.push_back(std::move(set));
    }
  };
  add({kNaN}, 2);
  add({kInfinity}, 2);
  add({-kInfinity}, 2);
  add({kInfinity, kInfinity, -kInfinity, kNaN}, 2);
  add({0.0, -0.0, kInfinity}, 1);
  if (op.elementwise) {
    add({1e30, -1e30, 1e-30, -1e-30}, 3);
    add({50, -50, 88, -88, 100, -100, 1e4, -1e4}, 3);
    add({std::numeric_limits<float>::max(), -std::numeric_limits<float>::max()},
        2);
  }
  return sets;
}

absl::StatusOr<std::vector<Tensor>> RunOnce(
    const SampleGraph& built, const std::vector<ReferenceFeed>& feeds,
    Session& session) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensors found,
                            RunInSession(session, built, feeds));
  std::vector<Tensor> tensors;
  for (const ReferenceTensor& tensor : found) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor exact, ToTensor(tensor));
    tensors.push_back(std::move(exact));
  }
  return tensors;
}

absl::Status CheckDeterminismOf(const OpCase& row, const OpSample& sample) {
  EVENGRAD_ASSIGN_OR_RETURN(
      const SampleGraph built,
      BuildSampleGraph(*row.op, sample, {.gradients = HasGradient(row)}));
  NumberSource numbers(kSeed);
  const std::vector<ReferenceFeed> feeds =
      MakeFeeds(built, built, DrawInputs(sample, numbers), numbers);
  EVENGRAD_ASSIGN_OR_RETURN(Session one, MakeSession(built, true, 1));
  EVENGRAD_ASSIGN_OR_RETURN(Session two, MakeSession(built, true, 2));
  EVENGRAD_ASSIGN_OR_RETURN(const auto first, RunOnce(built, feeds, one));
  EVENGRAD_ASSIGN_OR_RETURN(const auto second, RunOnce(built, feeds, one));
  EVENGRAD_ASSIGN_OR_RETURN(const auto third, RunOnce(built, feeds, two));
  if (first != second) return InvalidArgument("two runs differ");
  if (first != third) return InvalidArgument("one and two threads differ");
  return absl::OkStatus();
}

// The sample that an OpPoint is.
OpSample SampleOf(const OpPoint& point) {
  OpSample sample = {.attributes = point.attributes};
  for (size_t i = 0; i < point.inputs.size(); ++i) {
    const int64_t size = static_cast<int64_t>(point.inputs[i].size());
    sample.inputs.push_back(
        {point.types.empty() ? F64({size}) : point.types[i]});
  }
  return sample;
}

ReferenceTensor Filled(const TensorType& type, std::vector<double> values) {
  ReferenceTensor tensor = ReferenceTensor::Zeros(type);
  tensor.values = std::move(values);
  return tensor;
}

absl::Status ComparePoint(const OpPoint& point, const SampleGraph& built,
                          const Tensors& found) {
  const Tolerance wanted = {.absolute = 1e-8, .relative = 1e-8};
  if (!point.outputs.empty()) {
    EVENGRAD_RETURN_IF_ERROR(Prefixed(
        CheckClose(found[0], Filled(found[0].type(), point.outputs), wanted),
        "output 0: "));
  }
  if (point.gradients.empty()) return absl::OkStatus();
  for (size_t i = 0; i < built.differentiable.size(); ++i) {
    const int input = built.differentiable[i];
    const ReferenceTensor& gradient = found[built.outputs.size() + i];
    EVENGRAD_RETURN_IF_ERROR(Prefixed(
        CheckClose(gradient, Filled(gradient.type(), point.gradients[input]),
                   wanted),
        StrCat("gradient of input ", input, ": ")));
  }
  return absl::OkStatus();
}

absl::Status CheckPoint(const OpCase& row, const OpPoint& point,
                        const OpSample& sample) {
  EVENGRAD_ASSIGN_OR_RETURN(
      const SampleGraph built,
      BuildSampleGraph(*row.op, sample,
                       {.gradients = !point.gradients.empty()}));
  std::vector<ReferenceFeed> feeds;
  for (size_t i = 0; i < point.inputs.size(); ++i) {
    feeds.push_back(
        {built.feeds[i], Filled(sample.inputs[i].type, point.inputs[i])});
  }
  for (size_t i = feeds.size(); i < built.feeds.size(); ++i) {
    ReferenceTensor ones = ReferenceTensor::Zeros(built.feeds[i].type());
    std::fill(ones.values.begin(), ones.values.end(), 1.0);
    feeds.push_back({built.feeds[i], std::move(ones)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Tensors by_reference,
                            RunByReference(built.graph, built.fetches, feeds));
  EVENGRAD_RETURN_IF_ERROR(
      Prefixed(ComparePoint(point, built, by_reference), "reference: "));
  EVENGRAD_ASSIGN_OR_RETURN(Session session, MakeSession(built, true));
  EVENGRAD_ASSIGN_OR_RETURN(const Tensors by_kernel,
                            RunInSession(session, built, feeds));
  return Prefixed(ComparePoint(point, built, by_kernel), "kernel: ");
}

}  // namespace

absl::Status CheckKernels(const OpCase& row) {
  if (row.op->is_source) return absl::OkStatus();
  for (const OpSample& sample : row.samples) {
    for (DType dtype : DTypesOf(row, sample)) {
      const OpSample changed = WithDType(sample, dtype);
      const bool gradients =
          HasGradient(row) && (dtype == DType::kF32 || dtype == DType::kF64);
      NumberSource numbers(kSeed);
      EVENGRAD_RETURN_IF_ERROR(CompareVariants(row, changed, gradients,
                                               {DrawInputs(changed, numbers)}));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPoints(const OpCase& row) {
  for (size_t i = 0; i < row.points.size(); ++i) {
    const OpPoint& point = row.points[i];
    const OpSample sample = SampleOf(point);
    const std::string prefix =
        StrCat("point ", i, ", ", Describe(*row.op, sample), ": ");
    EVENGRAD_RETURN_IF_ERROR(Prefixed(CheckPoint(row, point, sample), prefix));
  }
  return absl::OkStatus();
}

absl::Status CheckEmptyInputs(const OpCase& row) {
  if (row.op->is_source) return absl::OkStatus();
  int tried = 0;
  int accepted = 0;
  for (const OpSample& sample : row.samples) {
    for (const Dimension& size : LargeSizes(sample)) {
      if (sample.large) continue;
      const OpSample empty = WithSize(sample, size, 0);
      ++tried;
      if (!BuildSampleGraph(*row.op, empty).ok()) continue;
      ++accepted;
      NumberSource numbers(kSeed);
      EVENGRAD_RETURN_IF_ERROR(CompareVariants(row, empty, HasGradient(row),
                                               {DrawInputs(empty, numbers)}));
    }
  }
  if (tried == 0 || accepted > 0) return absl::OkStatus();
  return InvalidArgument("no sample may have a dimension of 0");
}

absl::Status CheckNonFiniteInputs(const OpCase& row) {
  if (row.op->is_source) return absl::OkStatus();
  for (const OpSample& sample : row.samples) {
    if (sample.large || sample.finite_only) continue;
    EVENGRAD_RETURN_IF_ERROR(
        CompareVariants(row, sample, false, NonFiniteInputs(*row.op, sample)));
  }
  return absl::OkStatus();
}

absl::Status CheckDeterminism(const OpCase& row) {
  if (row.op->is_source) return absl::OkStatus();
  for (const OpSample& sample : row.samples) {
    EVENGRAD_RETURN_IF_ERROR(Prefixed(CheckDeterminismOf(row, sample),
                                      StrCat(Describe(*row.op, sample), ": ")));
  }
  return absl::OkStatus();
}

}  // namespace evengrad::testing
