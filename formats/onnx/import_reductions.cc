// ONNX's reductions, searches along an axis, and running sums.
#include <limits>
#include <string_view>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;
using Function = Value (*)(const Value&, ReduceOptions, SourceLocation);

// The axes are an attribute, and from opset `since` on an input.
template <Function function, int64_t since>
OnnxResult Reduce(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  ReduceOptions options;
  EVENGRAD_ASSIGN_OR_RETURN(options.axes,
                            call.IntegersOrInput("axes", 1, since));
  options.keep_dimensions = call.Integer("keepdims", 1) != 0;
  const bool none_is_none =
      call.opset() >= since && call.Integer("noop_with_empty_axes", 0) != 0;
  if (options.axes.empty() && none_is_none) return One(x);
  EVENGRAD_ASSIGN_OR_RETURN(options.axes,
                            AxesOf(std::move(options.axes), x.rank()));
  return One(function(x, std::move(options), Here()));
}

Value LogSum(const Value& x, ReduceOptions options, SourceLocation) {
  return Log(ReduceSum(x, std::move(options)));
}

template <bool keeps_last>
Value LastOrFirst(const Value& x, int axis) {
  if constexpr (!keeps_last) return ArgMax(x, axis);
  const Value backwards = Slice(x, {{.axis = axis, .step = -1}});
  const Value last = SizeOf(x, {axis}, DType::kI64) - 1;
  return last - ArgMax(backwards, axis);
}

OnnxResult ArgExtreme(Call& call, bool largest) {
  EVENGRAD_ASSIGN_OR_RETURN(Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", 0, x));
  const bool keep = call.Integer("keepdims", 1) != 0;
  if (!largest) x = -(x.dtype() == DType::kU8 ? Cast(x, DType::kI32) : x);
  Value found = call.Integer("select_last_index", 0) != 0
                    ? LastOrFirst<true>(x, axis)
                    : LastOrFirst<false>(x, axis);
  return One(keep ? Unsqueeze(found, {axis}) : found);
}
OnnxResult ArgMaxRule(Call& call) { return ArgExtreme(call, true); }
OnnxResult ArgMinRule(Call& call) { return ArgExtreme(call, false); }

OnnxResult CumSum(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                            call.KnownIntegers(1));
  if (given.size() != 1) {
    return InvalidArgument("one axis is needed, found ", given.size());
  }
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(given[0], x.rank()));
  return One(CumulativeSum(x, {.axis = axis,
                               .exclusive = call.Integer("exclusive", 0) != 0,
                               .reverse = call.Integer("reverse", 0) != 0}));
}

template <Function function>
OnnxResult GlobalPool(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  if (x.rank() < 3) {
    return InvalidArgument("the input must have three axes or more, found ",
                           x.type().ToString());
  }
  ReduceOptions options = {.keep_dimensions = true};
  for (int i = 2; i < x.rank(); ++i) options.axes.push_back(i);
  return One(function(x, std::move(options), Here()));
}

constexpr OnnxImport kRules[] = {
    {"ArgMax", 1, ArgMaxRule},
    {"ArgMin", 1, ArgMinRule},
    {"CumSum", 11, CumSum},
    {"GlobalAveragePool", 1, GlobalPool<ReduceMean>},
    {"GlobalMaxPool", 1, GlobalPool<ReduceMax>},
    {"ReduceL1", 1, Reduce<ReduceL1, 18>},
    {"ReduceL2", 1, Reduce<ReduceL2, 18>},
    {"ReduceLogSum", 1, Reduce<LogSum, 18>},
    {"ReduceLogSumExp", 1, Reduce<ReduceLogSumExp, 18>},
    {"ReduceMax", 1, Reduce<ReduceMax, 18>},
    {"ReduceMean", 1, Reduce<ReduceMean, 18>},
    {"ReduceMin", 1, Reduce<ReduceMin, 18>},
    {"ReduceProd", 1, Reduce<ReduceProduct, 18>},
    {"ReduceSum", 1, Reduce<ReduceSum, 13>},
    {"ReduceSumSquare", 1, Reduce<ReduceSumSquares, 18>},
};

}  // namespace

std::span<const OnnxImport> OnnxReductionImports() { return kRules; }

}  // namespace evengrad
