// Slices against Python's rules, and ops on tensors whose sizes are named.
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "run_op.h"

namespace evengrad {
namespace {

using testing::Counting;
using testing::RunKernel;
using testing::RunReference;

const Dimension kUnknown = Dimension::Unknown();

using Place = std::optional<int64_t>;

// 1, 2, 3 … sliced by walking as the definition says: from start by step until
// stop is reached or the end is passed.
std::vector<double> Walk(int64_t size, Place start, Place stop, int64_t step) {
  auto from_front = [&](int64_t place) {
    return place < 0 ? place + size : place;
  };
  std::vector<double> walked;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t place = step > 0 ? i : size - 1 - i;
    // The first that is not before start …
    if (start.has_value() && step > 0 && place < from_front(*start)) continue;
    if (start.has_value() && step < 0 && place > from_front(*start)) continue;
    // … and every step from there.
    for (int64_t k = place; k >= 0 && k < size; k += step) {
      if (stop.has_value() && step > 0 && k >= from_front(*stop)) break;
      if (stop.has_value() && step < 0 && k <= from_front(*stop)) break;
      walked.push_back(static_cast<double>(k + 1));
    }
    return walked;
  }
  return walked;
}

TEST(PartOpsTest, SlicesAreThoseOfPython) {
  std::vector<Place> places = {std::nullopt};
  for (int64_t i = -6; i <= 6; ++i) places.push_back(i);
  int slices = 0;
  for (int64_t size = 0; size <= 4; ++size) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({size}));
    const Tensor input = Counting({size});
    for (int64_t step : {1, 2, 3, 7, -1, -2, -3, -7}) {
      for (const Place& start : places) {
        for (const Place& stop : places) {
          const std::vector<double> expected = Walk(size, start, stop, step);
          const Value y =
              Slice(x, {{.start = start, .stop = stop, .step = step}});
          ASSERT_TRUE(y.valid()) << graph.status();
          ASSERT_EQ(y.shape()[0].size(), static_cast<int64_t>(expected.size()));
          EXPECT_EQ(*RunKernel(y, {input}), expected) << y.name();
          EXPECT_EQ(*RunReference(y, {input}), expected) << y.name();
          ++slices;
        }
      }
    }
  }
  EXPECT_EQ(slices, 5 * 8 * 14 * 14);
}

TEST(PartOpsTest, ScatterSliceUndoesEverySlice) {
  for (int64_t step : {1, 2, 3, -1, -2, -4}) {
    for (int64_t start = -6; start <= 6; ++start) {
      Graph graph;
      const Value x = Placeholder(graph, "x", F32({5, 4}));
      const std::vector<SliceRange> ranges = {
          {.axis = 0, .start = start, .step = step},
          {.axis = 1, .start = 1, .stop = 3}};
      const Value y = Slice(x, ranges);
      const Value back = ScatterSlice(y, x, ranges);
      ASSERT_TRUE(back.valid()) << graph.status();
      const Tensor part = Counting(*y.shape().Sizes());
      const Tensor whole = Counting({5, 4});
      const std::vector<double> placed = *RunKernel(back, {part, whole});
      EXPECT_EQ(placed, *RunReference(back, {part, whole}));
      Tensor again = *Tensor::Zeros(F32({5, 4}));
      for (int64_t i = 0; i < 20; ++i) {
        StoreFromDouble(DType::kF32, again.mutable_data(), i, placed[i]);
      }
      EXPECT_EQ(*RunKernel(y, {again}), part.ToDoubles());
    }
  }
}

TEST(PartOpsTest, ExtremePlacesAndStepsAreHarmless) {
  using Limits = std::numeric_limits<int64_t>;
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({3}));
  const Tensor input = Counting({3});
  auto slice = [&](int64_t start, int64_t stop, int64_t step) {
    const Value y = Slice(x, {{.start = start, .stop = stop, .step = step}});
    const std::vector<double> kernel = *RunKernel(y, {input});
    EXPECT_EQ(kernel, *RunReference(y, {input}));
    return kernel;
  };
  EXPECT_EQ(slice(Limits::min(), Limits::max(), Limits::max()),
            std::vector<double>({1}));
  EXPECT_EQ(slice(Limits::max(), Limits::min(), Limits::min()),
            std::vector<double>({3}));
  EXPECT_TRUE(slice(Limits::max(), Limits::min(), 1).empty());
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

// ---- Types ------------------------------------------------------------------

