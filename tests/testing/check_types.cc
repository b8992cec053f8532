// The checks that need no values: CheckTypeRule and CheckErrors.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/testing/check_op.h"
#include "evengrad/testing/sample_graph.h"

namespace evengrad::testing {
namespace {

constexpr std::array kAllDTypes = {DType::kF32, DType::kF64, DType::kBF16,
                                   DType::kI32, DType::kI64, DType::kU8,
                                   DType::kBool};

using Types = std::vector<TensorType>;

absl::StatusOr<Types> Infer(const OpDef& op, const OpSample& sample) {
  EVENGRAD_ASSIGN_OR_RETURN(
      const Attributes attributes,
      CompleteAttributes(op.attributes, sample.attributes));
  Types inputs;
  for (const InputSample& input : sample.inputs) inputs.push_back(input.type);
  return op.infer_type(InferContext(op, inputs, attributes));
}

std::string ToText(const Types& types) {
  std::string text;
  for (const TensorType& type : types) {
    text += StrCat(text.empty() ? "" : ", ", type.ToString());
  }
  return text;
}

// "n3" is 3; all else is itself.
Dimension SizeOfSymbol(const Dimension& dimension) {
  int64_t size = 0;
  if (!dimension.is_symbol()) return dimension;
  if (!absl::SimpleAtoi(dimension.symbol().substr(1), &size)) return dimension;
  return Dimension(size);
}

// `open` is `concrete`, but for dimensions that are not known yet.
bool Agree(const Types& open, const Types& concrete) {
  if (open.size() != concrete.size()) return false;
  for (size_t k = 0; k < open.size(); ++k) {
    if (open[k].dtype != concrete[k].dtype ||
        open[k].rank() != concrete[k].rank()) {
      return false;
    }
    for (int i = 0; i < open[k].rank(); ++i) {
      if (!MayBeEqual(SizeOfSymbol(open[k].shape[i]), concrete[k].shape[i])) {
        return false;
      }
    }
  }
  return true;
}

absl::Status CheckOpenSizes(const OpDef& op, const OpSample& open,
                            const Types& concrete) {
  const absl::StatusOr<Types> found = Infer(op, open);
  const std::string prefix = StrCat(Describe(op, open), ": ");
  if (!found.ok()) return Prefixed(found.status(), prefix);
  if (Agree(*found, concrete)) return absl::OkStatus();
  return InvalidArgument(prefix, "the inferred type is ", ToText(*found),
                         ", with sizes ", ToText(concrete));
}

// One dimension after the other becomes unknown.
absl::Status CheckUnknownSizes(const OpDef& op, const OpSample& sample,
                               const Types& concrete) {
  for (size_t k = 0; k < sample.inputs.size(); ++k) {
    for (int i = 0; i < sample.inputs[k].type.rank(); ++i) {
      OpSample open = sample;
      open.inputs[k].type.shape[i] = Dimension::Unknown();
      EVENGRAD_RETURN_IF_ERROR(CheckOpenSizes(op, open, concrete));
    }
  }
  return CheckOpenSizes(op, WithUnknowns(sample), concrete);
}

absl::Status CheckDTypes(const OpCase& row, const OpSample& sample) {
  for (DType dtype : kAllDTypes) {
    const OpSample changed = WithDType(sample, dtype);
    const absl::StatusOr<Types> types = Infer(*row.op, changed);
    const bool expected =
        std::count(row.dtypes.begin(), row.dtypes.end(), dtype) > 0;
    const std::string prefix = StrCat(Describe(*row.op, changed), ": ");
    if (expected && !types.ok()) return Prefixed(types.status(), prefix);
    if (!expected && types.ok()) {
      return InvalidArgument(prefix, "accepted, though the row does not list ",
                             Name(dtype));
    }
  }
  return absl::OkStatus();
}

bool HasF32Input(const OpSample& sample) {
  return std::any_of(
      sample.inputs.begin(), sample.inputs.end(),
      [](const InputSample& i) { return i.type.dtype == DType::kF32; });
}

}  // namespace

absl::Status CheckTypeRule(const OpCase& row) {
  const OpDef& op = *row.op;
  for (const OpSample& sample : row.samples) {
    const absl::StatusOr<Types> concrete = Infer(op, sample);
    if (!concrete.ok()) {
      return Prefixed(concrete.status(), StrCat(Describe(op, sample), ": "));
    }
    const size_t named = op.outputs.size();
    const bool complete = op.variadic_outputs() ? concrete->size() + 1 >= named
                                                : concrete->size() == named;
    if (!complete) {
      return InvalidArgument(concrete->size(), " types inferred for ", named,
                             " outputs");
    }
    if (HasF32Input(sample)) {
      EVENGRAD_RETURN_IF_ERROR(CheckDTypes(row, sample));
    }
    if (row.needs_sizes) continue;
    EVENGRAD_RETURN_IF_ERROR(
        CheckOpenSizes(op, WithSymbols(sample), *concrete));
    EVENGRAD_RETURN_IF_ERROR(CheckUnknownSizes(op, sample, *concrete));
  }
  return absl::OkStatus();
}

absl::Status CheckErrors(const OpCase& row) {
  for (const OpError& error : row.errors) {
    Graph graph;
    std::vector<Value> inputs;
    for (const TensorType& type : error.inputs) {
      inputs.push_back(Placeholder(graph, "input", type));
    }
    const SourceLocation here = Here();
    const Node node =
        graph.Add(*row.op, inputs, error.attributes, {.location = here});
    if (graph.status().ok()) {
      return InvalidArgument("no error for ", ToText(error.inputs),
                             ", expected \"", error.message, "\"");
    }
    const std::string_view message = Message(graph.status());
    const std::string prefix =
        StrCat(here.ToString(), ": ", row.op->name, ": ");
    if (node.valid() || message.substr(0, prefix.size()) != prefix ||
        message.find(error.message) == std::string_view::npos) {
      return InvalidArgument("the error for ", ToText(error.inputs), " is \"",
                             message, "\", expected \"", prefix, "… ",
                             error.message, "\"");
    }
  }
  return absl::OkStatus();
}

}  // namespace evengrad::testing
