// The ops that change shapes: type rules, errors, kernels, rewrites, gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

using testing::Counting;
using testing::Evaluate;
using testing::RunKernel;
using testing::RunReference;

const Dimension kUnknown = Dimension::Unknown();

// "[2,3]" or the graph's error.
std::string ShapeOf(const Value& value) {
  if (value.valid()) return value.shape().ToString();
  return std::string(Message(Graph::Of(value)->status()));
}

std::string Reshaped(const Shape& from, const Shape& to) {
  Graph graph;
  return ShapeOf(Reshape(Placeholder(graph, "x", F32(from)), to));
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
#define EXPECT_CONTAINS(text, part) \
  EXPECT_PRED2(Contains, std::string(text), std::string(part))

// ---- reshape ----------------------------------------------------------------

TEST(ShapeOpsTest, ReshapeInfersTheUnknownDimension) {
  EXPECT_EQ(Reshaped({2, 6}, {3, 4}), "[3,4]");
  EXPECT_EQ(Reshaped({2, 6}, {kUnknown, 3}), "[4,3]");
  EXPECT_EQ(Reshaped({1, 1}, {}), "[]");
  EXPECT_EQ(Reshaped({}, {1, kUnknown}), "[1,1]");
}

TEST(ShapeOpsTest, ReshapeWithSymbols) {
  EXPECT_EQ(Reshaped({"batch", 28, 28}, {"batch", 784}), "[batch,784]");
  EXPECT_EQ(Reshaped({"batch", 28, 28}, {kUnknown, 784}), "[batch,784]");
  EXPECT_EQ(Reshaped({"batch", 28, 28}, {"batch", kUnknown}), "[batch,784]");
  EXPECT_EQ(Reshaped({"a", "b", 6}, {"b", kUnknown, 6}), "[b,a,6]");
  EXPECT_EQ(Reshaped({"a", "b", 6}, {kUnknown, 6}), "[?,6]");
  EXPECT_EQ(Reshaped({"a", 6}, {kUnknown, 3}), "[?,3]");
  EXPECT_EQ(Reshaped({kUnknown, 6}, {kUnknown, 3}), "[?,3]");
  EXPECT_EQ(Reshaped({kUnknown, 6}, {"a", 3}), "[a,3]");
  EXPECT_EQ(Reshaped({"a", "b"}, {"c"}), "[c]");
  EXPECT_EQ(Reshaped({"a", 10}, {40}), "[40]");
}

TEST(ShapeOpsTest, ReshapeErrors) {
  EXPECT_CONTAINS(Reshaped({2, 6}, {5}),
                  "cannot reshape input f32[2,6] to [5]: the element counts "
                  "differ: [2,6] has 12 elements, [5] has 5");
  EXPECT_CONTAINS(Reshaped({"batch", 6}, {"batch", 7}),
                  "the element counts differ");
  EXPECT_CONTAINS(Reshaped({"batch", 6}, {40}), "the element counts differ");
  EXPECT_CONTAINS(Reshaped({2, 6}, {kUnknown, 5}),
                  "no size of the unknown dimension makes the "
                  "element counts equal");
  EXPECT_CONTAINS(Reshaped({2, 6}, {kUnknown, kUnknown}),
                  "at most one dimension may be unknown, [?,?] has 2");
  EXPECT_CONTAINS(Reshaped({2, 6}, {-1, 6}), "negative size in shape [-1,6]");
  EXPECT_CONTAINS(Reshaped({2}, {int64_t{1} << 40, int64_t{1} << 40, kUnknown}),
                  "overflows");
}

TEST(ShapeOpsTest, ReshapeOfNothing) {
  EXPECT_EQ(Reshaped({0, 3}, {5, 0}), "[5,0]");
  EXPECT_EQ(Reshaped({0}, {0, 0}), "[0,0]");
  EXPECT_EQ(Reshaped({0, 28, 28}, {0, kUnknown}), "[0,784]");
  EXPECT_EQ(Reshaped({0, 28, 28}, {kUnknown, 784}), "[0,784]");
  EXPECT_EQ(Reshaped({0, 3}, {kUnknown, 5}), "[0,5]");
  EXPECT_CONTAINS(Reshaped({5, 0}, {0, 0, kUnknown}),
                  "cannot tell the unknown dimension");
  EXPECT_CONTAINS(Reshaped({0}, {0, 0, kUnknown}),
                  "cannot tell the unknown dimension");
}

TEST(ShapeOpsTest, ReshapeSimplifies) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 4, 6}));
  auto simplify = [](const Value& v) {
    return v.node().op().simplify(v.node());
  };
  EXPECT_EQ(simplify(Reshape(x, {"batch", 4, 6})), std::vector<Value>{x});
  const Value once = Reshape(x, {"batch", 24});
  EXPECT_TRUE(simplify(once).empty());
  const std::vector<Value> merged = simplify(Reshape(once, {"batch", 8, 3}));
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].node().input(0), x);
  EXPECT_EQ(merged[0].shape(), Shape({"batch", 8, 3}));
}

