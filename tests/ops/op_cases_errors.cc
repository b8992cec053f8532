// What the ops of a kind have in common in what they refuse: wrong ranks,
// element types, numbers of inputs, names of attributes; sizes that overflow;
// dimensions of 0.
#include <cmath>
#include <limits>
#include <map>

#include "evengrad/graph/status.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::OpError;

using Integers = std::vector<int64_t>;
using Errors = std::vector<OpError>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

OpError Error(std::vector<TensorType> inputs, const std::string& message,
              Attributes attributes = {}) {
  return {std::move(inputs), std::move(attributes), message};
}

// ---- Elementwise ops --------------------------------------------------------

Errors ForInputs(const std::vector<DType>& refused, int num_inputs) {
  Errors errors;
  for (DType dtype : refused) {
    const std::vector<TensorType> inputs(num_inputs, {dtype, {4}});
    // What must be there instead is said in the row.
    errors.push_back(Error(inputs, StrCat(", found ", Name(dtype), "[4]")));
  }
  const std::vector<TensorType> too_many(num_inputs + 1, F32({4}));
  errors.push_back(Error(too_many, StrCat("takes ", num_inputs, " input(s), ",
                                          num_inputs + 1, " given")));
  errors.push_back(
      Error({}, StrCat("takes ", num_inputs, " input(s), 0 given")));
  errors.push_back(Error(std::vector<TensorType>(num_inputs, F32({4})),
                         "unknown attribute 'no_such'",
                         {{"no_such", int64_t{1}}}));
  return errors;
}

// Shapes that two inputs may not have together.
Errors ForShapes(DType dtype) {
  auto pair = [&](const Shape& a, const Shape& b, const std::string& message) {
    return Error({{dtype, a}, {dtype, b}}, message);
  };
  return {pair({2, 3}, {3, 2}, "do not broadcast: 2 against 3"),
          pair({0}, {3}, "shapes [0] and [3] do not broadcast: 0 against 3"),
          pair({4, 0}, {4, 2}, "do not broadcast: 0 against 2"),
          pair({"batch"}, {"time"}, "do not broadcast: batch against time"),
          pair({kHuge, 1}, {1, kHuge}, "overflows 64 bits")};
}

const std::vector<DType> kNotFloating = {DType::kI32, DType::kI64, DType::kU8,
                                         DType::kBool};
const std::vector<DType> kNotSigned = {DType::kU8, DType::kBool};
const std::vector<DType> kNotNumbers = {DType::kBool};
const std::vector<DType> kNotBool = kNumberTypes;

void AddElementwise(std::map<std::string_view, Errors>& all) {
  for (std::string_view op :
       {"sqrt",     "rsqrt",        "floor",      "exp",      "expm1",
        "log",      "log1p",        "erf",        "sigmoid",  "tanh",
        "relu",     "leaky_relu",   "elu",        "selu",     "relu6",
        "celu",     "gelu",         "silu",       "mish",     "softplus",
        "softsign", "hard_sigmoid", "hard_swish", "hard_tanh"}) {
    all[op] = ForInputs(kNotFloating, 1);
  }
  for (std::string_view op : {"abs", "sign", "negate", "square"}) {
    all[op] = ForInputs(kNotSigned, 1);
  }
  all["logical_not"] = ForInputs(kNotBool, 1);
  all["stop_gradient"] = ForInputs({}, 1);
  auto binary = [&](std::string_view op, const std::vector<DType>& refused,
                    DType accepted = DType::kF32) {
    all[op] = JoinErrors(ForInputs(refused, 2), ForShapes(accepted));
  };
  for (std::string_view op : {"add", "subtract", "multiply"}) {
    binary(op, kNotSigned);
  }
  for (std::string_view op : {"divide", "power"}) binary(op, kNotFloating);
  for (std::string_view op : {"maximum", "minimum", "less", "less_equal",
                              "greater", "greater_equal"}) {
    binary(op, kNotNumbers);
  }
  for (std::string_view op : {"equal", "not_equal"}) binary(op, {});
  for (std::string_view op : {"logical_and", "logical_or"}) {
    binary(op, kNotBool, DType::kBool);
  }
}

