// Ops that take tensors apart and put them together.
#include <cmath>
#include <limits>

#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::OpError;
using testing::OpSample;

using Integers = std::vector<int64_t>;

constexpr int64_t kBack = std::numeric_limits<int64_t>::max();
constexpr int64_t kFront = std::numeric_limits<int64_t>::min();

OpSample Large(OpSample sample) {
  sample.large = true;
  return sample;
}

OpSample Inputs(const std::vector<Shape>& shapes, Attributes attributes) {
  OpSample sample = {.attributes = std::move(attributes)};
  for (const Shape& shape : shapes) sample.inputs.push_back({F32(shape)});
  return sample;
}

OpError Error(std::vector<TensorType> inputs, Attributes attributes,
              const std::string& message) {
  return {std::move(inputs), std::move(attributes), message};
}

// ---- concat, split, split_like ----------------------------------------------

Attributes Axis(int64_t axis) { return {{"axis", axis}}; }

OpCase ConcatCase() {
  return {
      .op = &ConcatOp(),
      .samples = {Inputs({{3, 3}, {3, 3}}, Axis(0)),
                  Inputs({{2, 3}, {2, 1}, {2, 4}}, Axis(-1)),
                  Inputs({{2, 3, 4}, {2, 2, 4}}, Axis(1)),
                  Inputs({{3, 3}}, Axis(1)), Inputs({{2}, {0}, {3}}, Axis(0)),
                  Large(Inputs({{157, 131}, {157, 20}}, Axis(1))),
                  Large(Inputs({{157, 131}, {70, 131}}, Axis(0)))},
      .errors =
          {Error({}, {}, "concat takes at least one input"),
           Error({F32({2, 3}), F64({2, 3})}, {},
                 "element types differ: input 0 f32[2,3], input 1 f64[2,3]"),
           Error({F32({2, 3}), F32({3})}, {},
                 "ranks differ: input 0 f32[2,3], input 1 f32[3]"),
           Error({F32({2, 3}), F32({2, 4})}, {},
                 "sizes differ along axis 1, which is not the one of the "
                 "concatenation: input 0 f32[2,3], input 1 f32[2,4]"),
           Error({F32({"batch", 3}), F32({4, 3})}, Axis(1),
                 "sizes differ along axis 0"),
           Error({F32({2, 3})}, Axis(2),
                 "input 0 f32[2,3]: axis 2 is out of range for rank 2"),
           Error({F32({}), F32({})}, {}, "axis 0 is out of range for rank 0"),
           Error({U8({kHuge << 22}), U8({kHuge << 22})}, {},
                 "the size of the result overflows 64 bits"),
           Error({U8({kHuge, 1 << 22}), U8({kHuge, 1 << 22})}, {},
                 "overflows 64 bits")},
      .points = {{.inputs = {{1, 2, 3, 4}, {5, 6}},
                  .outputs = {1, 2, 5, 3, 4, 6},
                  .gradients = {{1, 1, 1, 1}, {1, 1}},
                  .attributes = Axis(1),
                  .types = {F64({2, 2}), F64({2, 1})}}},
      .dtypes = kAllTypes};
}

OpCase SplitCase() {
  auto by_parts = [](const Shape& shape, int64_t axis, int64_t parts) {
    return Inputs({shape}, {{"axis", axis}, {"parts", parts}});
  };
  auto by_sizes = [](const Shape& shape, int64_t axis, const Integers& sizes) {
    return Inputs({shape}, {{"axis", axis}, {"sizes", sizes}});
  };
  const Attributes both = {{"parts", int64_t{2}}, {"sizes", Integers{1, 1}}};
  auto sizes = [](const Integers& given) {
    return Attributes{{"sizes", given}};
  };
  return {
      .op = &SplitOp(),
      .samples = {by_parts({3, 3}, 0, 3), by_parts({2, 4, 3}, 1, 2),
                  by_parts({3, 3}, 1, 1), by_sizes({3, 3}, -1, {1, 2}),
                  by_sizes({5, 2}, 0, {2, 0, 3}),
                  Large(by_sizes({157, 131}, 1, {100, 31}))},
      .errors = {Error({F32({4})}, {}, "give either parts or sizes"),
                 Error({F32({2})}, both, "give either parts or sizes"),
                 Error({F32({4})}, {{"parts", int64_t{3}}},
                       "cannot split input f32[4]: the size 4 along axis 0 is "
                       "no multiple of 3 parts"),
                 Error({F32({4})}, sizes({1, 2}),
                       "the pieces have 3 elements along axis 0, the input has "
                       "4"),
                 Error({F32({4})}, sizes({5, -1}), "the size -1 is negative"),
                 Error({F32({4})}, sizes({kBack, kBack}),
                       "the sizes of the pieces overflow 64 bits"),
                 Error({F32({4})}, {{"parts", int64_t{-1}}},
                       "attribute parts = -1 is out of range"),
                 Error({F32({4})}, {{"parts", kHuge}},
                       "attribute parts = 1.09951e+12 is out of range"),
                 Error({F32({4})},
                       {{"axis", int64_t{1}}, {"parts", int64_t{2}}},
                       "axis 1 is out of range for rank 1"),
                 Error({F32({})}, {{"parts", int64_t{1}}},
                       "axis 0 is out of range for rank 0"),
                 Error({F32({4}), F32({4})}, {}, "takes 1 input(s), 2 given")},
      .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                  .outputs = {1, 4},
                  .gradients = {{1, 1, 1, 1, 1, 1}},
                  .attributes = {{"axis", int64_t{1}},
                                 {"sizes", Integers{1, 2}}},
                  .types = {F64({2, 3})}}},
      .dtypes = kAllTypes};
}

