#include "evengrad/formats/graph_text_values.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "evengrad/graph/suggest.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {
namespace {

template <typename T>
using BitsOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// ---- Numbers --------------------------------------------------------------

// The shortest digits that read back as the same number. A NaN other than the
// usual one shows its bits.
template <typename T>
void AppendNumber(T value, std::string& out) {
  char digits[32];
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) {
      const auto bits = std::bit_cast<BitsOf<T>>(value);
      out += "nan";
      if (bits ==
          std::bit_cast<BitsOf<T>>(std::numeric_limits<T>::quiet_NaN())) {
        return;
      }
      const auto end =
          std::to_chars(digits, digits + sizeof(digits), bits, 16).ptr;
      out.append("(0x").append(digits, end).append(")");
      return;
    }
  }
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

template <typename T>
absl::StatusOr<T> ReadNaN(TextScanner& scanner) {
  if (!scanner.Take('(')) return std::numeric_limits<T>::quiet_NaN();
  const size_t start = scanner.Position();
  std::string_view digits = scanner.ReadNumber();
  BitsOf<T> bits = 0;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, bits, 16);
  if (digits.empty() || error != std::errc() || stop != end ||
      !std::isnan(std::bit_cast<T>(bits))) {
    return scanner.ErrorAt(start, "expected the ", 8 * sizeof(T),
                           " bits of a NaN, such as 0x7fc00001");
  }
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect(')', "after the bits of a NaN"));
  return std::bit_cast<T>(bits);
}

// A number of type T. `what` names it in messages.
template <typename T>
absl::StatusOr<T> ReadNumber(TextScanner& scanner, std::string_view what) {
  const size_t start = scanner.Position();
  const std::string_view digits = scanner.ReadNumber();
  constexpr bool kFloating = std::is_floating_point_v<T>;
  if constexpr (kFloating) {
    if (digits == "nan") return ReadNaN<T>(scanner);
    if (digits == "inf") return std::numeric_limits<T>::infinity();
    if (digits == "-inf") return -std::numeric_limits<T>::infinity();
  }
  T value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    return scanner.ErrorAt(start, what, " '", digits.substr(0, 40),
                           "' is out of range");
  }
  // from_chars also takes "infinity" and "NaN(…)", which the grammar has not.
  const bool spelled = !digits.empty() && digits.find_first_of("0123456789") ==
                                              std::string_view::npos;
  if (digits.empty() || error != std::errc() || stop != end || spelled) {
    return scanner.ErrorAt(
        start, "expected ", what,
        digits.empty() ? "" : StrCat(", found '", digits.substr(0, 40), "'"));
  }
  return value;
}

// ---- Tensors --------------------------------------------------------------

template <typename T>
void AppendElements(const Tensor& tensor, std::string& out) {
  const T* const elements = static_cast<const T*>(tensor.data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    if (i > 0) out += ", ";
    if constexpr (std::is_same_v<T, BFloat16>) {
      AppendNumber(ToFloat(elements[i]), out);
    } else if constexpr (std::is_same_v<T, bool>) {
      // Bytes other than 0 and 1 are true as well.
      out +=
          static_cast<const uint8_t*>(tensor.data())[i] != 0 ? "true" : "false";
    } else {
      AppendNumber(elements[i], out);
    }
  }
}

// Calls `function` with a value of the C++ type of `dtype`.
template <typename Function>
auto WithElementType(DType dtype, Function function) {
  switch (dtype) {
    case DType::kF32:
      return function(float{});
    case DType::kF64:
      return function(double{});
    case DType::kBF16:
      return function(BFloat16{});
    case DType::kI32:
      return function(int32_t{});
    case DType::kI64:
      return function(int64_t{});
    case DType::kBool:
      return function(bool{});
    case DType::kU8:
    case DType::kOpaque:
      break;
  }
  return function(uint8_t{});
}

void AppendTensor(const Tensor& tensor, const TensorType& output,
                  std::string& out) {
  if (!tensor.valid()) {
    out += "empty";
    return;
  }
  const TensorType type = tensor.type();
  if (!(type == output)) out += type.ToString();
  out += '{';
  WithElementType(tensor.dtype(), [&](auto element) {
    AppendElements<decltype(element)>(tensor, out);
    return 0;
  });
  out += '}';
}

absl::StatusOr<bool> ReadBool(TextScanner& scanner, std::string_view what) {
  if (scanner.TakeWord("true")) return true;
  if (scanner.TakeWord("false")) return false;
  return scanner.Expected(StrCat(what, " (true or false)"));
}

