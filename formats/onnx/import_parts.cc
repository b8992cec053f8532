// ONNX ops that put tensors together and take parts of them.
#include <algorithm>
#include <limits>
#include <optional>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

OnnxResult ConcatRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value first, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis, AxisOf(call, "axis", call.opset() < 4 ? 1 : 0, first));
  std::vector<Value> inputs;
  for (int i = 0; i < call.num_inputs(); ++i) inputs.push_back(call.input(i));
  return One(Concat(inputs, axis));
}

OnnxResult SplitRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", 0, x));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> sizes,
                            call.IntegersOrInput("split", 1, 13));
  const int64_t parts = call.num_outputs();
  if (parts == 0) return InvalidArgument("it has no outputs");
  if (call.opset() >= 18 && call.has_attribute("num_outputs")) {
    const Dimension size = x.shape()[axis];
    if (call.Integer("num_outputs", parts) != parts) {
      return InvalidArgument("num_outputs is not the number of outputs");
    }
    if (size.is_integer() && size.size() % parts != 0) {  // the last is smaller
      const int64_t each = (size.size() + parts - 1) / parts;
      sizes.assign(static_cast<size_t>(parts), each);
      sizes.back() = size.size() - each * (parts - 1);
    }
  }
  if (!sizes.empty() && static_cast<int64_t>(sizes.size()) != parts) {
    return InvalidArgument(sizes.size(), " sizes are given for ", parts,
                           " outputs");
  }
  return sizes.empty() ? Split(x, parts, axis)
                       : SplitSizes(x, std::move(sizes), axis);
}

struct Ranges {
  std::vector<int64_t> starts, ends, axes, steps;
};

absl::StatusOr<Ranges> RangesOf(Call& call) {
  Ranges ranges;
  if (call.opset() < 10) {
    ranges.starts = call.Integers("starts");
    ranges.ends = call.Integers("ends");
    ranges.axes = call.Integers("axes");
  } else {
    EVENGRAD_ASSIGN_OR_RETURN(ranges.starts, call.KnownIntegers(1));
    EVENGRAD_ASSIGN_OR_RETURN(ranges.ends, call.KnownIntegers(2));
    if (call.has(3)) {
      EVENGRAD_ASSIGN_OR_RETURN(ranges.axes, call.KnownIntegers(3));
    }
    if (call.has(4)) {
      EVENGRAD_ASSIGN_OR_RETURN(ranges.steps, call.KnownIntegers(4));
    }
  }
  const size_t count = ranges.starts.size();
  if (ranges.axes.empty()) {
    for (size_t i = 0; i < count; ++i) {
      ranges.axes.push_back(static_cast<int64_t>(i));
    }
  }
  if (ranges.steps.empty()) ranges.steps.assign(count, 1);
  if (ranges.ends.size() != count || ranges.axes.size() != count ||
      ranges.steps.size() != count) {
    return InvalidArgument("starts, ends, axes and steps differ in length");
  }
  return ranges;
}

OnnxResult SliceRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Ranges given, RangesOf(call));
  std::vector<SliceRange> ranges;
  for (size_t i = 0; i < given.starts.size(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                              NormalizeAxis(given.axes[i], x.rank()));
    ranges.push_back({.axis = axis,
                      .start = given.starts[i],
                      .stop = given.ends[i],
                      .step = given.steps[i]});
  }
  return One(ranges.empty() ? x : Slice(x, ranges));
}

OnnxResult GatherRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", 0, x));
  return One(Gather(x, call.input(1), axis));
}

// ---- Pad --------------------------------------------------------------------

struct Padding {
  std::vector<int64_t> before, after;
};

absl::StatusOr<Padding> PaddingOf(Call& call, int rank) {
  std::vector<int64_t> pads;
  if (call.opset() < 11) {
    pads = call.Integers("pads");
  } else {
    EVENGRAD_ASSIGN_OR_RETURN(pads, call.KnownIntegers(1));
  }
  std::vector<int64_t> axes;
  if (call.opset() >= 18 && call.has(3)) {
    EVENGRAD_ASSIGN_OR_RETURN(axes, call.KnownIntegers(3));
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads.size() != 2 * axes.size()) {
    return InvalidArgument("pads has ", pads.size(), " numbers for ",
                           axes.size(), " axes");
  }
  Padding padding = {std::vector<int64_t>(static_cast<size_t>(rank)),
                     std::vector<int64_t>(static_cast<size_t>(rank))};
  for (size_t i = 0; i < axes.size(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(axes[i], rank));
    padding.before[static_cast<size_t>(axis)] = pads[i];
    padding.after[static_cast<size_t>(axis)] = pads[axes.size() + i];
  }
  return padding;
}

