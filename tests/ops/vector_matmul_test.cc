// Own matrix products against plain loops in double.
#include "evengrad/ops/vector_matmul.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "evengrad/graph/tensor.h"
#include "tests/ops/instruction_sets.h"

namespace evengrad {
namespace {

struct Case {
  int64_t rows, depth, columns;
  bool transpose_input = false;
  bool transpose_weights = false;
  bool transpose_output = false;
};

MatrixProduct ProductOf(const Case& c) {
  return {.rows = c.rows,
          .depth = c.depth,
          .columns = c.columns,
          .input = c.transpose_input ? MatrixStrides{1, c.rows}
                                     : MatrixStrides{c.depth, 1},
          .weights = c.transpose_weights ? MatrixStrides{1, c.depth}
                                         : MatrixStrides{c.columns, 1},
          .output = c.transpose_output ? MatrixStrides{1, c.rows}
                                       : MatrixStrides{c.columns, 1}};
}

std::vector<float> RandomNumbers(int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> number(-1, 1);
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& x : numbers) x = number(random);
  return numbers;
}

// Exactly as large as said, so that tools see accesses beyond the ends.
struct Matrices {
  Matrices(const Case& c, std::mt19937& random)
      : input(RandomNumbers(c.rows * c.depth, random)),
        weights(RandomNumbers(c.depth * c.columns, random)),
        output(static_cast<size_t>(c.rows * c.columns), NAN) {}
  std::vector<float> input, weights, output;
};

void ExpectProduct(const Case& c, const Matrices& m) {
  const MatrixProduct p = ProductOf(c);
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t j = 0; j < c.columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < c.depth; ++k) {
        sum +=
            static_cast<double>(m.input[i * p.input.row + k * p.input.column]) *
            m.weights[k * p.weights.row + j * p.weights.column];
      }
      ASSERT_NEAR(m.output[i * p.output.row + j * p.output.column], sum,
                  1e-6 * std::sqrt(static_cast<double>(c.depth)) + 1e-6)
          << c.rows << "x" << c.depth << "x" << c.columns << " at " << i << ", "
          << j;
    }
  }
}

// Everything is fetched that a product may be asked to, from the output itself.
void Multiply(const VectorMatMul& matmul, const float* input,
              const float* weights, float* output,
              const BlockCallback& done = {}) {
  MatMulCompanions companions = {.count = MatMulCompanions::kMax};
  std::fill_n(companions.data, companions.count, output);
  MatMulAhead ahead = {.count = MatMulAhead::kMax};
  for (int i = 0; i < ahead.count; ++i) {
    ahead.data[i] = output;
    ahead.elements[i] = 100 * i;
  }
  const std::shared_ptr<std::byte> scratch =
      AllocateAligned(static_cast<int64_t>(matmul.scratch_bytes()) + 1);
  matmul.Run({.input = input,
              .weights = weights,
              .output = output,
              .scratch = scratch.get(),
              .done = done,
              .companions = companions,
              .ahead = ahead});
}

class VectorMatMulTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    if (!VectorMatMul::Available()) GTEST_SKIP() << "oneDNN multiplies here";
  }
  const UseInstructionSet use_set_{GetParam()};
  std::mt19937 random_{5};
};

INSTANTIATE_TEST_SUITE_P(EverySet, VectorMatMulTest,
                         ::testing::ValuesIn(InstructionSets()),
                         [](const auto& test) {
                           return std::string(hwy::TargetName(test.param));
                         });

