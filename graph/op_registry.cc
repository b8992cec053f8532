#include "evengrad/graph/op_registry.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <variant>

#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"

namespace evengrad {

absl::Status CheckOpKind(const OpDef& op) {
  if (op.elementwise && op.outputs.size() != 1) {
    return InvalidArgument("op '", op.name,
                           "': an elementwise op has exactly one output");
  }
  if (op.is_source && (op.elementwise || op.make_kernel || op.decompose)) {
    return InvalidArgument("op '", op.name,
                           "': a source is what the runtime provides; leave "
                           "is_source out");
  }
  return absl::OkStatus();
}

absl::Status CheckOpDef(const OpDef& op) {
  if (op.name.empty()) return InvalidArgument("an op has no name");
  auto complain = [&](std::string_view what) {
    return InvalidArgument("op '", op.name, "': ", what);
  };
  if (!op.infer_type) return complain("no type rule (infer_type)");
  if (op.outputs.empty()) return complain("no output");
  if (!op.is_source && !op.elementwise && !op.make_kernel && !op.decompose &&
      !op.alias) {
    return complain(
        "no way to compute it: give elementwise, make_kernel or decompose");
  }
  EVENGRAD_RETURN_IF_ERROR(CheckOpKind(op));
  if (op.random && std::ranges::none_of(op.attributes, [](const auto& given) {
        return given.name == "stream" &&
               std::holds_alternative<int64_t>(given.fallback);
      })) {
    return complain("a random op has an integer attribute 'stream'");
  }
  std::set<std::string_view> names;
  for (std::string_view input : op.inputs) {
    if (!names.insert(input).second) {
      return complain(StrCat("two inputs are named '", input, "'"));
    }
  }
  names.clear();
  for (const AttributeDef& attribute : op.attributes) {
    if (!names.insert(attribute.name).second) {
      return complain(
          StrCat("two attributes are named '", attribute.name, "'"));
    }
  }
  for (int input : op.type_only_inputs) {
    if (input < 0 || input >= static_cast<int>(op.inputs.size())) {
      return complain("type_only_inputs names an input that does not exist");
    }
  }
  return absl::OkStatus();
}

absl::Status OpRegistry::Register(const OpDef& op) {
  EVENGRAD_RETURN_IF_ERROR(CheckOpDef(op));
  auto [it, inserted] = ops_.emplace(op.name, &op);
  if (inserted || it->second == &op) return absl::OkStatus();
  return InvalidArgument("op '", op.name,
                         "' is already registered; choose another name");
}

const OpDef* OpRegistry::Find(std::string_view name) const {
  auto it = ops_.find(name);
  return it == ops_.end() ? nullptr : it->second;
}

absl::StatusOr<const OpDef*> OpRegistry::Get(std::string_view name) const {
  if (const OpDef* op = Find(name)) return op;
  std::vector<std::string_view> known;
  for (const auto& [known_name, op] : ops_) known.push_back(known_name);
  return InvalidArgument("unknown op '", name, "'", DidYouMean(name, known));
}

std::vector<const OpDef*> OpRegistry::All() const {
  std::vector<const OpDef*> all;
  for (const auto& [name, op] : ops_) all.push_back(op);
  return all;
}

}  // namespace evengrad
