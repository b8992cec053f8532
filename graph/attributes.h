// Named compile-time settings of a node, such as an axis or a slope.
#ifndef EVENGRAD_GRAPH_ATTRIBUTES_H_
#define EVENGRAD_GRAPH_ATTRIBUTES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <variant>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// A C++ object that a node carries, such as the function that a host_call
// calls. Copies share the object; two are equal when it is the same one. Lives
// in this process only: it cannot be written to a file.
class HostObject {
 public:
  HostObject() = default;  // none
  template <typename T>
  explicit HostObject(std::shared_ptr<const T> object)
      : object_(std::move(object)), type_(&typeid(T)) {}

  bool valid() const { return object_ != nullptr; }
  // The object; null where there is none, or one of another type.
  template <typename T>
  const T* Get() const {
    if (object_ == nullptr || *type_ != typeid(T)) return nullptr;
    return static_cast<const T*>(object_.get());
  }
  std::string ToString() const { return valid() ? "(object)" : "(none)"; }

  friend bool operator==(const HostObject& a, const HostObject& b) {
    return a.object_ == b.object_;
  }

 private:
  std::shared_ptr<const void> object_;
  const std::type_info* type_ = nullptr;
};

using AttributeValue =
    std::variant<bool, int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, DType, Shape, Tensor, HostObject>;

// The name of the kind that `value` holds: "bool", "integer", "number",
// "string", "list of integers", "list of numbers", "dtype", "shape", "tensor",
// "object".
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
