// Einsum against sums over all indices, and the nodes and errors it makes.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"

namespace evengrad {
namespace {

using Sizes = std::map<char, int64_t>;

// The terms and the output of an equation with an arrow.
struct Parts {
  std::vector<std::string> terms = {""};
  std::string output;
};
Parts Split(const std::string& equation) {
  Parts parts;
  const size_t arrow = equation.find("->");
  for (char c : equation.substr(0, arrow)) {
    if (c == ',') {
      parts.terms.emplace_back();
    } else {
      parts.terms.back() += c;
    }
  }
  parts.output = equation.substr(arrow + 2);
  return parts;
}

// Sizes that differ, so that no mistake hides.
const Sizes kSizes = {{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5}, {'e', 1}};

std::vector<int64_t> SizesOf(const std::string& letters) {
  std::vector<int64_t> sizes;
  for (char letter : letters) sizes.push_back(kSizes.at(letter));
  return sizes;
}

int64_t Place(const std::string& letters, const std::map<char, int64_t>& at) {
  int64_t place = 0;
  for (char letter : letters) {
    place = place * kSizes.at(letter) + at.at(letter);
  }
  return place;
}

// Adds the products of all combinations of indices up.
std::vector<double> Naive(const Parts& parts,
                          const std::vector<std::vector<double>>& inputs) {
  int64_t elements = 1;
  for (int64_t size : SizesOf(parts.output)) elements *= size;
  std::vector<double> output(static_cast<size_t>(elements), 0.0);
  std::string all;
  for (const std::string& term : parts.terms) {
    for (char letter : term) {
      if (all.find(letter) == std::string::npos) all += letter;
    }
  }
  std::map<char, int64_t> at;
  for (char letter : all) at[letter] = 0;
  while (true) {
    double product = 1;
    for (size_t i = 0; i < inputs.size(); ++i) {
      product *= inputs[i][static_cast<size_t>(Place(parts.terms[i], at))];
    }
    output[static_cast<size_t>(Place(parts.output, at))] += product;
    size_t next = 0;
    while (next < all.size() && ++at[all[next]] == kSizes.at(all[next])) {
      at[all[next++]] = 0;
    }
    if (next == all.size()) return output;
  }
}

std::vector<Tensor> DrawInputs(const Parts& parts) {
  testing::NumberSource numbers(3);
  std::vector<Tensor> inputs;
  for (const std::string& term : parts.terms) {
    Tensor tensor = *Tensor::Zeros(F64(Shape(SizesOf(term))));
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      StoreFromDouble(DType::kF64, tensor.mutable_data(), i,
                      numbers.Uniform(-1, 1));
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

// Placeholders of the inputs' shapes, with a name for each size above 1 where
// `named`.
std::vector<Value> AddInputs(const Graph& graph, const Parts& parts,
                             bool named) {
  std::vector<Value> values;
  for (const std::string& term : parts.terms) {
    Shape shape;
    for (char letter : term) {
      const int64_t size = kSizes.at(letter);
      shape.Append(named && size > 1 ? Dimension(std::string_view(&letter, 1))
                                     : Dimension(size));
    }
    values.push_back(Placeholder(graph, "input", F64(shape)));
  }
  return values;
}

void Compare(const std::string& equation, bool named) {
  SCOPED_TRACE(equation + (named ? " with names" : ""));
  const Parts parts = Split(equation);
  const std::vector<Tensor> tensors = DrawInputs(parts);
  std::vector<std::vector<double>> numbers;
  for (const Tensor& tensor : tensors) numbers.push_back(tensor.ToDoubles());
  const std::vector<double> expected = Naive(parts, numbers);

  Graph graph;
  const std::vector<Value> inputs = AddInputs(graph, parts, named);
  const Value output = Einsum(equation, inputs);
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<Feed> feeds;
  for (size_t i = 0; i < inputs.size(); ++i) {
    feeds.push_back({inputs[i], tensors[i]});
  }
  const Value fetches[] = {output};
  const absl::StatusOr<RunResult> result = session->Run(fetches, feeds);
  ASSERT_TRUE(result.ok()) << result.status();
  const Tensor& found = result->values()[0];
  EXPECT_EQ(found.type(), F64(Shape(SizesOf(parts.output))));
  const std::vector<double> values = found.ToDoubles();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(values[i], expected[i], 1e-12) << "element " << i;
  }
}

TEST(EinsumTest, EqualsTheSumOverAllIndices) {
  for (const char* equation :
       {// One input: sums and transposes.
        "ab->ab", "ab->ba", "ab->b", "ab->", "abc->ca", "a->a", "->",
        // Matrix products, in every order.
        "ab,bc->ac", "ab,bc->ca", "ba,bc->ac", "ab,cb->ac", "ba,cb->ca",
        "ab,b->a", "a,a->", "b,ab->a",
        // Products of many matrices.
        "abc,acd->abd", "abc,acd->adb", "acb,adc->abd", "abc,abd->adc",
        "abcd,abdc->ab", "dabc,dac->dab",
        // Several letters a side.
        "abc,bcd->ad", "abc,cd->abd", "abc,dcb->da", "cab,dab->dc",
        // Without a sum over both: outer and elementwise products.
        "a,b->ab", "a,b->ba", "ab,ab->ab", "ab,ba->ab", "ab,b->ab",
        "ab,cd->acbd", "a,->a",
        // Letters of one input alone are summed first.
        "abd,bc->ac", "ab,cd->", "abd,bce->ac", "ab,cb->",
        // A size of one, and three and four inputs.
        "aeb,bec->ac", "ab,bc,cd->ad", "a,b,c->abc", "ab,ac,ad->bcd",
        "ab,bc,cd,da->", "ab,ab,ab->a"}) {
    Compare(equation, false);
    Compare(equation, true);
  }
}

TEST(EinsumTest, WithoutAnArrowLettersThatStandOnceStayInOrder) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value y = Placeholder(graph, "y", F32({3, 4}));
  EXPECT_EQ(Einsum("ba,ac", {x, y}).type(), F32({2, 4}));
  EXPECT_EQ(Einsum("ba", {x}).type(), F32({3, 2}));
  EXPECT_EQ(Einsum(" i j , j k -> i k ", {x, y}).type(), F32({2, 4}));
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

int CountNodes(const Graph& graph, std::string_view op) {
  int count = 0;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    count += graph.node(id).op().name == op ? 1 : 0;
  }
  return count;
}

// Matrices that lie transposed are read so; nothing is copied.
TEST(EinsumTest, AMatrixProductIsOneNode) {
  for (const char* equation : {"ab,bc->ac", "ba,bc->ac", "ab,cb->ac"}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({3, 3}));
    const Value y = Placeholder(graph, "y", F32({3, 3}));
    Einsum(equation, {x, y});
    EXPECT_EQ(graph.num_nodes(), 3) << equation;
    EXPECT_EQ(CountNodes(graph, "matmul"), 1) << equation;
  }
}

TEST(EinsumTest, Gradients) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"batch", 2, 3}));
  const Value y = Placeholder(graph, "y", F64({"batch", 3, 4}));
  const Value weights = Placeholder(graph, "weights", F64({"batch", 4, 2}));
  const Value loss = ReduceSum(Einsum("bij,bjk->bki", {x, y}) * weights);
  const auto gradients = Gradients(loss, std::vector<Value>{x, y});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  // What the derivatives are, as sums of products.
  const Value expected_x = Einsum("bki,bjk->bij", {weights, y});
  const Value expected_y = Einsum("bki,bij->bjk", {weights, x});
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const Parts parts = {.terms = {"eab", "ebc", "eca"}, .output = ""};
  const std::vector<Tensor> tensors = DrawInputs(parts);
  const absl::StatusOr<RunResult> result =
      session->Run({(*gradients)[0], (*gradients)[1], expected_x, expected_y},
                   {{x, tensors[0]}, {y, tensors[1]}, {weights, tensors[2]}});
  ASSERT_TRUE(result.ok()) << result.status();
  for (int i : {0, 1}) {
    const std::vector<double> found = result->values()[i].ToDoubles();
    const std::vector<double> expected = result->values()[i + 2].ToDoubles();
    for (size_t k = 0; k < expected.size(); ++k) {
      EXPECT_NEAR(found[k], expected[k], 1e-12);
    }
  }
}