template <typename T>
absl::StatusOr<T> ReadElement(TextScanner& scanner) {
  if constexpr (std::is_same_v<T, bool>) {
    return ReadBool(scanner, "an element");
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const float value, ReadNumber<float>(scanner, "an element (number)"));
    // Conversion would quiet a NaN; its upper half is kept as it is.
    if (std::isnan(value)) {
      return BFloat16{
          static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16)};
    }
    return ToBFloat16(value);
  } else {
    return ReadNumber<T>(scanner, std::is_floating_point_v<T>
                                      ? "an element (number)"
                                      : "an element (integer)");
  }
}

// The elements between braces: as many as the text has, so that memory is
// bounded by it.
template <typename T>
absl::StatusOr<std::vector<T>> ReadElements(TextScanner& scanner) {
  std::vector<T> elements;
  if (scanner.Take('}')) return elements;
  do {
    EVENGRAD_ASSIGN_OR_RETURN(const T element, ReadElement<T>(scanner));
    elements.push_back(element);
  } while (scanner.Take(','));
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect('}', "or ',' after an element"));
  return elements;
}

template <typename T>
absl::StatusOr<Tensor> ReadTensorOf(TextScanner& scanner,
                                    const TensorType& type, size_t start) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<T> elements,
                            ReadElements<T>(scanner));
  const absl::StatusOr<int64_t> expected = type.shape.NumElements();
  if (!expected.ok()) {
    return scanner.ErrorAt(start, "a tensor's sizes must be numbers: ",
                           Message(expected.status()));
  }
  if (*expected != static_cast<int64_t>(elements.size())) {
    return scanner.ErrorAt(start, "a tensor of type ", type.ToString(), " has ",
                           *expected, " element(s), found ", elements.size());
  }
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(type);
  if (!tensor.ok()) return scanner.ErrorAt(start, Message(tensor.status()));
  T* const target = static_cast<T*>(tensor->mutable_data());
  for (size_t i = 0; i < elements.size(); ++i) target[i] = elements[i];
  return tensor;
}

absl::StatusOr<Tensor> ReadTensor(TextScanner& scanner,
                                  const TensorType& output) {
  const size_t start = scanner.Position();
  if (scanner.TakeWord("empty")) return Tensor();
  TensorType type = output;
  if (scanner.Peek() != '{') {
    if (scanner.PeekWord().empty()) {
      return scanner.Expected("a tensor, such as f32[2]{0.5, 1}");
    }
    EVENGRAD_ASSIGN_OR_RETURN(type, ReadType(scanner));
  }
  EVENGRAD_RETURN_IF_ERROR(
      scanner.Expect('{', "before the elements of a tensor"));
  return WithElementType(type.dtype, [&](auto element) {
    return ReadTensorOf<decltype(element)>(scanner, type, start);
  });
}

// ---- Other attributes -----------------------------------------------------

template <typename T>
void AppendList(const std::vector<T>& list, std::string& out) {
  out += '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    AppendNumber(list[i], out);
  }
  out += ']';
}

template <typename T>
absl::StatusOr<std::vector<T>> ReadList(TextScanner& scanner,
                                        std::string_view what) {
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect('[', "before a list"));
  std::vector<T> list;
  if (scanner.Take(']')) return list;
  do {
    EVENGRAD_ASSIGN_OR_RETURN(const T element, ReadNumber<T>(scanner, what));
    list.push_back(element);
  } while (scanner.Take(','));
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect(']', "or ',' in a list"));
  return list;
}

absl::StatusOr<DType> ReadDType(TextScanner& scanner) {
  const size_t start = scanner.Position();
  const std::string_view word = scanner.PeekWord();
  if (const std::optional<DType> dtype = ParseDType(word)) {
    scanner.TakeWord(word);
    return *dtype;
  }
  if (word.empty()) return scanner.Expected("an element type such as f32");
  return scanner.ErrorAt(
      start, "expected an element type, found '", word.substr(0, 40), "'",
      DidYouMean(word,
                 {"f32", "f64", "bf16", "i32", "i64", "u8", "bool", "opaque"}));
}

absl::StatusOr<Dimension> ReadDimension(TextScanner& scanner) {
  if (scanner.Take('?')) return Dimension::Unknown();
  const std::string_view word = scanner.PeekWord();
  if (word.empty()) {
    return scanner.Expected("a size: an integer, a name or ?");
  }
  if (word[0] == '-' || (word[0] >= '0' && word[0] <= '9')) {
    const size_t start = scanner.Position();
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t size,
                              scanner.ReadInteger("a size"));
    if (size < 0) return scanner.ErrorAt(start, "a size cannot be negative");
    return Dimension(size);
  }
  // Names live as long as the process: nothing else than a name gets there.
  if (word.find_first_of("./-") != std::string_view::npos) {
    return scanner.Expected("a dimension's name (letters, digits and _)");
  }
  scanner.TakeWord(word);
  return Dimension(word);
}

