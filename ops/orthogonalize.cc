// The orthogonal factor of a matrix: Q of A = Q R, where R has a positive
// diagonal, which makes Q unique. Of a matrix of independent normal numbers, Q
// is uniform over the orthogonal matrices (Mezzadri, "How to generate random
// matrices from the classical compact groups", 2007): without the sign rule it
// would not be.
//
// A matrix that has more columns than rows is orthogonalized by rows.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  if (input.rank() != 2) {
    return InvalidArgument("input must be a matrix, ", input.ToString(),
                           " has rank ", input.rank());
  }
  return std::vector<TensorType>{input};
}

// `count` vectors of `length` >= count numbers: the columns of a matrix[rows,
// columns], or its rows where there are more columns.
struct Vectors {
  explicit Vectors(const std::vector<int64_t>& sizes)
      : by_rows(sizes[0] < sizes[1]),
        columns(sizes[1]),
        count(std::min(sizes[0], sizes[1])),
        length(std::max(sizes[0], sizes[1])) {}

  // The place in the matrix of element `i` of vector `v`.
  int64_t Place(int64_t v, int64_t i) const {
    return by_rows ? v * columns + i : i * columns + v;
  }

  bool by_rows;
  int64_t columns;
  int64_t count;
  int64_t length;
};

double Dot(const double* a, const double* b, int64_t count) {
  double sums[4] = {};  // independent, so that they are computed side by side
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int lane = 0; lane < 4; ++lane) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// x -= 2 v (v · x) for a unit vector v (or none: all zeros).
void Reflect(const double* v, double* x, int64_t count) {
  const double factor = 2 * Dot(v, x, count);
  for (int64_t i = 0; i < count; ++i) x[i] -= factor * v[i];
}

// Turns x into a unit vector v so that Reflect(v) maps x to a multiple of its
// first axis, and returns that multiple: an element of the diagonal of R.
double MakeReflector(double* x, int64_t count) {
  const double largest =
      std::abs(*std::max_element(x, x + count, [](double a, double b) {
        return std::abs(a) < std::abs(b);
      }));
  if (largest == 0) return 0;
  for (int64_t i = 0; i < count; ++i) x[i] /= largest;
  const double norm = std::sqrt(Dot(x, x, count));
  const double image = x[0] > 0 ? -norm : norm;  // far from x: no cancellation
  x[0] -= image;
  const double length = std::sqrt(Dot(x, x, count));
  for (int64_t i = 0; i < count; ++i) x[i] /= length;
  return image * largest;
}

// Householder's method. `x` holds the vectors one after the other, and receives
// the orthonormal ones. `diagonal` has room for `count`, `v` for `length`.
void Orthonormalize(const Vectors& shape, double* x, double* diagonal,
                    double* v) {
  const int64_t length = shape.length;
  for (int64_t k = 0; k < shape.count; ++k) {
    double* reflector = x + k * length + k;
    diagonal[k] = MakeReflector(reflector, length - k);
    for (int64_t j = k + 1; j < shape.count; ++j) {
      Reflect(reflector, x + j * length + k, length - k);
    }
  }
  // Column k of the product of all reflections, the last one applied first. It
  // takes the place of reflector k, which no other column needs by then.
  for (int64_t k = shape.count - 1; k >= 0; --k) {
    double* column = x + k * length;
    std::copy(column + k, column + length, v);
    std::fill(column, column + length, 0.0);
    column[k] = 1;
    for (int64_t j = k; j < shape.count; ++j) {
      Reflect(v, x + j * length + k, length - k);
    }
  }
  for (int64_t k = 0; k < shape.count; ++k) {
    if (!(diagonal[k] < 0)) continue;
    for (int64_t i = 0; i < length; ++i) x[k * length + i] *= -1;
  }
}

class OrthogonalizeKernel : public Kernel {
 public:
  OrthogonalizeKernel(const KernelRequest& request, const Vectors& shape)
      : shape_(shape),
        dtype_(request.inputs[0].dtype),
        input_(request.input_buffers[0]),
        output_(request.output_buffers[0]) {}

  size_t scratch_bytes() const override {
    return sizeof(double) * static_cast<size_t>(shape_.count * shape_.length +
                                                shape_.count + shape_.length);
  }

  void Run(int, const KernelContext& context) const override {
    auto* x = reinterpret_cast<double*>(context.scratch);
    double* diagonal = x + shape_.count * shape_.length;
    for (int64_t v = 0; v < shape_.count; ++v) {
      for (int64_t i = 0; i < shape_.length; ++i) {
        x[v * shape_.length + i] =
            LoadAsDouble(dtype_, context.buffers[input_], shape_.Place(v, i));
      }
    }
    Orthonormalize(shape_, x, diagonal, diagonal + shape_.count);
    for (int64_t v = 0; v < shape_.count; ++v) {
      for (int64_t i = 0; i < shape_.length; ++i) {
        StoreFromDouble(dtype_, context.buffers[output_], shape_.Place(v, i),
                        x[v * shape_.length + i]);
      }
    }
  }

 private:
  Vectors shape_;
  DType dtype_;
  int input_;
  int output_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.inputs[0].shape.Sizes());
  return std::make_unique<OrthogonalizeKernel>(request, Vectors(sizes));
}

// Gram and Schmidt's method, each vector made orthogonal to those before it
// twice, since once leaves rounding errors of the size of the condition number.
absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  const Vectors shape(input.sizes);
  output.values = input.values;
  for (int64_t v = 0; v < shape.count; ++v) {
    auto at = [&](int64_t vector, int64_t i) -> double& {
      return output.values[shape.Place(vector, i)];
    };
    auto dot = [&](int64_t a, int64_t b) {
      double sum = 0;
      for (int64_t i = 0; i < shape.length; ++i) sum += at(a, i) * at(b, i);
      return sum;
    };
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t before = 0; before < v; ++before) {
        const double share = dot(before, v);
        for (int64_t i = 0; i < shape.length; ++i) {
          at(v, i) -= share * at(before, i);
        }
      }
    }
    double norm = std::sqrt(dot(v, v));
    if (!std::isfinite(norm)) norm = NAN;  // no direction can be told
    for (int64_t i = 0; i < shape.length; ++i) at(v, i) /= norm;
  }
  return absl::OkStatus();
}

// 2 n² m for the reflections and as much again to multiply them out.
Cost OrthogonalizeCost(const Node& node) {
  const std::vector<int64_t> sizes =
      node.output_type().shape.Sizes().value_or(std::vector<int64_t>{0, 0});
  const Vectors shape(sizes);
  const double count = static_cast<double>(shape.count);
  const double length = static_cast<double>(shape.length);
  return {.flops = 4 * count * count * (length - count / 3),
          .bytes = 2 * static_cast<double>(
                           node.output_type().ByteSize().value_or(0))};
}

}  // namespace

const OpDef& OrthogonalizeOp() {
  static const OpDef* const op = new OpDef{
      .name = "orthogonalize",
      .summary =
          "Q of input = Q R with a positive diagonal of R: orthonormal columns "
          "(rows, where there are more columns), by Householder's reflections",
      .inputs = {"input"},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .cost = OrthogonalizeCost,
  };
  return *op;
}

Value Orthogonalize(const Value& input, SourceLocation location) {
  return AddNode(OrthogonalizeOp(), {input}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