TEST_P(VectorMatMulTest, EverySizeAndTransposition) {
  std::vector<Case> cases = {{1, 1, 1},      {32, 100, 100}, {100, 32, 100},
                             {32, 784, 30},  {7, 5, 3},      {97, 513, 40},
                             {300, 20, 17},  {20, 1100, 70}, {70, 9, 1100},
                             {530, 270, 25}, {80, 300, 420}, {70, 130, 1100}};
  for (int i = 0; i < 60; ++i) {
    cases.push_back({.rows = 1 + static_cast<int64_t>(random_() % 40),
                     .depth = 1 + static_cast<int64_t>(random_() % 70),
                     .columns = 1 + static_cast<int64_t>(random_() % 60)});
  }
  for (Case c : cases) {
    const int all = c.depth <= VectorMatMul::kDepthBlock ? 8 : 4;
    for (int transposed = 0; transposed < all; ++transposed) {
      c.transpose_input = (transposed & 1) != 0;
      c.transpose_weights = (transposed & 2) != 0;
      c.transpose_output = (transposed & 4) != 0;
      Matrices m(c, random_);
      Multiply(VectorMatMul(ProductOf(c)), m.input.data(), m.weights.data(),
               m.output.data());
      ASSERT_NO_FATAL_FAILURE(ExpectProduct(c, m));
    }
  }
}

// Rows are read in whole vectors. Behind the weights begins memory that may not
// be read.
TEST_P(VectorMatMulTest, NothingBeyondTheWeightsIsRead) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::byte* const end = static_cast<std::byte*>(memory) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  for (int64_t columns = 1; columns <= 17; ++columns) {
    for (const int64_t rows : {5, 64, 130}) {
      const Case c = {.rows = rows, .depth = 30, .columns = columns};
      Matrices m(c, random_);
      const size_t bytes = m.weights.size() * sizeof(float);
      std::memcpy(end - bytes, m.weights.data(), bytes);
      Multiply(VectorMatMul(ProductOf(c)), m.input.data(),
               reinterpret_cast<const float*>(end - bytes), m.output.data());
      ASSERT_NO_FATAL_FAILURE(ExpectProduct(c, m));
    }
  }
  munmap(memory, 2 * page);
}

// Blocks that this call fills, those that another has filled and those that
// another is filling are the same to it.
TEST_P(VectorMatMulTest, SharedBlocksChangeNoBit) {
  const Case c = {.rows = 530,
                  .depth = 600,
                  .columns = 500,
                  .transpose_input = true,
                  .transpose_weights = true};
  Matrices m(c, random_);
  const VectorMatMul matmul(ProductOf(c));
  Multiply(matmul, m.input.data(), m.weights.data(), m.output.data());
  SharedBlocks input(matmul.input_blocks(), matmul.input_block_elements());
  SharedBlocks weights(matmul.weights_blocks(),
                       matmul.weights_block_elements());
  ASSERT_GT(matmul.input_blocks(), 3);
  ASSERT_GT(matmul.weights_blocks(), 3);
  const std::shared_ptr<std::byte> scratch =
      AllocateAligned(static_cast<int64_t>(matmul.scratch_bytes()) + 1);
  auto run = [&] {
    std::vector<float> output(m.output.size());
    matmul.Run({.input = m.input.data(),
                .weights = m.weights.data(),
                .output = output.data(),
                .scratch = scratch.get(),
                .shared_input = &input,
                .shared_weights = &weights});
    return output;
  };
  auto expect_filled = [&](SharedBlocks& blocks, int64_t count) {
    float own = 0;
    for (int64_t block = 0; block < count; ++block) {
      EXPECT_EQ(blocks.Take(block, &own).filled, block % 2 == 0) << block;
    }
  };
  EXPECT_EQ(run(), m.output);  // fills all
  EXPECT_EQ(run(), m.output);  // reads them
  input.Clear();
  weights.Clear();
  float own = 0;
  for (int64_t block = 1; block < matmul.input_blocks(); block += 2) {
    input.Take(block, &own);
  }
  for (int64_t block = 1; block < matmul.weights_blocks(); block += 2) {
    weights.Take(block, &own);
  }
  EXPECT_EQ(run(), m.output);
  expect_filled(input, matmul.input_blocks());
  expect_filled(weights, matmul.weights_blocks());
}

