#include "evengrad/graph/attributes.h"

#include <algorithm>
#include <array>

#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"

namespace evengrad {
namespace {

absl::Status CheckRange(const AttributeDef& definition, double value) {
  const bool low =
      definition.minimum.has_value() && !(value >= *definition.minimum);
  const bool high =
      definition.maximum.has_value() && !(value <= *definition.maximum);
  if (value == value && !low && !high) return absl::OkStatus();
  std::string expected = "a number";
  if (definition.minimum.has_value()) {
    expected += StrCat(" of at least ", *definition.minimum);
  }
  if (definition.maximum.has_value()) {
    expected += StrCat(definition.minimum.has_value() ? " and" : " of",
                       " at most ", *definition.maximum);
  }
  return InvalidArgument("attribute ", definition.name, " = ", value,
                         " is out of range: expected ", expected);
}

// "an integer", "a bool".
std::string WithArticle(std::string_view kind) {
  return StrCat(kind.starts_with('i') ? "an " : "a ", kind);
}

absl::Status CheckValue(const AttributeDef& definition,
                        const AttributeValue& value) {
  if (value.index() != definition.fallback.index()) {
    return InvalidArgument("attribute ", definition.name, " is ",
                           WithArticle(KindName(value)), ", expected ",
                           WithArticle(KindName(definition.fallback)));
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return CheckRange(definition, *number);
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return CheckRange(definition, static_cast<double>(*integer));
  }
  if (const auto* text = std::get_if<std::string>(&value);
      text != nullptr && !definition.choices.empty() &&
      std::count(definition.choices.begin(), definition.choices.end(), *text) ==
          0) {
    std::string known;
    for (std::string_view choice : definition.choices) {
      known += StrCat(known.empty() ? "" : ", ", choice);
    }
    return InvalidArgument("attribute ", definition.name, " = '", *text,
                           "' is not one of ", known,
                           DidYouMean(*text, definition.choices));
  }
  if (const auto* shape = std::get_if<Shape>(&value)) return shape->Validate();
  return absl::OkStatus();
}

}  // namespace

std::string_view KindName(const AttributeValue& value) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "bool",
      "integer",
      "number",
      "string",
      "list of integers",
      "list of numbers",
      "dtype",
      "shape",
      "tensor",
      "object"};
  return kNames[value.index()];
}

absl::StatusOr<Attributes> CompleteAttributes(
    const std::vector<AttributeDef>& definitions, Attributes given) {
  size_t found = 0;
  Attributes complete;
  for (const AttributeDef& definition : definitions) {
    auto it = given.find(definition.name);
    if (it == given.end()) {
      if (definition.required) {
        return InvalidArgument("attribute ", definition.name, " is missing");
      }
      complete.emplace(definition.name, definition.fallback);
      continue;
    }
    ++found;
    AttributeValue value = std::move(it->second);
    if (const auto* integer = std::get_if<int64_t>(&value);
        integer != nullptr &&
        std::holds_alternative<double>(definition.fallback)) {
      value = static_cast<double>(*integer);
    }
    EVENGRAD_RETURN_IF_ERROR(CheckValue(definition, value));
    complete.emplace(definition.name, std::move(value));
  }
  if (found == given.size()) return complete;
  for (const auto& [name, value] : given) {
    if (complete.count(name) > 0) continue;
    std::vector<std::string_view> known;
    for (const AttributeDef& definition : definitions) {
      known.push_back(definition.name);
    }
    return InvalidArgument("unknown attribute '", name, "'",
                           DidYouMean(name, known));
  }
  return complete;
}

}  // namespace evengrad
