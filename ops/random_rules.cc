#include "evengrad/ops/random_rules.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "evengrad/graph/status.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

// Draws take this many times as long as touching an element.
constexpr int64_t kWorkPerElement = 16;

class RandomKernel : public Kernel {
 public:
  RandomKernel(const TensorType& type, int64_t num_elements, int64_t stream,
               int buffer, StandardFunction standard, RandomScale scale)
      : dtype_(type.dtype),
        num_elements_(num_elements),
        stream_(stream),
        buffer_(buffer),
        standard_(standard),
        scale_(scale),
        wide_(HasWideDraws(type.dtype)),
        draws_(DrawsPerBlock(wide_)),
        blocks_((num_elements + draws_ - 1) / draws_),
        num_parts_(std::max(1, NumParts(num_elements * kWorkPerElement,
                                        std::max<int64_t>(blocks_, 1)))) {}

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const RandomSource source = {context.seed, context.step, stream_};
    void* output = context.output<void>(buffer_);
    const Range range = PartRange(blocks_, part, num_parts_);
    for (int64_t block = range.begin; block < range.end; ++block) {
      double values[4];
      standard_(source.Block(block), wide_, values);
      const int64_t begin = block * draws_;
      const int64_t end = std::min(begin + draws_, num_elements_);
      for (int64_t i = begin; i < end; ++i) {
        const double value = scale_.offset + scale_.scale * values[i - begin];
        StoreFromDouble(dtype_, output, i,
                        std::clamp(value, scale_.minimum, scale_.maximum));
      }
    }
  }

 private:
  DType dtype_;
  int64_t num_elements_;
  int64_t stream_;
  int buffer_;
  StandardFunction standard_;
  RandomScale scale_;
  bool wide_;
  int draws_;
  int64_t blocks_;
  int num_parts_;
};

float RoundDownToFloat(double value) {
  const float limit = std::numeric_limits<float>::max();
  if (value >= limit) return limit;
  if (value < -limit) return -std::numeric_limits<float>::infinity();
  const float nearest = static_cast<float>(value);
  return nearest > value ? std::nextafter(nearest, -INFINITY) : nearest;
}

}  // namespace

std::vector<AttributeDef> RandomAttributes(
    std::vector<AttributeDef> parameters) {
  std::vector<AttributeDef> attributes = {
      {.name = "dtype", .fallback = DType::kF32, .required = true},
      {.name = "shape", .fallback = Shape(), .required = true}};
  for (AttributeDef& parameter : parameters) {
    attributes.push_back(std::move(parameter));
  }
  attributes.push_back({.name = "stream",
                        .fallback = int64_t{-1},
                        .summary = "the sequence; -1: a hash of the name",
                        .minimum = -1});
  return attributes;
}

absl::StatusOr<TensorType> InferRandom(const InferContext& context) {
  const TensorType type = {context.attribute<DType>("dtype"),
                           context.attribute<Shape>("shape")};
  if (!IsFloating(type.dtype)) {
    return InvalidArgument("random numbers are f32, f64 or bf16, not ",
                           Name(type.dtype));
  }
  EVENGRAD_RETURN_IF_ERROR(
      CheckRandomShape(type, DrawsPerBlock(HasWideDraws(type.dtype))));
  return type;
}

absl::Status CheckRandomShape(const TensorType& type, int draws_per_block) {
  if (HasUnknown(type.shape)) {
    return InvalidArgument("the shape ", type.shape.ToString(),
                           " must have no unknown dimension; use integers and "
                           "names");
  }
  const absl::StatusOr<int64_t> elements = type.shape.NumElements();
  const int64_t limit = RandomSource::kMaxBlocks * draws_per_block;
  if (elements.ok() && *elements > limit) {
    return InvalidArgument(type.ToString(), " has ", *elements,
                           " elements, a random stream has ", limit);
  }
  return absl::OkStatus();
}

Value AddRandom(const Graph& graph, const OpDef& op, const TensorType& type,
                Attributes parameters, const RandomOptions& options,
                SourceLocation location) {
  parameters.emplace("dtype", type.dtype);
  parameters.emplace("shape", type.shape);
  parameters.emplace("stream", options.stream);
  return Graph(graph)
      .Add(op, {}, std::move(parameters),
           {.name = options.name, .location = location})
      .output();
}

std::unique_ptr<Kernel> MakeRandomKernel(const KernelRequest& request,
                                         StandardFunction standard,
                                         RandomScale scale) {
  const TensorType& type = request.outputs[0];
  return std::make_unique<RandomKernel>(
      type, type.shape.NumElements().value_or(0),
      request.attribute<int64_t>("stream"), request.output_buffers[0], standard,
      scale);
}

absl::Status ReferenceRandom(
    const ReferenceCall& call,
    const std::function<double(const PhiloxCounter& block, bool wide, int i)>&
        element) {
  ReferenceTensor& output = call.output();
  const RandomSource source = {call.seed, call.step,
                               call.attribute<int64_t>("stream")};
  const bool wide = HasWideDraws(output.dtype);
  const int draws = DrawsPerBlock(wide);
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    output.values[i] =
        element(source.Block(i / draws), wide, static_cast<int>(i % draws));
  }
  return absl::OkStatus();
}

bool IsBernoulliSuccess(const RandomSource& source, int64_t i,
                        double probability) {
  const uint32_t draw = source.Block(i / 4)[static_cast<size_t>(i % 4)];
  return static_cast<double>(draw) / 4294967296.0 < probability;
}

double RoundDown(DType dtype, double value) {
  if (dtype == DType::kF64) return value;
  const float rounded = RoundDownToFloat(value);
  if (dtype == DType::kF32 || std::isinf(rounded)) return rounded;
  // bf16 is the upper half of a float: dropping the lower half rounds toward
  // zero.
  uint32_t bits;
  std::memcpy(&bits, &rounded, sizeof(bits));
  if (rounded < 0 && (bits & 0xffffu) != 0) bits += 0x10000u;
  return ToFloat(BFloat16{static_cast<uint16_t>(bits >> 16)});
}

std::vector<AttributeDef> NormalParameters() {
  return {{.name = "mean", .fallback = 0.0},
          {.name = "deviation", .fallback = 1.0, .minimum = 0}};
}

absl::StatusOr<std::vector<TensorType>> InferNormal(
    const InferContext& context) {
  const double mean = context.attribute<double>("mean");
  const double deviation = context.attribute<double>("deviation");
  if (!std::isfinite(mean) || !std::isfinite(deviation)) {
    return InvalidArgument("mean = ", mean, " and deviation = ", deviation,
                           " must be finite");
  }
  EVENGRAD_ASSIGN_OR_RETURN(TensorType type, InferRandom(context));
  return std::vector<TensorType>{std::move(type)};
}

}  // namespace evengrad