Errors ClampErrors() {
  const TensorType input = F32({4});
  return {Error({input}, "attribute minimum = nan is out of range",
                {{"minimum", kNaN}, {"maximum", 1.0}}),
          Error({input}, "attribute maximum is missing", {{"minimum", 0.0}}),
          Error({input}, "attribute maximum is a string, expected a number",
                {{"minimum", 0.0}, {"maximum", std::string("1")}}),
          Error({I32({4})}, "the bound inf is not a whole number",
                {{"minimum", 0.0}, {"maximum", kInfinity}}),
          Error({input, input}, "takes 1 input(s), 2 given")};
}

Errors SelectErrors() {
  auto shapes = [](const Shape& condition, const Shape& a, const Shape& b,
                   const std::string& message) {
    return Error({Bool(condition), F32(a), F32(b)}, message);
  };
  return {shapes({2}, {3}, {3}, "do not broadcast: 2 against 3"),
          shapes({0}, {3}, {}, "do not broadcast: 0 against 3"),
          shapes({kHuge, 1}, {1, kHuge}, {}, "overflows 64 bits"),
          Error({I32({4}), F32({4}), F32({4})},
                "condition must be bool, found i32[4]"),
          Error({Bool({4}), F32({4})}, "takes 3 input(s), 2 given"),
          Error({}, "takes 3 input(s), 0 given")};
}

// ---- Shapes -----------------------------------------------------------------

Errors ReshapeErrors() {
  auto error = [](const Shape& input, const Shape& target,
                  const std::string& message) {
    return Error({F32(input)}, message, {{"shape", target}});
  };
  const Dimension unknown = Dimension::Unknown();
  return {
      error({6}, {unknown, unknown}, "at most one dimension may be unknown"),
      error({6}, {4, unknown},
            "no size of the unknown dimension makes the "
            "element counts equal"),
      error({5}, {0, unknown}, "cannot tell the unknown dimension"),
      error({6}, {0}, "[6] has 6 elements, [0] has 0"),
      error({6}, {-6}, "negative size in shape [-6]"),
      error({6}, {"6 rows"}, "dimension name '6 rows' is not an identifier"),
      error({1}, {kHuge, kHuge}, "overflows 64 bits"),
      error({1}, {1, 1, 1, 1, 1, 1, 1, 1, 1},
            "has 9 dimensions; at most 8 are supported"),
      error({"batch", 3}, {4}, "the element counts differ"),
      Error({F32({4}), F32({4})}, "takes 1 input(s), 2 given"),
      Error({F32({4})},
            "attribute shape is a list of integers, expected a "
            "shape",
            {{"shape", Integers{4}}})};
}

Errors TransposeErrors() {
  auto error = [](const Shape& input, const Integers& permutation,
                  const std::string& message) {
    return Error({F32(input)}, message, {{"permutation", permutation}});
  };
  return {error({2, 3}, {0}, "the permutation has 1 axes, expected 2"),
          error({2, 3}, {0, 1, 2}, "the permutation has 3 axes, expected 2"),
          error({2, 3}, {0, -3}, "axis -3 is out of range for rank 2"),
          error({}, {0}, "the permutation has 1 axes, expected 0"),
          Error({F32({4}), F32({4})}, "takes 1 input(s), 2 given")};
}

Errors BroadcastToErrors() {
  auto error = [](const Shape& input, const Shape& target,
                  const std::string& message) {
    return Error({F32(input)}, message, {{"shape", target}});
  };
  return {error({2, 3}, {3}, "rank 2 against rank 1"),
          error({0}, {3}, "0 against 3 in dimension 0"),
          error({3}, {0}, "3 against 0 in dimension 0"),
          error({1}, {-2}, "negative size in shape [-2]"),
          error({1}, {kHuge, kHuge}, "overflows 64 bits"),
          error({}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "has 9 dimensions"),
          Error({F32({3})}, "attribute shape is missing")};
}

