#include "evengrad/graph/tensor_type.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

const std::string* InternSymbol(std::string_view symbol) {
  static std::mutex* const mutex = new std::mutex;
  static std::set<std::string, std::less<>>* const symbols =
      new std::set<std::string, std::less<>>;
  std::lock_guard<std::mutex> lock(*mutex);
  auto it = symbols->find(symbol);
  if (it == symbols->end()) it = symbols->emplace(symbol).first;
  return &*it;
}

bool IsIdentifier(std::string_view text) {
  auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (text.empty() || !letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9');
  });
}

absl::Status NegativeSize(const Shape& shape) {
  const bool minus_one =
      std::count(shape.begin(), shape.end(), Dimension(-1)) > 0;
  return InvalidArgument(
      "negative size in shape ", shape.ToString(),
      minus_one
          ? "; an unknown size is Dimension::Unknown(), one that is known "
            "when fed has a name, such as \"batch\""
          : "");
}

}  // namespace

Dimension::Dimension(std::string_view symbol) : symbol_(InternSymbol(symbol)) {}

std::string Dimension::ToString() const {
  if (is_symbol()) return symbol();
  if (is_unknown()) return "?";
  return StrCat(size_);
}

Shape::Shape(std::span<const int64_t> sizes) {
  for (int64_t size : sizes) Append(size);
}

bool Shape::is_static() const {
  return std::all_of(begin(), end(),
                     [](const Dimension& d) { return d.is_integer(); });
}

absl::StatusOr<std::vector<int64_t>> Shape::Sizes() const {
  std::vector<int64_t> sizes;
  sizes.reserve(rank());
  for (const Dimension& dimension : dimensions_) {
    if (!dimension.is_integer()) {
      return InvalidArgument("dimension ", dimension.ToString(), " of ",
                             ToString(), " has no size yet");
    }
    sizes.push_back(dimension.size());
  }
  return sizes;
}

absl::StatusOr<int64_t> Shape::NumElements() const {
  int64_t product = 1;
  bool empty = false;
  for (const Dimension& dimension : dimensions_) {
    if (!dimension.is_integer()) {
      return InvalidArgument("dimension ", dimension.ToString(), " of ",
                             ToString(), " has no size yet");
    }
    if (dimension.size() < 0) {
      return NegativeSize(*this);
    }
    if (dimension.size() == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, dimension.size(), &product)) {
      return InvalidArgument("the number of elements of ", ToString(),
                             " overflows 64 bits");
    }
  }
  return empty ? 0 : product;
}

absl::Status Shape::Validate() const {
  if (rank() > kMaxRank) {
    return InvalidArgument("shape ", ToString(), " has ", rank(),
                           " dimensions; at most ", kMaxRank, " are supported");
  }
  int64_t product = 1;
  for (const Dimension& dimension : dimensions_) {
    if (dimension.is_symbol() && !IsIdentifier(dimension.symbol())) {
      return InvalidArgument("dimension name '", dimension.symbol(),
                             "' is not an identifier");
    }
    if (!dimension.is_integer()) continue;
    if (dimension.size() < 0) {
      return NegativeSize(*this);
    }
    if (dimension.size() > 0 &&
        __builtin_mul_overflow(product, dimension.size(), &product)) {
      return InvalidArgument("the number of elements of ", ToString(),
                             " overflows 64 bits");
    }
  }
  return absl::OkStatus();
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int i = 0; i < rank(); ++i) {
    if (i > 0) text += ",";
    text += dimensions_[i].ToString();
  }
  return text + "]";
}

bool MayBeEqual(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i < a.rank(); ++i) {
    if (!MayBeEqual(a[i], b[i])) return false;
  }
  return true;
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  const Dimension one = 1;
  std::vector<Dimension> result(rank);
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank());
    const int ib = i - (rank - b.rank());
    const Dimension da = ia >= 0 ? a[ia] : one;
    const Dimension db = ib >= 0 ? b[ib] : one;
    if (da == one) {
      result[i] = db;
    } else if (db == one) {
      result[i] = da;
    } else if (MayBeEqual(da, db)) {
      result[i] = Refine(da, db);
    } else {
      return InvalidArgument("shapes ", a.ToString(), " and ", b.ToString(),
                             " do not broadcast: ", da.ToString(), " against ",
                             db.ToString(), " in dimension ", i,
                             " of the result");
    }
  }
  return Shape(result);
}

absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return InvalidArgument("axis ", axis, " is out of range for rank ", rank);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::StatusOr<int64_t> TensorType::ByteSize() const {
  EVENGRAD_ASSIGN_OR_RETURN(int64_t elements, shape.NumElements());
  int64_t bytes = 0;
  if (__builtin_mul_overflow(elements, static_cast<int64_t>(SizeOf(dtype)),
                             &bytes)) {
    return InvalidArgument("the size of ", ToString(), " overflows 64 bits");
  }
  return bytes;
}

std::string TensorType::ToString() const {
  return StrCat(Name(dtype), shape.ToString());
}

}  // namespace evengrad
