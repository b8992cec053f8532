#include "evengrad/testing/op_case.h"

#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad::testing {
namespace {

std::string ToText(const AttributeValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return StrCat(*integer);
  }
  if (const auto* number = std::get_if<double>(&value)) return StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* dtype = std::get_if<DType>(&value))
    return StrCat(Name(*dtype));
  if (const auto* shape = std::get_if<Shape>(&value)) return shape->ToString();
  if (const auto* axes = std::get_if<std::vector<int64_t>>(&value)) {
    return Shape(std::span<const int64_t>(*axes)).ToString();
  }
  return std::string(KindName(value));
}

}  // namespace

Domain Positive() { return {.low = 0.3, .high = 2}; }

Domain Avoiding(std::vector<double> kinks) {
  return {.kinks = std::move(kinks)};
}

Domain Indices(int64_t count) {
  return {.low = 0, .high = static_cast<double>(count - 1)};
}

std::string Describe(const OpDef& op, const OpSample& sample) {
  std::string text(op.name);
  std::string_view separator = " ";
  for (const InputSample& input : sample.inputs) {
    text += StrCat(separator, input.type.ToString());
    separator = ", ";
  }
  separator = " {";
  for (const auto& [name, value] : sample.attributes) {
    text += StrCat(separator, name, "=", ToText(value));
    separator = ", ";
  }
  if (!sample.attributes.empty()) text += "}";
  return text;
}

}  // namespace evengrad::testing
