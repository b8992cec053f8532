#include "evengrad/graph/op_def.h"

#include <algorithm>

#include "evengrad/graph/status.h"

namespace evengrad {

std::string InferContext::InputName(int i) const {
  const int fixed =
      static_cast<int>(op_.inputs.size()) - (op_.variadic() ? 1 : 0);
  if (i < fixed) return std::string(op_.inputs[i]);
  return StrCat("input ", i);
}

std::string InferContext::Describe(int i) const {
  return StrCat(InputName(i), " ", input(i).ToString());
}

bool OpDef::ReadsTypeOnly(int i) const {
  const int name = std::min(i, static_cast<int>(inputs.size()) - 1);
  return std::count(type_only_inputs.begin(), type_only_inputs.end(), name) > 0;
}

absl::StatusOr<std::vector<TensorType>> SameAsInput(
    const InferContext& context) {
  return std::vector<TensorType>{context.input(0)};
}

}  // namespace evengrad