// What lets results not depend on how a product is cut.
TEST_P(VectorMatMulTest, PanelsHaveTheBitsOfTheWhole) {
  for (const Case& c : {Case{.rows = 50, .depth = 600, .columns = 90},
                        Case{.rows = 90, .depth = 600, .columns = 500}}) {
    Matrices m(c, random_);
    const MatrixProduct whole = ProductOf(c);
    Multiply(VectorMatMul(whole), m.input.data(), m.weights.data(),
             m.output.data());
    std::vector<float> parts(m.output.size());
    for (const auto& [row, rows, column, columns] :
         {std::array<int64_t, 4>{0, 13, 0, c.columns},
          {13, c.rows - 13, 0, 32},
          {13, c.rows - 13, 32, c.columns - 32}}) {
      MatrixProduct part = whole;
      part.rows = rows;
      part.columns = columns;
      Multiply(VectorMatMul(part), m.input.data() + row * whole.input.row,
               m.weights.data() + column,
               parts.data() + row * c.columns + column);
    }
    EXPECT_EQ(std::memcmp(parts.data(), m.output.data(),
                          parts.size() * sizeof(float)),
              0);
  }
}

TEST_P(VectorMatMulTest, TheCallbackSeesEveryBlockOnce) {
  struct Seen {
    const float* output;
    MatrixStrides whole;
    bool transient;
    MatrixStrides block;  // where it is transient
    std::vector<float> copy;
    std::vector<int> visits;
  };
  for (const int kind : {0, 1, 2, 3}) {
    const bool transient = (kind & 1) != 0;
    for (Case c : {Case{.rows = 230, .depth = 31, .columns = 410},
                   Case{.rows = 70, .depth = 140, .columns = 300},
                   Case{.rows = 75, .depth = 40, .columns = 1100},
                   Case{.rows = 1100, .depth = 40, .columns = 32}}) {
      c.transpose_output = (kind & 2) != 0;
      Matrices m(c, random_);
      const MatrixStrides at = ProductOf(c).output;
      const VectorMatMul matmul(ProductOf(c), transient);
      std::vector<float> output(static_cast<size_t>(
          transient ? matmul.block_elements() : c.rows * c.columns));
      const int64_t line = matmul.block_row();
      Seen seen = {
          output.data(),
          at,
          transient,
          c.transpose_output ? MatrixStrides{1, line} : MatrixStrides{line, 1},
          std::vector<float>(m.output.size()),
          std::vector<int>(m.output.size(), 0)};
      Multiply(
          matmul, m.input.data(), m.weights.data(), output.data(),
          {[](void* argument, const MatrixBlock& block) {
             Seen& s = *static_cast<Seen*>(argument);
             for (int64_t i = block.row_begin; i < block.row_end; ++i) {
               for (int64_t j = block.column_begin; j < block.column_end; ++j) {
                 const int64_t in_whole = i * s.whole.row + j * s.whole.column;
                 const int64_t in_block =
                     (i - block.row_begin) * s.block.row +
                     (j - block.column_begin) * s.block.column;
                 s.copy[in_whole] = s.output[s.transient ? in_block : in_whole];
                 ++s.visits[in_whole];
               }
             }
           },
           &seen});
      EXPECT_EQ(seen.visits, std::vector<int>(seen.visits.size(), 1));
      m.output = seen.copy;
      ASSERT_NO_FATAL_FAILURE(ExpectProduct(c, m));
    }
  }
}

TEST_P(VectorMatMulTest, BadNumbersStayInTheirRowAndColumn) {
  const Case c{.rows = 9, .depth = 12, .columns = 21};
  Matrices m(c, random_);
  m.input[3 * c.depth + 2] = NAN;
  Multiply(VectorMatMul(ProductOf(c)), m.input.data(), m.weights.data(),
           m.output.data());
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t j = 0; j < c.columns; ++j) {
      EXPECT_EQ(std::isnan(m.output[i * c.columns + j]), i == 3) << i << j;
    }
  }
}

}  // namespace
}  // namespace evengrad