absl::StatusOr<Shape> ReadShape(TextScanner& scanner) {
  const size_t start = scanner.Position();
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect('[', "before the sizes of a shape"));
  Shape shape;
  if (scanner.Take(']')) return shape;
  do {
    if (shape.rank() == Shape::kMaxRank) {
      return scanner.ErrorAt(start, "a shape has at most ", Shape::kMaxRank,
                             " dimensions");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Dimension size, ReadDimension(scanner));
    shape.Append(size);
  } while (scanner.Take(','));
  EVENGRAD_RETURN_IF_ERROR(scanner.Expect(']', "or ',' after a size"));
  if (const absl::Status valid = shape.Validate(); !valid.ok()) {
    return scanner.ErrorAt(start, Message(valid));
  }
  return shape;
}

template <typename T>
bool SameBitsOf(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return a.size() == b.size() &&
           (a.empty() ||
            std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
  } else {
    return a == b;
  }
}

}  // namespace

void AppendAttribute(const AttributeValue& value, const TensorType& output,
                     std::string& out) {
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) {
          out += held ? "true" : "false";
        } else if constexpr (std::is_arithmetic_v<T>) {
          AppendNumber(held, out);
        } else if constexpr (std::is_same_v<T, std::string>) {
          out += QuotedText(held);
        } else if constexpr (std::is_same_v<T, DType>) {
          out += Name(held);
        } else if constexpr (std::is_same_v<T, Shape>) {
          out += held.ToString();
        } else if constexpr (std::is_same_v<T, Tensor>) {
          AppendTensor(held, output, out);
        } else if constexpr (std::is_same_v<T, HostObject>) {
          out += "host";
        } else {
          AppendList(held, out);
        }
      },
      value);
}

bool SameBits(const AttributeValue& a, const AttributeValue& b) {
  return std::visit(
      [&](const auto& held) {
        const auto* other = std::get_if<std::decay_t<decltype(held)>>(&b);
        return other != nullptr && SameBitsOf(held, *other);
      },
      a);
}

bool IsImplied(const AttributeDef& definition, const AttributeValue& value,
               const TensorType& output) {
  if (!definition.required) return SameBits(value, definition.fallback);
  if (const auto* dtype = std::get_if<DType>(&value)) {
    return *dtype == output.dtype;
  }
  if (const auto* shape = std::get_if<Shape>(&value)) {
    return *shape == output.shape;
  }
  return false;
}

void AddImplied(const OpDef& op, const TensorType& output,
                Attributes& attributes) {
  for (const AttributeDef& definition : op.attributes) {
    if (!definition.required) continue;
    if (std::holds_alternative<DType>(definition.fallback)) {
      attributes.emplace(definition.name, output.dtype);
    } else if (std::holds_alternative<Shape>(definition.fallback)) {
      attributes.emplace(definition.name, output.shape);
    }
  }
}

absl::StatusOr<TensorType> ReadType(TextScanner& scanner) {
  EVENGRAD_ASSIGN_OR_RETURN(const DType dtype, ReadDType(scanner));
  EVENGRAD_ASSIGN_OR_RETURN(Shape shape, ReadShape(scanner));
  return TensorType{dtype, std::move(shape)};
}

absl::StatusOr<AttributeValue> ReadAttribute(TextScanner& scanner,
                                             const AttributeDef& definition,
                                             const TensorType& output) {
  const std::string what =
      StrCat("a ", KindName(definition.fallback), " for ", definition.name);
  return std::visit(
      [&](const auto& held) -> absl::StatusOr<AttributeValue> {
        using T = std::decay_t<decltype(held)>;
        absl::StatusOr<T> value = [&]() -> absl::StatusOr<T> {
          if constexpr (std::is_same_v<T, bool>) {
            return ReadBool(scanner, what);
          } else if constexpr (std::is_arithmetic_v<T>) {
            return ReadNumber<T>(scanner, what);
          } else if constexpr (std::is_same_v<T, std::string>) {
            return scanner.ReadString(what);
          } else if constexpr (std::is_same_v<T, DType>) {
            return ReadDType(scanner);
          } else if constexpr (std::is_same_v<T, Shape>) {
            return ReadShape(scanner);
          } else if constexpr (std::is_same_v<T, Tensor>) {
            return ReadTensor(scanner, output);
          } else if constexpr (std::is_same_v<T, HostObject>) {
            return scanner.ErrorAt(
                scanner.Position(), what,
                " is a function of the program that printed this text, which "
                "text cannot hold");
          } else {
            return ReadList<typename T::value_type>(scanner, what);
          }
        }();
        if (!value.ok()) return value.status();
        return AttributeValue(*std::move(value));
      },
      definition.fallback);
}

}  // namespace evengrad
