// ONNX ops that give the same elements another shape, and those about shapes.
#include <algorithm>
#include <limits>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

// `wanted` with 0 replaced by the input's size, and with -1 by what is left of
// the input, where the sizes that are only named cancel.
absl::StatusOr<Shape> Resolve(const Shape& input, Shape wanted,
                              bool zero_is_zero) {
  int open = -1;
  for (int i = 0; i < wanted.rank(); ++i) {
    if (!wanted[i].is_integer()) continue;
    if (wanted[i].size() == -1) {
      if (open >= 0) return InvalidArgument("two sizes are -1");
      open = i;
    } else if (wanted[i].size() < -1) {
      return InvalidArgument("there is no size ", wanted[i].size());
    } else if (wanted[i].size() == 0 && !zero_is_zero) {
      if (i >= input.rank()) {
        return InvalidArgument("size ", i, " is to be the input's, which has ",
                               input.rank(), " axes");
      }
      wanted[i] = input[i];
    }
  }
  if (open < 0) return wanted;
  // What the sizes that both have leave of the input.
  std::vector<Dimension> left(input.begin(), input.end());
  int64_t divisor = 1;
  bool is_open = false;
  for (int i = 0; i < wanted.rank(); ++i) {
    if (i == open) continue;
    if (wanted[i].is_integer()) {
      is_open |= __builtin_mul_overflow(divisor, wanted[i].size(), &divisor);
      continue;
    }
    const auto same = std::ranges::find(left, wanted[i]);
    if (same == left.end()) {
      is_open = true;
    } else {
      left.erase(same);
    }
  }
  const Dimension rest =
      ProductOf(Shape(left), 0, static_cast<int>(left.size()));
  wanted[open] = Dimension::Unknown();
  if (is_open) return wanted;
  if (rest.is_integer() && divisor > 0 && rest.size() % divisor == 0) {
    wanted[open] = rest.size() / divisor;
  } else if (rest.is_symbol() && divisor == 1) {
    wanted[open] = rest;
  }
  return wanted;
}

absl::StatusOr<Value> ReshapeTo(const Value& x, const Shape& shape) {
  int unknown = 0;
  for (const Dimension& size : shape) unknown += size.is_unknown() ? 1 : 0;
  if (unknown > 1) {
    return Call::Unsupported("a reshape to ", shape.ToString(),
                             ", of which two sizes are known only while the "
                             "model runs");
  }
  return Reshape(x, shape);
}

OnnxResult ReshapeRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const bool zero_is_zero = call.Integer("allowzero", 0) != 0;
  if (const Value like = call.ShapeSource(1); like.valid()) {
    call.IgnoreInput(1);
    return One(ReshapeLike(x, like));
  }
  Shape wanted;
  if (call.opset() < 5) {
    wanted = Shape(std::span<const int64_t>(call.Integers("shape")));
  } else {
    EVENGRAD_ASSIGN_OR_RETURN(wanted, call.KnownShape(1));
  }
  if (wanted.rank() > Shape::kMaxRank) {
    return Call::Unsupported("a shape of ", wanted.rank(), " axes");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Shape shape,
                            Resolve(x.shape(), wanted, zero_is_zero));
  EVENGRAD_ASSIGN_OR_RETURN(const Value result, ReshapeTo(x, shape));
  return One(result);
}

OnnxResult Flatten(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  int64_t axis = call.Integer("axis", 1);
  if (axis < 0) axis += x.rank();
  if (axis < 0 || axis > x.rank()) {
    return InvalidArgument("axis must be in [", -x.rank(), ", ", x.rank(),
                           "], found ", axis);
  }
  const int split = static_cast<int>(axis);
  EVENGRAD_ASSIGN_OR_RETURN(
      const Value result,
      ReshapeTo(x, {ProductOf(x.shape(), 0, split),
                    ProductOf(x.shape(), split, x.rank())}));
  return One(result);
}

OnnxResult TransposeRule(Call& call) {
  return One(Transpose(call.input(0), call.Integers("perm")));
}

OnnxResult SqueezeRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> axes,
                            call.IntegersOrInput("axes", 1, 13));
  return One(Squeeze(x, std::move(axes)));
}

OnnxResult UnsqueezeRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> axes,
                            call.IntegersOrInput("axes", 1, 13));
  return One(Unsqueeze(x, std::move(axes)));
}

