// Named compile-time settings of a node, such as an axis or a slope.
#ifndef EVENGRAD_GRAPH_ATTRIBUTES_H_
#define EVENGRAD_GRAPH_ATTRIBUTES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

using AttributeValue =
    std::variant<bool, int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, DType, Shape, Tensor>;

// The name of the kind that `value` holds: "bool", "integer", "number",
// "string", "integers", "numbers", "dtype", "shape", "tensor".
EVENGRAD_EXPORT std::string_view KindName(const AttributeValue& value);

// Attributes by name, in alphabetical order.
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

// What an op says about one of its attributes. The kind of `fallback` is the
// kind of the attribute; a required one uses it for its kind alone.
struct AttributeDef {
  std::string_view name = {};
  AttributeValue fallback = {};
  bool required = false;
  std::string_view summary = {};
  // For numbers and integers: the allowed closed range (NaN is never allowed).
  std::optional<double> minimum = {};
  std::optional<double> maximum = {};
  // For strings: the allowed values; empty for any.
  std::vector<std::string_view> choices = {};
};

// `given` checked against `definitions` and completed with their fallbacks. An
// integer given for a number is converted. Errors: an unknown name ("did you
// mean"), a missing required one, another kind, out of range, not a choice.
EVENGRAD_EXPORT absl::StatusOr<Attributes> CompleteAttributes(
    const std::vector<AttributeDef>& definitions, Attributes given);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_ATTRIBUTES_H_