OpCase SplitLikeCase() {
  return {
      .op = &SplitLikeOp(),
      .samples = {Inputs({{6, 3}, {2, 3}, {4, 3}}, Axis(0)),
                  Inputs({{2, 3, 2}, {2, 1, 2}, {2, 2, 2}}, Axis(1)),
                  Inputs({{3, 3}, {3, 3}}, Axis(-1))},
      .errors = {Error({F32({4})}, {}, "takes at least one value"),
                 Error({F32({4, 3}), F32({2, 3}), F32({1, 3})}, {},
                       "the pieces have 3 elements along axis 0, the input has "
                       "4"),
                 Error({F32({4, 3}), F32({4, 2})}, {},
                       "input 1 f32[4,2] is no piece of input f32[4,3] along "
                       "axis 0"),
                 Error({F32({4, 3}), F32({4})}, {}, "is no piece of"),
                 Error({F32({4}), F32({4})}, Axis(1),
                       "axis 1 is out of range for rank 1"),
                 Error({F32({4}), F32({kBack}), F32({kBack})}, {},
                       "the sizes of the pieces overflow 64 bits")},
      .dtypes = kAllTypes};
}

// ---- slice, scatter_slice, pad ----------------------------------------------

Attributes Cut(const Integers& axes, const Integers& starts,
               const Integers& stops, const Integers& steps) {
  return {
      {"axes", axes}, {"starts", starts}, {"stops", stops}, {"steps", steps}};
}

std::vector<OpError> CutErrors(const std::vector<TensorType>& inputs,
                               const std::string& name) {
  return {Error(inputs, Cut({2}, {0}, {1}, {1}),
                name + ": axis 2 is out of range for rank 2"),
          Error(inputs, Cut({0, -2}, {0, 0}, {1, 1}, {1, 1}),
                name + ": axis 0 is named twice"),
          Error(inputs, Cut({1}, {0}, {1}, {0}),
                name + ": the step along axis 1 is 0"),
          Error(inputs, Cut({0, 1}, {0}, {1, 1}, {1, 1}),
                name + ": 2 axes, but 1 starts"),
          Error(inputs, Cut({0}, {0}, {}, {1}), name + ": 1 axes, but 0 stops"),
          Error(inputs, Cut({}, {}, {}, {1}), name + ": 0 axes, but 1 steps"),
          Error(inputs, {}, "attribute axes is missing")};
}

OpCase SliceCase() {
  auto sample = [](const Shape& shape, const Attributes& cut) {
    return Inputs({shape}, cut);
  };
  return {.op = &SliceOp(),
          .samples = {sample({3, 3}, Cut({0}, {1}, {kBack}, {1})),
                      sample({3, 3}, Cut({1, 0}, {0, -2}, {-1, 3}, {1, 1})),
                      sample({3, 5}, Cut({1}, {kBack}, {kFront}, {-1})),
                      sample({7, 2}, Cut({0}, {-1}, {-7}, {-2})),
                      sample({2, 3, 4}, Cut({2, 0}, {0, 1}, {4, 9}, {3, 1})),
                      sample({2, 3}, Cut({1}, {2}, {2}, {1})),
                      sample({2, 3}, Cut({}, {}, {}, {})),
                      sample({}, Cut({}, {}, {}, {})),
                      Large(sample({157, 131},
                                   Cut({0, 1}, {3, -1}, {150, 0}, {2, -3})))},
          .errors = CutErrors({F32({2, 3})}, "cannot slice input f32[2,3]"),
          .points = {{.inputs = {{1, 2, 3, 4, 5, 6}},
                      .outputs = {5, 3},
                      .gradients = {{0, 0, 1, 0, 1, 0}},
                      .attributes = Cut({0}, {-2}, {1}, {-2})},
                     // Places beyond the ends, as in Python.
                     {.inputs = {{1, 2, 3}},
                      .outputs = {1, 2, 3},
                      .attributes = Cut({0}, {-9}, {9}, {1})}},
          .dtypes = kAllTypes};
}