absl::StatusOr<double> PadValue(Call& call) {
  if (call.opset() < 11) return call.Number("value", 0);
  if (!call.has(2)) return 0.0;
  return call.KnownNumber(2);
}

// `x` with `before` and `after` elements along `axis`: copies of the outermost
// one, or a reflection that does not repeat it.
absl::StatusOr<Value> PadAxis(const Value& x, int axis, int64_t before,
                              int64_t after, bool reflect) {
  if (!x.valid()) return x;
  const Dimension size = x.shape()[axis];
  if (reflect && size.is_integer() && std::max(before, after) >= size.size()) {
    return InvalidArgument("a reflection of ", std::max(before, after),
                           " elements needs more than ", size.size());
  }
  std::vector<int64_t> repeats(static_cast<size_t>(x.rank()), 1);
  const auto edge = [&](int64_t start, int64_t count) {
    repeats[static_cast<size_t>(axis)] = count;
    SliceRange range = {.axis = axis, .start = start};
    if (start == 0) range.stop = 1;
    return Tile(Slice(x, {range}), repeats);
  };
  std::vector<Value> parts;
  if (before > 0) {
    parts.push_back(
        reflect
            ? Slice(x, {{.axis = axis, .start = before, .stop = 0, .step = -1}})
            : edge(0, before));
  }
  parts.push_back(x);
  if (after > 0) {
    parts.push_back(
        reflect
            ? Slice(
                  x,
                  {{.axis = axis, .start = -2, .stop = -2 - after, .step = -1}})
            : edge(-1, after));
  }
  return parts.size() == 1 ? x : Concat(parts, axis);
}

OnnxResult PadRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const std::string mode = call.Text("mode", "constant");
  EVENGRAD_ASSIGN_OR_RETURN(const Padding padding, PaddingOf(call, x.rank()));
  EVENGRAD_ASSIGN_OR_RETURN(const double value, PadValue(call));
  if (mode == "constant") {
    return One(Pad(x, padding.before, padding.after, value));
  }
  if (mode != "edge" && mode != "reflect") {
    return Call::Unsupported("Pad in the mode '", mode, "'");
  }
  Value result = x;
  for (int i = 0; i < x.rank(); ++i) {
    const auto k = static_cast<size_t>(i);
    constexpr int64_t kMost = int64_t{1} << 31;
    if (padding.before[k] < 0 || padding.after[k] < 0 ||
        std::max(padding.before[k], padding.after[k]) > kMost) {
      return Call::Unsupported("Pad by a negative number in the mode '", mode,
                               "'");
    }
    EVENGRAD_ASSIGN_OR_RETURN(
        result, PadAxis(result, i, padding.before[k], padding.after[k],
                        mode == "reflect"));
  }
  return One(result);
}

// ---- OneHot -----------------------------------------------------------------

// off, and on where an index is; indices count from the back where negative.
OnnxResult OneHotRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value given, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const double depth, call.KnownNumber(1));
  EVENGRAD_ASSIGN_OR_RETURN(const Value values, call.Get(2));
  if (!(depth >= 1 && depth <= 0x1p31)) {
    return InvalidArgument("depth must be 1 to 2^31, found ", depth);
  }
  const auto classes = static_cast<int64_t>(depth);
  const Value indices =
      given.dtype() == DType::kI64 ? given : Cast(given, DType::kI64);
  const Value from_front =
      Select(Less(indices, 0), indices + static_cast<double>(classes), indices);
  Value marks = OneHot(from_front, classes, DType::kU8);
  const int rank = given.rank() + 1;
  EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                            NormalizeAxis(call.Integer("axis", -1), rank));
  if (axis != rank - 1) {
    std::vector<int64_t> permutation;
    for (int i = 0; i + 1 < rank; ++i) permutation.push_back(i);
    permutation.insert(permutation.begin() + axis, rank - 1);
    marks = Transpose(marks, permutation);
  }
  const auto value = [&](int64_t i) {
    return Squeeze(Slice(values, {{.axis = 0, .start = i, .stop = i + 1}}),
                   {0});
  };
  return One(Select(Equal(marks, 1), value(1), value(0)));
}

constexpr OnnxImport kRules[] = {
    {"Concat", 1, ConcatRule}, {"Gather", 1, GatherRule},
    {"OneHot", 9, OneHotRule}, {"Pad", 2, PadRule},
    {"Slice", 1, SliceRule},   {"Split", 2, SplitRule},
};

}  // namespace

std::span<const OnnxImport> OnnxPartImports() { return kRules; }

}  // namespace evengrad