// Broadcasts both ways.
OnnxResult Expand(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Shape wanted, call.KnownShape(1));
  for (const Dimension& size : wanted) {
    if (size.is_unknown()) {
      return Call::Unsupported("an expansion to ", wanted.ToString());
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Shape shape,
                            BroadcastShapes(x.shape(), wanted));
  const Value like = call.ShapeSource(1);
  if (like.valid() && shape == wanted) return One(BroadcastLike(x, like));
  return One(BroadcastTo(x, shape));
}

OnnxResult TileRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> repeats,
                            call.KnownIntegers(1));
  return One(Tile(x, std::move(repeats)));
}

// The sizes as i64: numbers where they are known, else looked up in a run.
OnnxResult ShapeOf(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const auto place = [&](std::string_view name, int64_t fallback) {
    int64_t axis = call.Integer(name, fallback);
    if (axis < 0) axis += x.rank();
    return static_cast<int>(std::clamp<int64_t>(axis, 0, x.rank()));
  };
  const int first = place("start", 0);
  const int last = place("end", x.rank());
  Shape sizes;
  std::vector<Value> parts;
  for (int i = first; i < last; ++i) {
    sizes.Append(x.shape()[i]);
    parts.push_back(Unsqueeze(SizeOf(x, {i}, DType::kI64), {0}));
  }
  Value result;
  if (sizes.is_static()) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers,
                              sizes.Sizes());
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor,
                              Tensor::Of<int64_t>({sizes.rank()}, numbers));
    result = Constant(call.graph(), tensor);
  } else {
    result = Concat(parts);
  }
  const bool whole = sizes.rank() == x.rank() && !sizes.is_static();
  call.SetKnown(result, sizes, whole ? x : Value());
  return One(result);
}

OnnxResult Size(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  return One(SizeOf(x, {}, DType::kI64));
}

// [batch, blocks, …] between channels and places; both need numbers.
absl::StatusOr<std::vector<int64_t>> ImageSizes(const Value& x) {
  if (x.rank() != 4) {
    return InvalidArgument(
        "the input must be [batch, channels, height, "
        "width], found ",
        x.type().ToString());
  }
  std::vector<int64_t> sizes;
  for (int i = 1; i < 4; ++i) {
    if (!x.shape()[i].is_integer()) {
      return Call::Unsupported("an image of open size, ", x.type().ToString());
    }
    sizes.push_back(x.shape()[i].size());
    if (sizes.back() > std::numeric_limits<int32_t>::max()) {
      return InvalidArgument("the image is too large: ", x.type().ToString());
    }
  }
  return sizes;
}

absl::StatusOr<int64_t> BlockSize(Call& call) {
  const int64_t block = call.Integer("blocksize", 0);
  if (block >= 1 && block <= 1 << 16) return block;
  return InvalidArgument("blocksize must be positive, found ", block);
}

OnnxResult DepthToSpace(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, ImageSizes(x));
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t block, BlockSize(call));
  const std::string mode = call.Text("mode", "DCR");
  const Dimension batch = x.shape()[0];
  const int64_t channels = sizes[0] / (block * block);
  const Value parts =
      mode == "CRD"
          ? Transpose(
                Reshape(x, {batch, channels, block, block, sizes[1], sizes[2]}),
                {0, 1, 4, 2, 5, 3})
          : Transpose(
                Reshape(x, {batch, block, block, channels, sizes[1], sizes[2]}),
                {0, 3, 4, 1, 5, 2});
  return One(
      Reshape(parts, {batch, channels, sizes[1] * block, sizes[2] * block}));
}

OnnxResult SpaceToDepth(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, ImageSizes(x));
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t block, BlockSize(call));
  const Dimension batch = x.shape()[0];
  const Value parts = Transpose(Reshape(x, {batch, sizes[0], sizes[1] / block,
                                            block, sizes[2] / block, block}),
                                {0, 3, 5, 1, 2, 4});
  return One(Reshape(parts, {batch, sizes[0] * block * block, sizes[1] / block,
                             sizes[2] / block}));
}

constexpr OnnxImport kRules[] = {
    {"DepthToSpace", 1, DepthToSpace},
    {"Expand", 8, Expand},
    {"Flatten", 1, Flatten},
    {"Reshape", 1, ReshapeRule},
    {"Shape", 1, ShapeOf},
    {"Size", 1, Size},
    {"SpaceToDepth", 1, SpaceToDepth},
    {"Squeeze", 1, SqueezeRule},
    {"Tile", 6, TileRule},
    {"Transpose", 1, TransposeRule},
    {"Unsqueeze", 1, UnsqueezeRule},
};

}  // namespace

std::span<const OnnxImport> OnnxShapeImports() { return kRules; }

}  // namespace evengrad