OpCase ScatterSliceCase() {
  auto sample = [](const Shape& input, const Shape& like,
                   const Attributes& cut) {
    return Inputs({input, like}, cut);
  };
  OpCase row = {
      .op = &ScatterSliceOp(),
      .samples = {sample({2, 3}, {3, 3}, Cut({0}, {1}, {kBack}, {1})),
                  sample({3, 2}, {3, 5}, Cut({1}, {3}, {kFront}, {-2})),
                  sample({2, 1, 2}, {2, 3, 4},
                         Cut({2, 1}, {0, 1}, {4, 2}, {3, 1})),
                  sample({3, 3}, {3, 3}, Cut({0}, {kBack}, {kFront}, {-1})),
                  sample({2, 0}, {2, 3}, Cut({1}, {2}, {2}, {1})),
                  Large(sample({74, 44}, {157, 131},
                               Cut({0, 1}, {3, -1}, {150, 0}, {2, -3})))},
      .errors =
          CutErrors({F32({1, 1}), F32({2, 3})}, "cannot slice like f32[2,3]"),
      .points = {{.inputs = {{7, 8}, {0, 0, 0, 0}},
                  .outputs = {8, 0, 7, 0},
                  .gradients = {{1, 1}, {0, 0, 0, 0}},
                  .attributes = Cut({0}, {2}, {kFront}, {-2})}},
      .dtypes = kAllTypes};
  row.errors.push_back(Error({F32({2, 3}), F32({2, 3})},
                             Cut({1}, {0}, {2}, {1}),
                             "input f32[2,3] is no such slice of like f32[2,3],"
                             " which would be [2,2]"));
  return row;
}

Attributes Padding(const Integers& before, const Integers& after,
                   double value = 0) {
  return {{"before", before}, {"after", after}, {"value", value}};
}

OpCase PadCase() {
  auto sample = [](const Shape& shape, const Attributes& padding) {
    return Inputs({shape}, padding);
  };
  return {
      .op = &PadOp(),
      .samples = {sample({3, 3}, Padding({1, 0}, {0, 2}, 1)),
                  sample({2, 3, 4}, Padding({0, 1, 2}, {1, 1, 0})),
                  sample({3}, Padding({0}, {0})), sample({}, Padding({}, {})),
                  sample({2, 2}, Padding({0, 2}, {0, 0}, 3)),
                  Large(sample({157, 131}, Padding({1, 2}, {3, 4}, 1)))},
      .errors = {Error({F32({2, 3})}, Padding({1}, {0, 0}),
                       "cannot pad input f32[2,3]: before has 1 counts, "
                       "expected one an axis, 2"),
                 Error({F32({2, 3})}, Padding({1, 1}, {}),
                       "after has 0 counts, expected one an axis, 2"),
                 Error({F32({4})}, Padding({-1}, {0}),
                       "the count -1 in before is negative; slice cuts "
                       "elements off"),
                 Error({F32({4})}, Padding({0}, {-2}),
                       "the count -2 in after is negative"),
                 Error({I32({4})}, Padding({1}, {0}, 0.5),
                       "the value 0.5 is not a whole number"),
                 Error({F32({4})}, Padding({1}, {0}, NAN),
                       "attribute value = nan is out of range"),
                 Error({F32({4})}, Padding({kBack}, {0}),
                       "the size of the result overflows 64 bits"),
                 Error({F32({kHuge, 1})}, Padding({0, kHuge}, {0, 0}),
                       "overflows 64 bits"),
                 Error({F32({4})}, {}, "attribute before is missing")},
      .points = {{.inputs = {{1, 2}},
                  .outputs = {7, 1, 2, 7, 7},
                  .gradients = {{1, 1}},
                  .attributes = Padding({1}, {2}, 7)}},
      .dtypes = kAllTypes};
}

// ---- tile, sum_tiles --------------------------------------------------------

Attributes Repeats(const Integers& repeats) { return {{"repeats", repeats}}; }