void AddShapes(std::map<std::string_view, Errors>& all) {
  all["reshape"] = ReshapeErrors();
  all["transpose"] = TransposeErrors();
  all["broadcast_to"] = BroadcastToErrors();
  const Attributes axis_5 = {{"axes", Integers{5}}};
  all["broadcast_like"] = {
      Error({F32({2, 3}), F32({3})}, "rank 2 against rank 1"),
      Error({F32({0}), F32({3})}, "0 against 3 in dimension 0"),
      Error({F32({3}), F32({2, 3})}, "axis 5 is out of range for rank 2",
            axis_5),
      Error({F32({3})}, "takes 2 input(s), 1 given")};
  all["sum_to_like"] = {
      Error({F32({3}), F32({0})}, "0 against 3 in dimension 0"),
      Error({F32({2, 3}), F32({3})}, "axis 5 is out of range for rank 2",
            axis_5),
      Error({F32({3})}, "takes 2 input(s), 1 given")};
  all["reshape_like"] = {
      Error({F32({6}), F32({0})}, "[6] has 6 elements, [0] has 0"),
      Error({F32({"batch", 3}), F32({4})}, "the element counts differ"),
      Error({F32({6})}, "takes 2 input(s), 1 given")};
  all["size_of"] = {Error({F32({2, 3})}, "a size cannot be a opaque",
                          {{"dtype", DType::kOpaque}}),
                    Error({F32({2, 3})}, "axis 1 is named twice",
                          {{"axes", Integers{1, -1}}}),
                    Error({F32({})}, "axis 0 is out of range for rank 0",
                          {{"axes", Integers{0}}}),
                    Error({F32({4}), F32({4})}, "takes 1 input(s), 2 given")};
  all["cast"] = {
      Error({F32({4})}, "attribute dtype is a string, expected a dtype",
            {{"dtype", std::string("f32")}}),
      Error({}, "takes 1 input(s), 0 given", {{"dtype", DType::kF32}})};
}

// ---- Along axes -------------------------------------------------------------

void AddAlongAxes(std::map<std::string_view, Errors>& all) {
  for (std::string_view op : {"softmax", "log_softmax"}) {
    all[op] = {Error({F32({2, 3})}, "axis -3 is out of range for rank 2",
                     {{"axis", int64_t{-3}}}),
               Error({F32({})}, "axis -1 is out of range for rank 0"),
               Error({U8({4})},
                     "must be floating (f32, f64 or bf16), found "
                     "u8[4]"),
               Error({F32({4})},
                     "attribute axis is a number, expected an "
                     "integer",
                     {{"axis", 0.0}}),
               Error({F32({4}), F32({4})}, "takes 1 input(s), 2 given")};
  }
  all["arg_max"] = {
      Error({F32({2, 3})}, "axis 2 is out of range for rank 2",
            {{"axis", int64_t{2}}}),
      Error({F32({})}, "axis -1 is out of range for rank 0"),
      Error({F32({3, 0})}, "input f32[3,0] has no elements along axis 1"),
      Error({F32({4}), F32({4})}, "takes 1 input(s), 2 given")};
  for (std::string_view op : {"reduce_max", "reduce_min"}) {
    all[op] = {Error({F32({0, 3})}, "has no elements along axis 0")};
  }
  for (std::string_view op :
       {"reduce_mean", "reduce_l2", "reduce_log_sum_exp"}) {
    all[op] = {Error({I32({4})},
                     "must be floating (f32, f64 or bf16), found "
                     "i32[4]; cast it first"),
               Error({U8({4})}, "found u8[4]")};
  }
  const Attributes classes = {{"classes", int64_t{3}}};
  all["one_hot"] = {
      Error({Bool({4})},
            "labels must be integers (i32, i64 or u8), found "
            "bool[4]",
            classes),
      Error({I32({4})},
            "attribute classes = 0 is out of range: expected a "
            "number of at least 1",
            {{"classes", int64_t{0}}}),
      Error({I32({4})}, "attribute dtype cannot be opaque",
            {{"classes", int64_t{3}}, {"dtype", DType::kOpaque}}),
      Error({I32({kHuge})}, "overflows 64 bits", {{"classes", kHuge}}),
      Error({I32({1, 1, 1, 1, 1, 1, 1, 1})},
            "has 9 dimensions; at most 8 are supported", classes),
      Error({}, "takes 1 input(s), 0 given", classes)};
  all["sparse_softmax_cross_entropy"] = {
      Error({F32({4, 3}), I32({5})},
            "batch sizes differ: logits f32[4,3], labels i32[5]"),
      Error({F32({4, 3}), U8({4})}, "labels must be i32 or i64, found u8[4]"),
      Error({F32({4}), I32({4})}, "expected logits [batch, classes]"),
      Error({F32({4, 3}), I32({4, 1})}, "expected logits [batch, classes]"),
      Error({F32({4, 3}), I32({0})}, "batch sizes differ"),
      Error({F32({4, 3})}, "takes 2 input(s), 1 given")};
}

