#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {
namespace {

absl::Status CheckGroups(const Shape& shape, const WeightLayout& layout,
                         int64_t channels) {
  if (layout.groups == 1) return absl::OkStatus();
  if (shape.rank() == 2) {
    return InvalidArgument("groups = ", layout.groups, " for the matrix ",
                           shape.ToString(),
                           ", expected 1; only convolutions have groups");
  }
  if (layout.groups >= 1 && channels % layout.groups == 0) {
    return absl::OkStatus();
  }
  return InvalidArgument("groups = ", layout.groups, " of a kernel of shape ",
                         shape.ToString(), ", expected a divisor of its ",
                         channels, layout.transposed ? " inputs" : " outputs");
}

}  // namespace

absl::StatusOr<Fans> ComputeFans(const Shape& shape,
                                 const WeightLayout& layout) {
  if (shape.rank() < 2) {
    return InvalidArgument(
        "a weight of shape ", shape.ToString(),
        " has no fan-in and fan-out: expected two dimensions or more; give a "
        "constant initializer or one of your own");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, shape.Sizes());
  EVENGRAD_RETURN_IF_ERROR(CheckGroups(shape, layout, sizes[0]));
  double field = 1;
  for (size_t i = 2; i < sizes.size(); ++i) {
    field *= static_cast<double>(sizes[i]);
  }
  Fans fans = {.in = field * static_cast<double>(sizes[0] / layout.groups),
               .out = field * static_cast<double>(sizes[1])};
  const bool first_axis_is_out = (sizes.size() > 2) != layout.transposed;
  if (first_axis_is_out) std::swap(fans.in, fans.out);
  if (!(fans.in > 0) || !(fans.out > 0)) {
    return InvalidArgument("a weight of shape ", shape.ToString(),
                           " has a fan-in of ", fans.in, " and a fan-out of ",
                           fans.out, "; both must be positive");
  }
  return fans;
}

}  // namespace evengrad