OpCase TileCase() {
  return {
      .op = &TileOp(),
      .samples = {Inputs({{3, 3}}, Repeats({2, 1})),
                  Inputs({{2, 3}}, Repeats({3, 2})),
                  Inputs({{2, 1, 3}}, Repeats({1, 4, 2})),
                  Inputs({{2, 3}}, Repeats({1, 1})), Inputs({{}}, Repeats({})),
                  Inputs({{2, 3}}, Repeats({0, 2})),
                  Large(Inputs({{57, 31}}, Repeats({3, 4})))},
      .errors = {Error({F32({2, 3})}, Repeats({2}),
                       "cannot tile input f32[2,3]: repeats has 1 counts, "
                       "expected one an axis, 2"),
                 Error({F32({4})}, Repeats({-1}),
                       "the count -1 in repeats is negative"),
                 Error({F32({kHuge})}, Repeats({kHuge}),
                       "the size of the result overflows 64 bits"),
                 Error({F32({kHuge, 2})}, Repeats({1, 1 << 23}),
                       "overflows 64 bits"),
                 Error({F32({4})}, {}, "attribute repeats is missing")},
      .points = {{.inputs = {{1, 2, 3, 4}},
                  .outputs = {1, 2, 1, 2, 3, 4, 3, 4},
                  .gradients = {{2, 2, 2, 2}},
                  .attributes = Repeats({1, 2}),
                  .types = {F64({2, 2})}}},
      .dtypes = kAllTypes};
}

OpCase SumTilesCase() {
  return {
      .op = &SumTilesOp(),
      .samples = {Inputs({{6, 3}, {3, 3}}, Repeats({2, 1})),
                  Inputs({{6, 4}, {2, 2}}, Repeats({3, 2})),
                  Inputs({{2, 8, 6}, {2, 2, 3}}, Repeats({1, 4, 2})),
                  Inputs({{3, 3}, {3, 3}}, Repeats({1, 1})),
                  Inputs({{0, 4}, {2, 2}}, Repeats({0, 2}))},
      .errors = {Error({F32({4}), F32({3})}, Repeats({2}),
                       "input f32[4] is no tiling of like f32[3], which would "
                       "be [6]"),
                 Error({F32({4}), F32({2, 2})}, Repeats({2}),
                       "cannot tile like f32[2,2]: repeats has 1 counts"),
                 Error({F32({4}), F32({4})}, Repeats({-1}),
                       "the count -1 in repeats is negative"),
                 Error({Bool({4}), F32({2})}, Repeats({2}),
                       "input must be a number"),
                 Error({F32({4}), F32({kHuge})}, Repeats({kHuge}),
                       "the size of the result overflows 64 bits")},
      .points = {{.inputs = {{1, 2, 3, 4, 5, 6}, {0, 0}},
                  .outputs = {9, 12},
                  .gradients = {{1, 1, 1, 1, 1, 1}, {0, 0}},
                  .attributes = Repeats({3})}},
      .dtypes = kNumberTypes,
      .terms = 8};
}

// ---- squeeze, unsqueeze -----------------------------------------------------

Attributes Axes(const Integers& axes) { return {{"axes", axes}}; }

OpCase SqueezeCase() {
  return {
      .op = &SqueezeOp(),
      .samples = {Inputs({{2, 1, 3}}, Axes({1})),
                  Inputs({{1, 3, 3, 1}}, Axes({-1, 0})),
                  Inputs({{3, 3}}, Axes({})), Inputs({{1}}, Axes({0}))},
      .errors = {Error({F32({2, 3})}, Axes({0}),
                       "cannot squeeze input f32[2,3]: axis 0 has size 2, not "
                       "1"),
                 Error({F32({"batch", 1})}, Axes({0}),
                       "axis 0 has size batch, not 1"),
                 Error({F32({0, 1})}, Axes({0}), "axis 0 has size 0, not 1"),
                 Error({F32({2, 1})}, Axes({2}),
                       "input f32[2,1]: axis 2 is out of range for rank 2"),
                 Error({F32({1, 1})}, Axes({0, -2}), "axis 0 is named twice"),
                 Error({F32({})}, Axes({0}), "out of range for rank 0"),
                 Error({F32({1})}, {}, "attribute axes is missing")},
      .dtypes = kAllTypes};
}

OpCase UnsqueezeCase() {
  return {
      .op = &UnsqueezeOp(),
      .samples = {Inputs({{3, 3}}, Axes({1})), Inputs({{2, 3}}, Axes({-1, 0})),
                  Inputs({{2, 3}}, Axes({})), Inputs({{}}, Axes({0}))},
      .errors = {Error({F32({2, 3})}, Axes({3}),
                       "cannot unsqueeze input f32[2,3]: axis 3 is out of "
                       "range for rank 3, that of the result"),
                 Error({F32({2, 3})}, Axes({1, -3}), "axis 1 is named twice"),
                 Error({F32({1, 1, 1, 1, 1, 1, 1, 1})}, Axes({0}),
                       "the result has rank 9, at most 8 is supported"),
                 Error({F32({1})}, {}, "attribute axes is missing")},
      .dtypes = kAllTypes};
}

}  // namespace

std::vector<OpCase> PartCases() {
  return {ConcatCase(),       SplitCase(),    SplitLikeCase(), SliceCase(),
          ScatterSliceCase(), PadCase(),      TileCase(),      SumTilesCase(),
          SqueezeCase(),      UnsqueezeCase()};
}

}  // namespace evengrad
