#include "evengrad/ops/slice_rules.h"

#include <algorithm>
#include <limits>

#include "evengrad/graph/status.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Integers = std::vector<int64_t>;

// Beyond every axis.
constexpr int64_t kBack = std::numeric_limits<int64_t>::max();
constexpr int64_t kFront = std::numeric_limits<int64_t>::min();

const Integers& ListOf(const Attributes& attributes, std::string_view name) {
  static const Integers* const missing = new Integers;
  const auto it = attributes.find(name);
  if (it == attributes.end()) return *missing;
  const auto* list = std::get_if<Integers>(&it->second);
  return list == nullptr ? *missing : *list;
}

// One axis of a slice, with the ends spelled out.
struct AxisCut {
  int64_t axis = 0;
  int64_t start = 0;
  int64_t stop = kBack;
  int64_t step = 1;

  // Every element, in order or reversed: the size stays, whatever it is.
  bool TakesAll() const {
    return (step == 1 && start == 0 && stop == kBack) ||
           (step == -1 && (start == -1 || start == kBack) && stop == kFront);
  }

  AxisPlaces Places(int64_t size) const {
    const int64_t lowest = step > 0 ? 0 : -1;
    const int64_t highest = step > 0 ? size : size - 1;
    auto place = [&](int64_t given) {
      return std::clamp(given < 0 ? given + size : given, lowest, highest);
    };
    // A longer step takes one element too.
    const int64_t longest = std::max<int64_t>(size, 1);
    const int64_t stride = std::clamp(step, -longest, longest);
    const int64_t first = place(start);
    const int64_t distance =
        step > 0 ? place(stop) - first : first - place(stop);
    if (distance <= 0) return {.size = size};
    const int64_t length = step > 0 ? stride : -stride;
    return {.size = size,
            .first = first,
            .step = stride,
            .count = (distance + length - 1) / length};
  }
};

std::vector<AxisCut> CutsOf(const Attributes& attributes) {
  const Integers& axes = ListOf(attributes, "axes");
  std::vector<AxisCut> ranges;
  for (size_t i = 0; i < axes.size(); ++i) {
    ranges.push_back({axes[i], ListOf(attributes, "starts")[i],
                      ListOf(attributes, "stops")[i],
                      ListOf(attributes, "steps")[i]});
  }
  return ranges;
}

std::vector<int64_t> TakenPlaces(const AxisCut& range, int64_t size) {
  const int64_t start = range.start < 0 ? range.start + size : range.start;
  const int64_t stop = range.stop < 0 ? range.stop + size : range.stop;
  std::vector<int64_t> taken;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t place = range.step > 0 ? i : size - 1 - i;
    const bool inside = range.step > 0 ? start <= place && place < stop
                                       : start >= place && place > stop;
    const int64_t first = range.step > 0 ? std::max<int64_t>(start, 0)
                                         : std::min(start, size - 1);
    if (inside && (place - first) % range.step == 0) taken.push_back(place);
  }
  return taken;
}

}  // namespace

std::vector<AttributeDef> SliceAttributes() {
  return {{.name = "axes",
           .fallback = Integers(),
           .required = true,
           .summary = "the axes that are cut, may count from the back"},
          {.name = "starts",
           .fallback = Integers(),
           .required = true,
           .summary = "one an axis; negative ones count from the back"},
          {.name = "stops",
           .fallback = Integers(),
           .required = true,
           .summary = "one an axis, not included; likewise"},
          {.name = "steps",
           .fallback = Integers(),
           .required = true,
           .summary = "one an axis; negative ones walk backwards"}};
}

Attributes ToAttributes(const std::vector<SliceRange>& ranges) {
  Integers axes;
  Integers starts;
  Integers stops;
  Integers steps;
  for (const SliceRange& range : ranges) {
    const bool forward = range.step >= 0;
    axes.push_back(range.axis);
    starts.push_back(range.start.value_or(forward ? 0 : kBack));
    stops.push_back(range.stop.value_or(forward ? kBack : kFront));
    steps.push_back(range.step);
  }
  return {{"axes", std::move(axes)},
          {"starts", std::move(starts)},
          {"stops", std::move(stops)},
          {"steps", std::move(steps)}};
}

std::vector<SliceRange> ToRanges(const Attributes& attributes) {
  std::vector<SliceRange> ranges;
  for (const AxisCut& range : CutsOf(attributes)) {
    ranges.push_back(
        {static_cast<int>(range.axis), range.start, range.stop, range.step});
  }
  return ranges;
}

absl::StatusOr<Shape> InferSlice(const Shape& input,
                                 const Attributes& attributes) {
  const Integers& axes = ListOf(attributes, "axes");
  for (std::string_view name : {"starts", "stops", "steps"}) {
    const size_t count = ListOf(attributes, name).size();
    if (count == axes.size()) continue;
    return InvalidArgument(axes.size(), " axes, but ", count, " ", name);
  }
  EVENGRAD_RETURN_IF_ERROR(DistinctAxes(axes, input.rank()).status());
  Shape output = input;
  for (const AxisCut& range : CutsOf(attributes)) {
    EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                              NormalizeAxis(range.axis, input.rank()));
    if (range.step == 0) {
      return InvalidArgument("the step along axis ", axis, " is 0");
    }
    if (range.TakesAll()) continue;
    output[axis] = input[axis].is_integer()
                       ? Dimension(range.Places(input[axis].size()).count)
                       : Dimension::Unknown();
  }
  return output;
}

std::vector<AxisPlaces> SlicePlaces(std::span<const int64_t> sizes,
                                    const Attributes& attributes) {
  std::vector<AxisPlaces> places;
  for (int64_t size : sizes) places.push_back({.size = size, .count = size});
  const int rank = static_cast<int>(sizes.size());
  for (const AxisCut& range : CutsOf(attributes)) {
    const absl::StatusOr<int> axis = NormalizeAxis(range.axis, rank);
    if (axis.ok()) places[*axis] = range.Places(sizes[*axis]);
  }
  return places;
}

std::vector<std::vector<int64_t>> ReferenceSlicePlaces(
    std::span<const int64_t> sizes, const Attributes& attributes) {
  const int64_t rank = static_cast<int64_t>(sizes.size());
  std::vector<std::vector<int64_t>> places;
  for (int64_t axis = 0; axis < rank; ++axis) {
    AxisCut range;
    for (const AxisCut& given : CutsOf(attributes)) {
      if (given.axis == axis || given.axis == axis - rank) range = given;
    }
    places.push_back(TakenPlaces(range, sizes[axis]));
  }
  return places;
}

std::vector<Value> SimplifyWholeSlice(const Node& node) {
  const Value input = node.input(0);
  if (!CertainlySameShape(input.shape(), node.output_type().shape)) return {};
  for (int64_t step : node.attribute<std::vector<int64_t>>("steps")) {
    if (step < 0) return {};
  }
  return {input};
}

}  // namespace evengrad
