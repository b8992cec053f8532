#include "evengrad/testing/check_op.h"

#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/testing/check_gradient.h"

namespace evengrad::testing {
namespace {

// `check` on each sample that is small enough for difference quotients.
template <typename Check>
absl::Status ForEachSmallSample(const OpCase& row, Check check) {
  for (const OpSample& sample : row.samples) {
    if (sample.large) continue;
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(check(sample), StrCat(Describe(*row.op, sample), ": ")));
  }
  return absl::OkStatus();
}

constexpr OpCheck kChecks[] = {
    {"definition", CheckDefinition},
    {"type rule", CheckTypeRule},
    {"errors", CheckErrors},
    {"kernels", CheckKernels},
    {"points", CheckPoints},
    {"empty inputs", CheckEmptyInputs},
    {"non-finite inputs", CheckNonFiniteInputs},
    {"determinism", CheckDeterminism},
    {"gradients", CheckGradients},
    {"second gradients", CheckSecondGradients},
};

}  // namespace

absl::Status CheckDefinition(const OpCase& row) {
  const OpDef& op = *row.op;
  EVENGRAD_RETURN_IF_ERROR(CheckOpDef(op));
  if (const OpDef* builtin = BuiltinOps().Find(op.name);
      builtin != nullptr && builtin != &op) {
    return InvalidArgument("a built-in op has this name (", builtin->summary,
                           "); choose another");
  }
  if (op.summary.empty() || op.summary.find('\n') != std::string_view::npos) {
    return InvalidArgument("the summary must be one line");
  }
  if (row.samples.empty()) return InvalidArgument("the row has no samples");
  if (op.is_source) return absl::OkStatus();
  if (!op.reference && !op.decompose) {
    return InvalidArgument("neither a reference nor a decomposition");
  }
  const bool expected = row.gradient != GradientKind::kNone;
  if (static_cast<bool>(op.gradient) != expected) {
    return InvalidArgument(expected ? "no gradient, the row expects one"
                                    : "a gradient, the row expects none");
  }
  return absl::OkStatus();
}

absl::Status CheckGradients(const OpCase& row) {
  if (row.gradient == GradientKind::kNone) return absl::OkStatus();
  return ForEachSmallSample(row, [&](const OpSample& sample) {
    return row.gradient == GradientKind::kStopped
               ? CheckStoppedGradient(*row.op, sample)
               : CheckGradient(*row.op, sample);
  });
}

absl::Status CheckSecondGradients(const OpCase& row) {
  if (row.gradient != GradientKind::kDerivative) return absl::OkStatus();
  return ForEachSmallSample(row, [&](const OpSample& sample) {
    return CheckSecondGradient(*row.op, sample);
  });
}

std::span<const OpCheck> OpChecks() { return kChecks; }

absl::Status CheckOp(const OpCase& row) {
  for (const OpCheck& check : OpChecks()) {
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(check.run(row), StrCat(row.op->name, ": ", check.name, ": ")));
  }
  return absl::OkStatus();
}

}  // namespace evengrad::testing
