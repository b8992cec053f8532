// Models made from bytes: each byte chooses an op or an input of one, so that
// a small change of the bytes is a small change of the model.
#ifndef EVENGRAD_TESTS_FUZZ_GENERATED_MODEL_H_
#define EVENGRAD_TESTS_FUZZ_GENERATED_MODEL_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

// Zeros, once there are no more.
class ByteSource {
 public:
  explicit ByteSource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  uint8_t Next() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  int64_t Index(size_t count) {
    return static_cast<int64_t>(Next() % std::max<size_t>(count, 1));
  }

 private:
  std::span<const uint8_t> bytes_;
};

// A program whose results are continuous functions of its inputs, with bounded
// intermediate values: what two ways of computing it may differ by stays small.
class GeneratedModel {
 public:
  explicit GeneratedModel(std::span<const uint8_t> bytes) : bytes_(bytes) {
    dtype_ = bytes_.Next() % 4 == 0 ? DType::kF64 : DType::kF32;
    batch_ = kSizes[bytes_.Index(std::size(kSizes))];
    // Kinks would make gradients jump where values are equal but for rounding.
    gradients_ = bytes_.Next() % 2 == 1;
    for (int64_t i = bytes_.Index(3); i >= 0; --i) AddInput();
    for (int i = 0; i < kMostOps && !bytes_.done(); ++i) AddOp();
    AddResults();
  }

  const absl::Status& status() const { return program_.graph.status(); }
  const Program& program() const { return program_; }
  std::vector<Feed> feeds() const { return feeds_; }

 private:
  static constexpr int kMostOps = 24;
  static constexpr double kLargest = 8;
  static constexpr int64_t kMostElements = 4096;
  static constexpr int64_t kSizes[] = {1, 2, 3, 5, 8, 17, 32, 7};

  struct Bounded {
    Value value;
    double bound;  // of the magnitude of elements
  };

  void AddInput() {
    Shape shape, fed;
    const int64_t rank = bytes_.Index(4);
    for (int64_t i = 0; i < rank; ++i) {
      const int64_t size = kSizes[bytes_.Index(std::size(kSizes))];
      const bool is_batch = i == 0 && bytes_.Next() % 2 == 0;
      shape.Append(is_batch ? Dimension("batch") : Dimension(size));
      fed.Append(is_batch ? batch_ : size);
    }
    const Value input = Placeholder(program_.graph, StrCat("x", feeds_.size()),
                                    {dtype_, shape});
    absl::StatusOr<Tensor> tensor = Tensor::Zeros({dtype_, fed});
    if (!tensor.ok()) return;
    uint32_t state = 1 + bytes_.Next();
    for (int64_t i = 0; i < tensor->num_elements(); ++i) {
      state = state * 1664525 + 1013904223;  // Numerical Recipes
      StoreFromDouble(dtype_, tensor->mutable_data(), i,
                      static_cast<double>(state >> 8) / (1 << 23) - 1);
    }
    feeds_.push_back({input, *tensor});
    values_.push_back({input, 1});
  }

  const Bounded& Pick() { return values_[bytes_.Index(values_.size())]; }
  int Axis(const Value& x) {
    return static_cast<int>(bytes_.Index(static_cast<size_t>(x.rank())));
  }

  // Large values are squashed before they are used.
  void Push(const Value& value, double bound) {
    if (!value.valid()) return;
    int64_t elements = 1;
    for (const Dimension& size : value.shape()) {
      elements *= size.is_integer() ? size.size() : 32;
    }
    if (elements > kMostElements) return;
    if (bound > kLargest) {
      values_.push_back({Tanh(value), 1});
    } else {
      values_.push_back({value, bound});
    }
  }

  // The same, or its mean where the shapes do not go together.
  Value Fitting(const Value& x, const Value& other) {
    return BroadcastShapes(x.shape(), other.shape()).ok() ? x : ReduceMean(x);
  }

  void AddOp() {
    const uint8_t choice = bytes_.Next();
    const Bounded x = Pick();
    switch (choice % 5) {
      case 0:
        return AddUnary(x);
      case 1:
        return AddBinary(x);
      case 2:
        return AddReduction(x);
      case 3:
        return AddShape(x);
      default:
        return AddProduct(x);
    }
  }

  void AddUnary(const Bounded& in) {
    const Value& x = in.value;
    const double b = in.bound;
    // The last five have kinks.
    switch (bytes_.Next() % (gradients_ ? 14 : 19)) {
      case 0:
        return Push(Tanh(x), 1);
      case 1:
        return Push(Sigmoid(x), 1);
      case 2:
        return Push(Negate(x), b);
      case 3:
        return Push(Gelu(x), b);
      case 4:
        return Push(Softplus(x), b + 1);
      case 5:
        return Push(Mish(x), b);
      case 6:
        return Push(Silu(x), b);
      case 7:
        return Push(Exp(Tanh(x)), 3);
      case 8:
        return Push(Square(x), b * b);
      case 9:
        return Push(Sqrt(Square(x) + 0.5), b + 1);
      case 10:
        return Push(Rsqrt(Square(x) + 0.5), 2);
      case 11:
        return Push(Log(Square(x) + 1), 2 * std::log(b + 1));
      case 12:
        return Push(Erf(x), 1);
      case 13:
        return Push(x * 0.75 + 0.25, b + 1);
      case 14:
        return Push(Relu(x), b);
      case 15:
        return Push(LeakyRelu(x, 0.2), b);
      case 16:
        return Push(Abs(x), b);
      case 17:
        return Push(Clamp(x, -0.5, 0.75), 1);
      default:
        return Push(Selu(x), 2 * b);
    }
  }