// ---- Without inputs ---------------------------------------------------------

Attributes TypeWith(Attributes others, const Shape& shape = {2},
                    DType dtype = DType::kF32) {
  others["shape"] = shape;
  others["dtype"] = dtype;
  return others;
}

// Of ops that declare a type.
Errors DeclarationErrors() {
  return {
      Error({}, "negative size in shape [-1]", TypeWith({}, {-1})),
      Error({}, "overflows 64 bits", TypeWith({}, {kHuge, kHuge})),
      Error({}, "has 9 dimensions; at most 8 are supported",
            TypeWith({}, {1, 1, 1, 1, 1, 1, 1, 1, 1})),
      Error({}, "dimension name 'a b' is not an identifier",
            TypeWith({}, {"a b"})),
      Error({}, "attribute shape is missing", {{"dtype", DType::kF32}}),
      Error({}, "attribute dtype is missing", {{"shape", Shape({2})}}),
      Error({F32({2})}, "takes 0 input(s), 1 given", TypeWith({})),
      Error({}, "unknown attribute 'no_such'", TypeWith({{"no_such", 1.0}}))};
}

void AddWithoutInputs(std::map<std::string_view, Errors>& all) {
  for (std::string_view op :
       {"placeholder", "state", "type_token", "random_uniform", "random_normal",
        "random_truncated_normal", "iota", "eye"}) {
    all[op] = DeclarationErrors();
  }
  for (std::string_view op : {"random_normal", "random_truncated_normal"}) {
    all[op] = JoinErrors(
        all[op],
        {Error({}, "attribute mean = nan is out of range",
               TypeWith({{"mean", kNaN}})),
         Error({}, "must be finite", TypeWith({{"mean", kInfinity}})),
         Error({}, "must be finite", TypeWith({{"deviation", kInfinity}})),
         Error({}, "not bool", TypeWith({}, {2}, DType::kBool))});
  }
  all["random_uniform"] =
      JoinErrors(all["random_uniform"],
                 {Error({}, "attribute low = nan is out of range",
                        TypeWith({{"low", kNaN}})),
                  Error({}, "must be finite", TypeWith({{"high", kInfinity}})),
                  Error({}, "low must be below high", TypeWith({{"low", 2.0}})),
                  Error({}, "not u8", TypeWith({}, {2}, DType::kU8))});
  all["auto_initializer"] = {
      Error({}, "has no fan-in and fan-out: expected two dimensions or more",
            TypeWith({}, {3})),
      Error({}, "both must be positive", TypeWith({}, {0, 3})),
      Error({}, "dimension batch of [batch,3] has no size yet",
            TypeWith({}, {"batch", 3}))};
}

}  // namespace

std::vector<OpError> MoreErrors(std::string_view op) {
  static const auto* const all = [] {
    auto* errors = new std::map<std::string_view, Errors>;
    AddElementwise(*errors);
    (*errors)["clamp"] = ClampErrors();
    (*errors)["select"] = SelectErrors();
    AddShapes(*errors);
    AddAlongAxes(*errors);
    AddWithoutInputs(*errors);
    return errors;
  }();
  const auto found = all->find(op);
  return found == all->end() ? Errors() : found->second;
}

}  // namespace evengrad