// ---- transpose --------------------------------------------------------------

TEST(ShapeOpsTest, TransposeTypes) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 4, 6}));
  EXPECT_EQ(ShapeOf(Transpose(x)), "[6,4,batch]");
  EXPECT_EQ(ShapeOf(Transpose(x, {0, -1, 1})), "[batch,6,4]");
  EXPECT_CONTAINS(ShapeOf(Transpose(x, {0, 1})),
                  "cannot transpose input f32[batch,4,6]: the permutation has "
                  "2 axes, expected 3");
}

TEST(ShapeOpsTest, TransposeErrors) {
  auto transposed = [](std::vector<int64_t> permutation) {
    Graph graph;
    return ShapeOf(
        Transpose(Placeholder(graph, "x", F32({2, 3})), permutation));
  };
  EXPECT_CONTAINS(transposed({1, -1}), "names axis 1 twice");
  EXPECT_CONTAINS(transposed({0, 2}), "axis 2 is out of range for rank 2");
}

// Every order of the axes of `shape`, in the kernel of `dtype`.
void CheckTransposes(const Shape& shape, DType dtype) {
  const Tensor counting = Counting(*shape.Sizes());
  Tensor input = *Tensor::Zeros({dtype, shape});
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    StoreFromDouble(dtype, input.mutable_data(), i,
                    static_cast<int>(counting.ToDoubles()[i]) % 251);
  }
  std::vector<int64_t> permutation(shape.rank());
  for (int i = 0; i < shape.rank(); ++i) permutation[i] = i;
  do {
    Graph graph;
    const Value y =
        Transpose(Placeholder(graph, "x", {dtype, shape}), permutation);
    EXPECT_EQ(*RunKernel(y, {input}), *RunReference(y, {input}))
        << y.type().ToString();
  } while (std::next_permutation(permutation.begin(), permutation.end()));
}

TEST(ShapeOpsTest, TransposeKernels) {
  for (const Shape& shape :
       {Shape(), Shape({5}), Shape({37, 19}), Shape({16, 32}), Shape({1, 40}),
        Shape({3, 17, 5}), Shape({2, 3, 1, 4}), Shape({2, 3, 2, 3, 2}),
        Shape({0, 3}), Shape({2, 0, 4})}) {
    CheckTransposes(shape, DType::kF32);
  }
  for (DType dtype : {DType::kF64, DType::kBF16, DType::kU8, DType::kI64}) {
    CheckTransposes({18, 5, 3}, dtype);
  }
}

TEST(ShapeOpsTest, LargeTransposeInParts) {
  Graph graph;
  const Value y = Transpose(Placeholder(graph, "x", F32({300, 517})));
  const Tensor x = Counting({300, 517});
  const std::vector<double> forward = *RunKernel(y, {x});
  EXPECT_EQ(forward, *RunReference(y, {x}));
  EXPECT_EQ(forward, *RunKernel(y, {x}, {.parts_backward = true}));
}