  void AddBinary(const Bounded& a) {
    const Bounded other = Pick();
    const Value b = Fitting(other.value, a.value);
    switch (bytes_.Next() % (gradients_ ? 4 : 6)) {
      case 0:
        return Push(a.value + b, a.bound + other.bound);
      case 1:
        return Push(a.value - b, a.bound + other.bound);
      case 2:
        return Push(a.value * b, a.bound * other.bound);
      case 3:
        return Push(a.value / (Square(b) + 0.5), 2 * a.bound);
      case 4:
        return Push(Maximum(a.value, b), std::max(a.bound, other.bound));
      default:
        return Push(Minimum(a.value, b), std::max(a.bound, other.bound));
    }
  }

  void AddReduction(const Bounded& in) {
    const Value& x = in.value;
    if (x.rank() == 0) return;
    const int axis = Axis(x);
    const ReduceOptions options = {.axes = {axis},
                                   .keep_dimensions = bytes_.Next() % 2 == 0};
    switch (bytes_.Next() % (gradients_ ? 6 : 7)) {
      case 0:
        return Push(ReduceSum(x, options), 32 * in.bound);
      case 1:
        return Push(ReduceMean(x, options), in.bound);
      case 2:
        return Push(Softmax(x, axis), 1);
      case 3:
        return Push(LogSoftmax(x, axis), 2 * in.bound + 4);
      case 4:
        return Push(ReduceLogSumExp(x, options), in.bound + 4);
      case 5:
        return Push(CumulativeSum(x, {.axis = axis}), 32 * in.bound);
      default:
        return Push(ReduceMax(x, options), in.bound);
    }
  }

  void AddShape(const Bounded& in) {
    const Value& x = in.value;
    if (x.rank() == 0) return;
    const int axis = Axis(x);
    std::vector<int64_t> counts(static_cast<size_t>(x.rank()), 0);
    switch (bytes_.Next() % 8) {
      case 0:
        return Push(Transpose(x), in.bound);
      case 1:
        return Push(Reshape(x, {Dimension::Unknown()}), in.bound);
      case 2:
        return Push(Slice(x, {{.axis = axis, .step = -1}}), in.bound);
      case 3:
        return Push(Slice(x, {{.axis = axis, .stop = 2}}), in.bound);
      case 4:
        return Push(Concat({x, x * 0.5}, axis), in.bound);
      case 5:
        counts[static_cast<size_t>(axis)] = 1;
        return Push(Pad(x, counts, counts, 0.5), std::max(in.bound, 0.5));
      case 6:
        counts.assign(counts.size(), 1);
        counts[static_cast<size_t>(axis)] = 2;
        return Push(Tile(x, counts), in.bound);
      default:
        return Push(Unsqueeze(x, {axis}), in.bound);
    }
  }

  void AddProduct(const Bounded& in) {
    const Value& x = in.value;
    if (x.rank() < 1 || x.rank() > 3) return;
    const Dimension last = x.shape()[x.rank() - 1];
    switch (bytes_.Next() % 3) {
      case 0: {
        if (!last.is_integer() || dtype_ != DType::kF32) return;
        const NameScope scope(program_.graph, StrCat("dense", layers_++));
        const Value rows = x.rank() == 1 ? Unsqueeze(x, {0}) : x;
        return Push(Dense(Tanh(rows), kSizes[bytes_.Index(5)]), 100);
      }
      case 1:
        if (x.rank() < 2) return;
        return Push(MatMul(x, x, {.transpose_weights = true}), 100);
      default:
        if (!last.is_integer() || dtype_ != DType::kF32) return;
        const NameScope scope(program_.graph, StrCat("norm", layers_++));
        return Push(LayerNorm(x, {.epsilon = 0.5}), 6);
    }
  }

  void AddResults() {
    if (values_.empty() || !status().ok()) return;
    program_.mode = Mode::kInference;
    const size_t count = std::min<size_t>(values_.size(), 3);
    for (size_t i = 0; i < count; ++i) {
      program_.fetches.push_back(
          {StrCat("y", i), values_[values_.size() - 1 - i].value});
    }
    if (!gradients_) return;
    std::vector<Value> wrt = Parameters(program_.graph);
    for (const Feed& feed : feeds_) wrt.push_back(feed.value);
    const absl::StatusOr<std::vector<Value>> gradients =
        Gradients(ReduceMean(Tanh(values_.back().value)), wrt,
                  {.zeros_for_unreached = true});
    if (!gradients.ok()) return;
    for (size_t i = 0; i < gradients->size(); ++i) {
      program_.fetches.push_back({StrCat("gradient", i), (*gradients)[i]});
    }
  }

  ByteSource bytes_;
  DType dtype_;
  int64_t batch_;
  bool gradients_ = false;
  int layers_ = 0;
  Program program_;
  std::vector<Feed> feeds_;
  std::vector<Bounded> values_;
};

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_FUZZ_GENERATED_MODEL_H_
