#include "evengrad/ops/shape_rules.h"

#include <algorithm>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Both sides of a reshape after everything that stands on both is struck out.
struct Balance {
  int64_t input = 1;  // product of the integer dimensions that are left
  int64_t target = 1;
  std::vector<Dimension> input_symbols = {};
  std::vector<Dimension> target_symbols = {};
  bool input_unknown = false;
  int target_unknowns = 0;
};

Balance StrikeOut(const Shape& input, const Shape& target) {
  Balance balance;
  std::vector<Dimension> left(target.begin(), target.end());
  for (const Dimension& dimension : input) {
    auto it = dimension.is_unknown()
                  ? left.end()
                  : std::find(left.begin(), left.end(), dimension);
    if (it != left.end()) {
      left.erase(it);
    } else if (dimension.is_unknown()) {
      balance.input_unknown = true;
    } else if (dimension.is_symbol()) {
      balance.input_symbols.push_back(dimension);
    } else {
      balance.input *= dimension.size();
    }
  }
  for (const Dimension& dimension : left) {
    if (dimension.is_unknown()) {
      ++balance.target_unknowns;
    } else if (dimension.is_symbol()) {
      balance.target_symbols.push_back(dimension);
    } else {
      balance.target *= dimension.size();
    }
  }
  return balance;
}

// The unknown dimension of the target, as far as the balance tells.
absl::StatusOr<Dimension> Solve(const Balance& balance) {
  if (balance.input_unknown || !balance.target_symbols.empty()) {
    return Dimension::Unknown();
  }
  if (balance.input_symbols.empty()) {
    if (balance.target == 0) {
      return InvalidArgument(
          "cannot tell the unknown dimension, because the "
          "others have no elements; give its size");
    }
    if (balance.input % balance.target != 0) {
      return InvalidArgument(
          "no size of the unknown dimension makes the "
          "element counts equal");
    }
    return Dimension(balance.input / balance.target);
  }
  const bool alone =
      balance.input_symbols.size() == 1 && balance.input == balance.target;
  return alone ? balance.input_symbols[0] : Dimension::Unknown();
}

// No unknown dimension on either side: can the two counts be the same?
bool CountsMayAgree(const Balance& balance) {
  const bool open_input = !balance.input_symbols.empty();
  const bool open_target = !balance.target_symbols.empty();
  if (open_input && open_target) return true;
  if (!open_input && !open_target) return balance.input == balance.target;
  const int64_t factor = open_input ? balance.input : balance.target;
  const int64_t product = open_input ? balance.target : balance.input;
  return factor == 0 ? product == 0 : product % factor == 0;
}

bool HasZero(const Shape& shape) {
  return std::find(shape.begin(), shape.end(), Dimension(0)) != shape.end();
}

}  // namespace

bool HasUnknown(const Shape& shape) {
  return std::any_of(shape.begin(), shape.end(),
                     [](const Dimension& d) { return d.is_unknown(); });
}

bool CertainlySameShape(const Shape& a, const Shape& b) {
  return a == b && !HasUnknown(a);
}

absl::StatusOr<Shape> InferReshape(const Shape& input, const Shape& target) {
  const Balance balance = StrikeOut(input, target);
  if (balance.target_unknowns > 1) {
    return InvalidArgument("at most one dimension may be unknown, ",
                           target.ToString(), " has ", balance.target_unknowns);
  }
  Shape result = target;
  if (balance.target_unknowns == 1) {
    EVENGRAD_ASSIGN_OR_RETURN(const Dimension solved, Solve(balance));
    for (int i = 0; i < result.rank(); ++i) {
      if (result[i].is_unknown()) result[i] = solved;
    }
  } else if (!(HasZero(input) && HasZero(target)) && !balance.input_unknown &&
             !CountsMayAgree(balance)) {
    const absl::StatusOr<int64_t> from = input.NumElements();
    const absl::StatusOr<int64_t> to = target.NumElements();
    if (!from.ok() || !to.ok()) {
      return InvalidArgument("the element counts differ: ", input.ToString(),
                             " against ", target.ToString());
    }
    return InvalidArgument("the element counts differ: ", input.ToString(),
                           " has ", *from, " elements, ", target.ToString(),
                           " has ", *to);
  }
  return result;
}

absl::Status CheckBroadcastsTo(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) {
    return InvalidArgument("rank ", from.rank(), " against rank ", to.rank());
  }
  const int offset = to.rank() - from.rank();
  for (int i = 0; i < from.rank(); ++i) {
    const Dimension& size = to[offset + i];
    if (from[i] == Dimension(1) || MayBeEqual(from[i], size)) continue;
    return InvalidArgument(from[i].ToString(), " against ", size.ToString(),
                           " in dimension ", offset + i);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int>> DistinctAxes(std::span<const int64_t> axes,
                                              int rank) {
  std::vector<int> sorted;
  for (int64_t axis : axes) {
    EVENGRAD_ASSIGN_OR_RETURN(const int normal, NormalizeAxis(axis, rank));
    sorted.push_back(normal);
  }
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return InvalidArgument("axis ", *twice, " is named twice");
  }
  return sorted;
}

Shape InsertOnes(const Shape& shape, std::span<const int> axes) {
  Shape result;
  int next = 0;
  const int rank = shape.rank() + static_cast<int>(axes.size());
  for (int i = 0; i < rank; ++i) {
    const bool inserted = std::find(axes.begin(), axes.end(), i) != axes.end();
    result.Append(inserted ? Dimension(1) : shape[next++]);
  }
  return result;
}

absl::StatusOr<Shape> AlignOver(const Shape& shape,
                                std::span<const int64_t> axes, int rank) {
  if (axes.empty()) return shape;
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int> sorted,
                            DistinctAxes(axes, rank));
  if (shape.rank() + static_cast<int>(sorted.size()) != rank) {
    return InvalidArgument("rank ", shape.rank(), " and ", sorted.size(),
                           " added axes do not make rank ", rank);
  }
  return InsertOnes(shape, sorted);
}

}  // namespace evengrad