TEST(ShapeOpsTest, TransposeSimplifies) {
  Graph graph;
  auto simplify = [](const Value& v) {
    return v.node().op().simplify(v.node());
  };
  const Value x = Placeholder(graph, "x", F32({2, 3, 4}));
  EXPECT_EQ(simplify(Transpose(x, {0, 1, 2})), std::vector<Value>{x});
  EXPECT_TRUE(simplify(Transpose(x)).empty());
  const std::vector<Value> merged =
      simplify(Transpose(Transpose(x, {1, 2, 0}), {1, 0, 2}));
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].node().input(0), x);
  EXPECT_EQ(merged[0].shape(), Shape({4, 3, 2}));
  const Value thin = Placeholder(graph, "thin", F32({2, 1, 4}));
  const std::vector<Value> moved = simplify(Transpose(thin, {1, 0, 2}));
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(&moved[0].node().op(), &ReshapeOp());
}

// ---- broadcast_to, broadcast_like, sum_to_like, reshape_like ----------------

std::string BroadcastedTo(const Shape& from, const Shape& to) {
  Graph graph;
  return ShapeOf(BroadcastTo(Placeholder(graph, "x", F32(from)), to));
}

TEST(ShapeOpsTest, BroadcastTo) {
  EXPECT_EQ(BroadcastedTo({}, {2, 3}), "[2,3]");
  EXPECT_EQ(BroadcastedTo({3, 1}, {2, 3, 0}), "[2,3,0]");
  EXPECT_EQ(BroadcastedTo({"batch", 1}, {"batch", 4}), "[batch,4]");
  EXPECT_EQ(BroadcastedTo({kUnknown}, {7}), "[7]");
  EXPECT_CONTAINS(BroadcastedTo({3}, {2, 4}),
                  "input f32[3] does not broadcast to [2,4]: 3 against 4 in "
                  "dimension 1");
  EXPECT_CONTAINS(BroadcastedTo({2, 3}, {3}), "rank 2 against rank 1");
  EXPECT_CONTAINS(BroadcastedTo({"batch"}, {4}), "batch against 4");
  EXPECT_CONTAINS(BroadcastedTo({3}, {kUnknown, 3}),
                  "must have no unknown dimension");
}

std::string Like(Value (*op)(const Value&, const Value&, std::vector<int64_t>,
                             SourceLocation),
                 const Shape& input, const Shape& like,
                 std::vector<int64_t> axes = {}) {
  Graph graph;
  return ShapeOf(op(Placeholder(graph, "x", F32(input)),
                    Placeholder(graph, "y", I32(like)), axes, Here()));
}

TEST(ShapeOpsTest, BroadcastLikeTypes) {
  const auto op = BroadcastLikeOver;
  EXPECT_EQ(Like(op, {3}, {"batch", 3}), "[batch,3]");
  EXPECT_EQ(Like(op, {"batch"}, {"batch", 3}, {1}), "[batch,3]");
  EXPECT_EQ(Like(op, {"batch"}, {"batch", 3}, {-1}), "[batch,3]");
  EXPECT_EQ(Like(op, {}, {kUnknown, 3}, {0, 1}), "[?,3]");
  EXPECT_EQ(Like(op, {1, 3}, {5, 2, 3}, {0}), "[5,2,3]");
  EXPECT_CONTAINS(Like(op, {"batch"}, {"batch", 3}),
                  "input f32[batch] does not broadcast to like i32[batch,3]: "
                  "batch against 3 in dimension 1");
  EXPECT_CONTAINS(Like(op, {3}, {2, 3}, {0, 1}),
                  "rank 1 and 2 added axes do not make rank 2");
  EXPECT_CONTAINS(Like(op, {}, {2, 3}, {0, -2}), "axis 0 is named twice");
  EXPECT_CONTAINS(Like(op, {3}, {2, 3}, {5}), "axis 5 is out of range");
}

