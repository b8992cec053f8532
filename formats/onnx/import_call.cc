#include "evengrad/formats/onnx/import_call.h"

#include <algorithm>
#include <cstddef>
#include <map>

namespace evengrad {

bool OnnxCall::has(int i) const {
  return i < num_inputs() && !node_.inputs[static_cast<size_t>(i)].empty();
}

bool OnnxCall::wants(int i) const {
  return i < num_outputs() && !node_.outputs[static_cast<size_t>(i)].empty();
}

std::string OnnxCall::InputName(int i) const {
  return StrCat("input ", i, " ('", node_.inputs[static_cast<size_t>(i)], "')");
}

bool OnnxCall::Read(int i) {
  read_inputs_.insert(i);
  if (has(i)) return true;
  Fail(InvalidArgument("input ", i, " is missing"));
  return false;
}

Value OnnxCall::input(int i) {
  if (!Read(i)) return graph_.Invalid();
  absl::StatusOr<Value> value =
      values_.Find(node_.inputs[static_cast<size_t>(i)]);
  if (value.ok()) return *value;
  Fail(value.status());
  return graph_.Invalid();
}

absl::StatusOr<Value> OnnxCall::Get(int i) {
  const Value value = input(i);
  if (!value.valid()) return status_;
  return value;
}

Value OnnxCall::statistic(int i) {
  if (!Read(i)) return graph_.Invalid();
  absl::StatusOr<Value> value =
      values_.FindStatistic(node_.inputs[static_cast<size_t>(i)]);
  if (value.ok()) return *value;
  Fail(value.status());
  return graph_.Invalid();
}

absl::StatusOr<Tensor> OnnxCall::Known(int i) {
  if (!Read(i)) return status_;
  return values_.Known(node_.inputs[static_cast<size_t>(i)], InputName(i));
}

absl::StatusOr<Shape> OnnxCall::KnownShape(int i) {
  if (!Read(i)) return status_;
  return values_.KnownShape(node_.inputs[static_cast<size_t>(i)], InputName(i));
}

absl::StatusOr<std::vector<int64_t>> OnnxCall::KnownIntegers(int i) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor, Known(i));
  if (!IsInteger(tensor.dtype()) || tensor.rank() > 1) {
    return InvalidArgument(InputName(i), " must be a list of integers, found ",
                           tensor.ToString());
  }
  std::vector<int64_t> integers;
  if (tensor.dtype() == DType::kI64) {  // beyond 2^53 too
    EVENGRAD_ASSIGN_OR_RETURN(const auto values, tensor.values<int64_t>());
    integers.assign(values.begin(), values.end());
  } else {
    for (const double value : tensor.ToDoubles()) {
      integers.push_back(static_cast<int64_t>(value));
    }
  }
  return integers;
}

absl::StatusOr<double> OnnxCall::KnownNumber(int i) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor, Known(i));
  if (tensor.num_elements() != 1) {
    return InvalidArgument(InputName(i), " must be one number, found ",
                           tensor.ToString());
  }
  return LoadAsDouble(tensor.dtype(), tensor.data(), 0);
}

template <typename T>
T OnnxCall::Attribute(std::string_view name, T fallback,
                      std::string_view kind) {
  read_attributes_.emplace(name);
  const auto it = node_.attributes.find(name);
  if (it == node_.attributes.end()) return fallback;
  if (const T* value = std::get_if<T>(&it->second)) return *value;
  if (const auto* unsupported = std::get_if<OnnxUnsupported>(&it->second)) {
    Fail(Unsupported(unsupported->what, " ('", name, "')"));
  } else {
    Fail(InvalidArgument("attribute '", name, "' must be ", kind));
  }
  return fallback;
}

int64_t OnnxCall::Integer(std::string_view name, int64_t fallback) {
  return Attribute<int64_t>(name, fallback, "an integer");
}
double OnnxCall::Number(std::string_view name, double fallback) {
  return Attribute<double>(name, fallback, "a number");
}
std::string OnnxCall::Text(std::string_view name, std::string_view fallback) {
  return Attribute<std::string>(name, std::string(fallback), "a text");
}
std::vector<int64_t> OnnxCall::Integers(std::string_view name) {
  return Attribute<std::vector<int64_t>>(name, {}, "a list of integers");
}
std::vector<double> OnnxCall::Numbers(std::string_view name) {
  return Attribute<std::vector<double>>(name, {}, "a list of numbers");
}
Tensor OnnxCall::TensorOf(std::string_view name) {
  return Attribute<Tensor>(name, {}, "a tensor");
}

absl::StatusOr<std::vector<int64_t>> OnnxCall::IntegersOrInput(
    std::string_view name, int i, int64_t since) {
  if (opset_ < since) return Integers(name);
  if (!has(i)) return std::vector<int64_t>();
  return KnownIntegers(i);
}

absl::Status OnnxCall::Finish() const {
  EVENGRAD_RETURN_IF_ERROR(status_);
  for (const auto& [name, value] : node_.attributes) {
    if (read_attributes_.contains(name)) continue;
    return Unsupported("attribute '", name, "' of ", node_.op, " in opset ",
                       opset_);
  }
  for (int i = 0; i < num_inputs(); ++i) {
    if (!has(i) || read_inputs_.contains(i)) continue;
    return Unsupported(InputName(i), " of ", node_.op, " in opset ", opset_);
  }
  return absl::OkStatus();
}

// ---- All rules --------------------------------------------------------------

namespace {

using Rules = std::map<std::string_view, const OnnxImport*>;

const Rules& AllRules() {
  static const Rules* const rules = [] {
    auto* all = new Rules;
    for (const std::span<const OnnxImport> group :
         {OnnxElementwiseImports(), OnnxArithmeticImports(),
          OnnxActivationImports(), OnnxReductionImports(), OnnxProductImports(),
          OnnxEinsumImports(), OnnxTriangleImports(), OnnxElementImports(),
          OnnxNormalizationImports(), OnnxShapeImports(), OnnxPartImports(),
          OnnxConstantImports(), OnnxLossImports()}) {
      for (const OnnxImport& rule : group) all->emplace(rule.op, &rule);
    }
    return all;
  }();
  return *rules;
}

}  // namespace

const OnnxImport* FindOnnxImport(std::string_view op) {
  const auto it = AllRules().find(op);
  return it == AllRules().end() ? nullptr : it->second;
}

std::vector<std::string_view> OnnxImportNames() {
  std::vector<std::string_view> names;
  for (const auto& [name, rule] : AllRules()) names.push_back(name);
  return names;
}

}  // namespace evengrad
