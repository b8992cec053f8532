// How the kernel of a product cuts it into parts.
#include "evengrad/ops/matmul_kernel.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/vector_matmul.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

// [rows, depth] x [depth, columns] of numbers that sums do not round.
struct Product {
  Product(int64_t rows, int64_t depth, int64_t columns,
          bool transpose_weights = false)
      : rows(rows), depth(depth), columns(columns) {
    Graph graph;
    const Value input = Placeholder(graph, "input", F32({rows, depth}));
    const Value weights = Placeholder(
        graph, "weights",
        transpose_weights ? F32({columns, depth}) : F32({depth, columns}));
    const Node node =
        MatMul(input, weights, {.transpose_weights = transpose_weights}).node();
    for (int i = 0; i < 2; ++i) {
      tensors.push_back(*Tensor::Zeros(node.input(i).type()));
      const auto values = *tensors[i].mutable_values<float>();
      for (size_t k = 0; k < values.size(); ++k) {
        values[k] = static_cast<float>((k * (7 + i) + k / 11) % 19) - 9;
      }
    }
    tensors.push_back(*Tensor::Zeros(node.output_type()));
    KernelRequest request{.op = &node.op(),
                          .attributes = &node.attributes(),
                          .inputs = {input.type(), weights.type()},
                          .outputs = {node.output_type()},
                          .input_buffers = {0, 1},
                          .output_buffers = {2},
                          .reads_ahead = {{.buffer = 1, .bytes = 1000}}};
    auto made = MakeMatMulKernel(request);
    EXPECT_TRUE(made.ok()) << made.status();
    kernel = *std::move(made);
  }

  std::vector<double> Run() {
    std::vector<void*> buffers;
    for (Tensor& tensor : tensors) buffers.push_back(tensor.mutable_data());
    const std::shared_ptr<std::byte> scratch =
        AllocateAligned(static_cast<int64_t>(kernel->scratch_bytes()) + 1);
    const KernelContext context{.buffers = buffers.data(),
                                .scratch = scratch.get()};
    for (int part = 0; part < kernel->num_parts(); ++part) {
      kernel->Run(part, context);
    }
    return tensors[2].ToDoubles();
  }

  std::vector<double> Expected() const {
    const std::vector<double> a = tensors[0].ToDoubles();
    const std::vector<double> b = tensors[1].ToDoubles();
    std::vector<double> product(static_cast<size_t>(rows * columns), 0);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t k = 0; k < depth; ++k) {
        for (int64_t j = 0; j < columns; ++j) {
          product[i * columns + j] += a[i * depth + k] * b[k * columns + j];
        }
      }
    }
    return product;
  }

  int64_t rows;
  int64_t depth;
  int64_t columns;
  std::vector<Tensor> tensors;
  std::unique_ptr<Kernel> kernel;
};

// Too small to be cut by columns, and yet worth two workers.
TEST(MatMulKernelTest, CutsAProductOfFewRowsByRows) {
  Product product(32, 100, 100);
  EXPECT_EQ(product.kernel->num_parts(), VectorMatMul::Available() ? 2 : 1);
  EXPECT_EQ(product.Run(), product.Expected());
  for (const int64_t rows : {33, 40, 53, 100, 127}) {
    Product uneven(rows, 64, 100);
    EXPECT_EQ(uneven.Run(), uneven.Expected()) << rows;
  }
}

TEST(MatMulKernelTest, LeavesWholeWhatIsOverAtOnce) {
  EXPECT_EQ(Product(31, 100, 100).kernel->num_parts(), 1);
  EXPECT_EQ(Product(32, 100, 64).kernel->num_parts(), 1);
  EXPECT_EQ(Product(1, 1000, 100).kernel->num_parts(), 1);
}

// Each part would copy them all: transposed ones, and long rows.
TEST(MatMulKernelTest, LeavesWholeWhoseWeightsAreCopied) {
  EXPECT_EQ(Product(32, 100, 100, true).kernel->num_parts(), 1);
  EXPECT_EQ(Product(127, 300, 5).kernel->num_parts(), 1);
}

TEST(MatMulKernelTest, CutsTheLongerSide) {
  Product wide(32, 100, 300);
  EXPECT_EQ(wide.kernel->num_parts(), 3);
  EXPECT_EQ(wide.Run(), wide.Expected());
  Product high(300, 100, 32);
  EXPECT_EQ(high.kernel->num_parts(), 3);
  EXPECT_EQ(high.Run(), high.Expected());
}

}  // namespace
}  // namespace evengrad