TEST(ShapeOpsTest, SumToLikeTypes) {
  const auto op = SumToLikeOver;
  EXPECT_EQ(Like(op, {"batch", 3}, {3}), "[3]");
  EXPECT_EQ(Like(op, {"batch", 3}, {1, 3}), "[1,3]");
  EXPECT_EQ(Like(op, {"batch", 3}, {"batch"}, {1}), "[batch]");
  EXPECT_EQ(Like(op, {kUnknown, 3}, {7, 3}), "[7,3]");
  EXPECT_CONTAINS(Like(op, {"batch", 3}, {"batch"}),
                  "cannot sum input f32[batch,3] to the shape of like "
                  "i32[batch], which does not broadcast to it: batch against 3 "
                  "in dimension 1");
  EXPECT_CONTAINS(Like(op, {3}, {2, 3}), "rank 2 against rank 1");
}

TEST(ShapeOpsTest, ReshapeLikeTypes) {
  auto reshaped = [](const Shape& input, const Shape& like) {
    Graph graph;
    return ShapeOf(ReshapeLike(Placeholder(graph, "x", F32(input)),
                               Placeholder(graph, "y", I32(like))));
  };
  EXPECT_EQ(reshaped({"batch", 6}, {"batch", 2, 3}), "[batch,2,3]");
  EXPECT_EQ(reshaped({"batch", 6}, {kUnknown, 2, kUnknown}), "[?,2,?]");
  EXPECT_CONTAINS(reshaped({6}, {5}),
                  "cannot reshape input f32[6] to the shape of like i32[5]: "
                  "the element counts differ");
}

// The node's decomposition, in ops that need nothing of a type.
Value Decomposed(const Value& value) {
  const std::vector<Value> parts = value.node().op().decompose(value.node());
  EXPECT_EQ(parts.size(), 1u);
  if (parts.size() != 1) return Value();
  EXPECT_EQ(parts[0].type(), value.type());
  return parts[0];
}

// A node with a placeholder as input 0 and another as `like`: its decomposition
// gives what its reference does, and its gradient is its transpose:
// sum(g * f(x)) = sum(gradient(g) * x).
void CheckLinear(const Value& y) {
  SCOPED_TRACE(y.node().op().name.data() + y.type().ToString());
  const Value x = y.node().input(0);
  const Value like = y.node().num_inputs() > 1 ? y.node().input(1) : x;
  const Value g = Placeholder(y.node().graph(), "g", y.type());
  const Value gradient = y.node().op().gradient(y.node(), {&g, 1})[0];
  ASSERT_TRUE(gradient.valid()) << y.node().graph().status();
  EXPECT_EQ(gradient.type(), x.type());

  const std::vector<std::pair<Value, Tensor>> feeds = {
      {x, Counting(*x.shape().Sizes())},
      {like, Counting(*like.shape().Sizes())},
      {g, Counting(*g.shape().Sizes())}};
  const ReferenceTensor output = *Evaluate(y, feeds);
  if (y.node().op().decompose) {
    EXPECT_EQ(Evaluate(Decomposed(y), feeds)->values, output.values);
  }
  const ReferenceTensor back = *Evaluate(gradient, feeds);
  double forward_product = 0;
  double backward_product = 0;
  for (size_t i = 0; i < output.values.size(); ++i) {
    forward_product += output.values[i] * static_cast<double>(i + 1);
  }
  for (size_t i = 0; i < back.values.size(); ++i) {
    backward_product += back.values[i] * static_cast<double>(i + 1);
  }
  EXPECT_EQ(forward_product, backward_product);
}

struct LikeCase {
  Shape small;
  Shape large;
  std::vector<int64_t> axes;
};

TEST(ShapeOpsTest, BroadcastsAndSumsAreTransposesOfEachOther) {
  for (const LikeCase& c :
       {LikeCase{{3}, {2, 3}, {}}, LikeCase{{2, 1}, {2, 3}, {}},
        LikeCase{{}, {2, 3}, {}}, LikeCase{{2}, {2, 3}, {1}},
        LikeCase{{3}, {2, 3, 4}, {0, 2}}, LikeCase{{1, 4}, {2, 3, 4}, {0}},
        LikeCase{{}, {2, 3}, {0, 1}}, LikeCase{{3}, {1, 3}, {}},
        LikeCase{{2}, {2, 1}, {-1}}, LikeCase{{2, 1}, {2, 0}, {}},
        LikeCase{{0}, {0, 3}, {1}}, LikeCase{{1}, {1}, {}}}) {
    Graph graph;
    const Value small = Placeholder(graph, "small", F32(c.small));
    const Value large = Placeholder(graph, "large", F32(c.large));
    CheckLinear(BroadcastLikeOver(small, large, c.axes));
    CheckLinear(SumToLikeOver(large, small, c.axes));
    if (c.axes.empty()) CheckLinear(BroadcastTo(small, c.large));
    EXPECT_TRUE(graph.status().ok()) << graph.status();
  }
}