TEST(EinsumTest, ErrorsNameTheLineAndTheEquation) {
  auto message = [](std::string_view equation, std::vector<TensorType> types) {
    Graph graph;
    std::vector<Value> inputs;
    for (const TensorType& type : types) {
      inputs.push_back(Placeholder(graph, "input", type));
    }
    EXPECT_FALSE(
        Einsum(equation, inputs, Here("/home/me/model.cc", 27)).valid());
    const std::string text(Message(graph.status()));
    const std::string prefix = StrCat("model.cc:27: einsum '", equation, "': ");
    EXPECT_EQ(text.substr(0, prefix.size()), prefix);
    return text.size() < prefix.size() ? text : text.substr(prefix.size());
  };
  const TensorType matrix = F32({2, 3});
  EXPECT_EQ(message("...a->a", {matrix}),
            "unexpected '.' at position 0 of '...a->a'; an equation has "
            "letters, commas and at most one '->', such as \"bij,bjk->bik\"");
  EXPECT_EQ(message("ab-ba", {matrix}).substr(0, 28),
            "unexpected '-' at position 2");
  EXPECT_EQ(message("ab->a->b", {matrix}).substr(0, 28),
            "unexpected '-' at position 5");
  EXPECT_EQ(message("ab->a,b", {matrix}).substr(0, 28),
            "unexpected ',' at position 5");
  EXPECT_EQ(message("ab,bc->ac", {matrix}),
            "the equation has 2 term(s), 1 input(s) are given");
  EXPECT_EQ(message("abc->a", {matrix}),
            "term 'abc' has 3 letter(s), input 0 of type f32[2,3] has 2 "
            "dimension(s)");
  EXPECT_EQ(message("aa->a", {F32({2, 2})}),
            "'a' stands twice in term 'aa'; diagonals are not supported");
  EXPECT_EQ(message("ab->aa", {matrix}), "'a' stands twice in the output 'aa'");
  EXPECT_EQ(message("ab->ac", {matrix}),
            "the output has 'c', which no input has");
  EXPECT_EQ(message("ab,bc->ac", {matrix, F32({4, 5})}),
            "'b' is 3 in input 0 of type f32[2,3] and 4 in input 1 of type "
            "f32[4,5]");
}

TEST(EinsumTest, AnInvalidInputStaysQuiet) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value bad = MatMul(x, x);
  const std::string first(Message(graph.status()));
  EXPECT_FALSE(Einsum("ab,bc->ac", {x, bad}).valid());
  EXPECT_EQ(Message(graph.status()), first);
  EXPECT_FALSE(Einsum("ab->b", {Value()}).valid());
}

}  // namespace
}  // namespace evengrad