TEST(PartOpsTest, NamedSizesStayWhereTheyCan) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 6}));
  const Value y = Placeholder(graph, "y", F32({"batch", 2}));
  const Value open = Placeholder(graph, "open", F32({kUnknown, 2}));
  auto shape = [&](const Value& value) {
    EXPECT_TRUE(value.valid()) << graph.status();
    return value.valid() ? value.shape().ToString() : "";
  };
  EXPECT_EQ(shape(Concat({x, y}, 1)), "[batch,8]");
  EXPECT_EQ(shape(Concat({open, y}, 1)), "[batch,4]");
  EXPECT_EQ(shape(Concat({y, open, y})), "[?,2]");
  EXPECT_EQ(shape(Split(x, 3, 1)[2]), "[batch,2]");
  EXPECT_EQ(shape(Split(x, 2)[1]), "[?,6]");
  EXPECT_EQ(shape(Split(x, 1)[0]), "[batch,6]");
  EXPECT_EQ(shape(SplitSizes(x, {1, 5}, -1)[1]), "[batch,5]");
  EXPECT_EQ(shape(SplitLike(Concat({y, x}, 1), {y, x}, 1)[1]), "[batch,6]");
  EXPECT_EQ(shape(Slice(x, {{.axis = 1, .start = -2}})), "[batch,2]");
  EXPECT_EQ(shape(Slice(x, {{.step = -1}})), "[batch,6]");
  EXPECT_EQ(shape(Slice(x, {{.start = 1}})), "[?,6]");
  EXPECT_EQ(shape(Pad(x, {0, 1}, {0, 2})), "[batch,9]");
  EXPECT_EQ(shape(Pad(x, {1, 0}, {0, 0})), "[?,6]");
  EXPECT_EQ(shape(Tile(x, {1, 2})), "[batch,12]");
  EXPECT_EQ(shape(Tile(x, {2, 1})), "[?,6]");
  EXPECT_EQ(shape(Unsqueeze(x, {0, -1})), "[1,batch,6,1]");
  EXPECT_EQ(shape(Squeeze(Unsqueeze(x, {1, 3}))), "[batch,6]");
  EXPECT_EQ(shape(Iota(graph, I32({"batch", 3}))), "[batch,3]");
  EXPECT_EQ(shape(Eye(graph, F32({"batch", "batch"}))), "[batch,batch]");
  const Value indices = Placeholder(graph, "i", I32({"batch", 3}));
  EXPECT_EQ(shape(Gather(x, indices, 1)), "[batch,batch,3]");
  EXPECT_EQ(shape(ReduceProduct(x, {.axes = {1}})), "[batch]");
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

TEST(PartOpsTest, FailedSplitsGiveInvalidPieces) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const std::vector<Value> pieces = Split(x, 3);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_FALSE(pieces[2].valid());
  EXPECT_FALSE(Add(pieces[0], x).valid());
  EXPECT_NE(Message(graph.status()).find("no multiple of 3 parts"),
            std::string_view::npos)
      << graph.status();
  EXPECT_EQ(Split(x, -5).size(), 1u);
  EXPECT_LE(Split(x, int64_t{1} << 40).size(), size_t{65536});
  EXPECT_EQ(SplitSizes(x, {1, 2}).size(), 2u);
  EXPECT_EQ(SplitSizes(Value(), {1, 2}).size(), 2u);
  EXPECT_FALSE(Concat({}).valid());
}

// ---- Gradients at sizes that are known only when fed ------------------------

// d loss / d x in a session, for a batch of `batch` rows.
std::vector<double> GradientFor(const Graph& graph, const Value& x,
                                const Value& loss, int64_t batch) {
  const std::vector<Value> wrt = {x};
  const absl::StatusOr<std::vector<Value>> gradients = Gradients(loss, wrt);
  EXPECT_TRUE(gradients.ok()) << gradients.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  EXPECT_TRUE(session.ok()) << session.status();
  if (!gradients.ok() || !session.ok()) return {};
  const absl::StatusOr<RunResult> result =
      session->Run({gradients->front()}, {{x, Counting({batch, 2})}});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->values()[0].ToDoubles() : std::vector<double>();
}

TEST(PartOpsTest, GradientsPassThroughNamedSizes) {
  for (int64_t batch : {1, 2, 3}) {
    SCOPED_TRACE(batch);
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({"batch", 2}));
    // Every row counts once as it is, once tripled; rows but the first twice
    // more.
    const Value joined = Concat({x, 3 * x});
    const Value rest = Slice(x, {{.start = 1}});
    const Value padded = Pad(rest, {1, 0}, {0, 0});
    const Value loss = ReduceSum(joined) + ReduceSum(Tile(padded, {2, 1}));
    std::vector<double> expected(static_cast<size_t>(2 * batch), 6);
    expected[0] = expected[1] = 4;
    EXPECT_EQ(GradientFor(graph, x, loss, batch), expected);
  }
}

TEST(PartOpsTest, GradientsOfPiecesThatAreNotUsed) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const std::vector<Value> columns = Split(x, 2, 1);
  const Value loss = ReduceSum(Square(columns[1]));
  EXPECT_EQ(GradientFor(graph, x, loss, 2), std::vector<double>({0, 4, 0, 8}));
}

TEST(PartOpsTest, ABatchOfOneIsNotSqueezed) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const Value y = Squeeze(Unsqueeze(x, {1}));
  EXPECT_EQ(y.shape().ToString(), "[batch,2]");
  EXPECT_EQ(GradientFor(graph, x, ReduceSum(2 * y), 1),
            std::vector<double>({2, 2}));
}

// A batch that a graph cannot divide is refused when it is fed.
TEST(PartOpsTest, SizesAreCheckedWhenTheyAreKnown) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const std::vector<Value> halves = Split(x, 2);
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_TRUE(session->Run({halves[1]}, {{x, Counting({4, 2})}}).ok());
  const absl::Status status =
      session->Run({halves[1]}, {{x, Counting({3, 2})}}).status();
  EXPECT_NE(Message(status).find("the size 3 along axis 0 is no multiple of 2 "
                                 "parts"),
            std::string_view::npos)
      << status;
}

}  // namespace
}  // namespace evengrad