TEST(ShapeOpsTest, SumToLikeByHand) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value like = Placeholder(graph, "like", F32({2}));
  const Tensor input = Counting({2, 3});
  const Value y = SumToLikeOver(x, like, {1});
  EXPECT_EQ(*RunReference(y, {input, Counting({2})}),
            std::vector<double>({6, 15}));
  const Value wide = BroadcastLikeOver(like, x, {1});
  EXPECT_EQ(*RunReference(wide, {Counting({2}), input}),
            std::vector<double>({1, 1, 1, 2, 2, 2}));
}

TEST(ShapeOpsTest, ReshapesAndTransposesHaveTheirGradients) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3, 4}));
  const Value like = Placeholder(graph, "like", F32({6, 4}));
  CheckLinear(Reshape(x, {4, kUnknown}));
  CheckLinear(ReshapeLike(x, like));
  CheckLinear(Transpose(x, {1, 2, 0}));
  CheckLinear(Transpose(x));
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

TEST(ShapeOpsTest, LikeOpsOfTheSameShapeAreTheirInput) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3}));
  const Value same = Placeholder(graph, "same", F64({"batch", 3}));
  for (const Value& y : {BroadcastLike(x, same), SumToLike(x, same),
                         ReshapeLike(x, same), BroadcastTo(x, {"batch", 3})}) {
    EXPECT_EQ(y.node().op().simplify(y.node()), std::vector<Value>{x})
        << y.name();
  }
  const Value open = Placeholder(graph, "open", F32({kUnknown, 3}));
  for (const Value& y : {BroadcastLike(open, open), SumToLike(open, x)}) {
    EXPECT_TRUE(y.node().op().simplify(y.node()).empty()) << y.name();
  }
}

// ---- size_of ----------------------------------------------------------------

TEST(ShapeOpsTest, SizeOf) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3, 4}));
  const Value sizes = SizeOf(x, {-1, 1}, DType::kI64);
  EXPECT_EQ(sizes.type(), I64({}));
  const Tensor fed = Counting({2, 3, 4});
  EXPECT_EQ(*RunReference(sizes, {fed}), std::vector<double>{12});
  EXPECT_EQ(*RunReference(SizeOf(x), {fed}), std::vector<double>{24});
  auto decompose = [](const Value& v) {
    return v.node().op().decompose(v.node());
  };
  EXPECT_EQ(ScalarConstant(decompose(sizes).at(0)), 12);
  EXPECT_EQ(decompose(sizes)[0].dtype(), DType::kI64);
  EXPECT_TRUE(decompose(SizeOf(x)).empty());
  const Value g = Placeholder(graph, "g", F32({}));
  EXPECT_FALSE(sizes.node().op().gradient(sizes.node(), {&g, 1})[0].valid());
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

TEST(ShapeOpsTest, SizeOfErrors) {
  auto size_of = [](std::vector<int64_t> axes, DType dtype) {
    Graph graph;
    return ShapeOf(SizeOf(Placeholder(graph, "x", F32({2, 3})), axes, dtype));
  };
  EXPECT_CONTAINS(size_of({2}, DType::kF32),
                  "input f32[2,3]: axis 2 is out of range for rank 2");
  EXPECT_CONTAINS(size_of({1, -1}, DType::kF32), "axis 1 is named twice");
  EXPECT_CONTAINS(size_of({}, DType::kBool), "a size cannot be a bool");
}

}  // namespace
}  // namespace evengrad
