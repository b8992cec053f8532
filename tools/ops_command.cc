// evengrad ops: what the ops are, the built-in ones and those of --load-ops.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "commands.h"
#include "evengrad/graph/status.h"
#include "load_ops.h"

namespace evengrad::tools {
namespace {

std::string ToString(const AttributeValue& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) {
          return held ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return StrCat("\"", held, "\"");
        } else if constexpr (std::is_same_v<T, DType>) {
          return std::string(Name(held));
        } else if constexpr (std::is_same_v<T, Shape> ||
                             std::is_same_v<T, Tensor> ||
                             std::is_same_v<T, HostObject>) {
          return held.ToString();
        } else if constexpr (std::is_arithmetic_v<T>) {
          return StrCat(held);
        } else {
          std::string list = "[";
          for (const auto& element : held) {
            list += StrCat(list.size() == 1 ? "" : ",", element);
          }
          return list + "]";
        }
      },
      value);
}

// "leaky_relu(input; slope: number = 0.01) -> output".
std::string Signature(const OpDef& op) {
  std::string text = StrCat(op.name, "(");
  std::string_view separator = "";
  for (const std::string_view input : op.inputs) {
    text += StrCat(separator, input);
    separator = ", ";
  }
  if (!op.inputs.empty()) separator = "; ";
  for (const AttributeDef& attribute : op.attributes) {
    text +=
        StrCat(separator, attribute.name, ": ", KindName(attribute.fallback));
    if (!attribute.required)
      text += StrCat(" = ", ToString(attribute.fallback));
    separator = ", ";
  }
  text += ") -> ";
  separator = "";
  for (const std::string_view output : op.outputs) {
    text += StrCat(separator, output);
    separator = ", ";
  }
  return text;
}

int RunOps(const std::vector<std::string>& names) {
  std::vector<const OpDef*> ops;
  for (const std::string& name : names) {
    const absl::StatusOr<const OpDef*> op = Ops().Get(name);
    if (!op.ok()) return Complain(op.status(), kBadUsage);
    ops.push_back(*op);
  }
  if (names.empty()) ops = Ops().All();
  for (const OpDef* op : ops) {
    std::printf("%s\n    %s\n", Signature(*op).c_str(),
                std::string(op->summary).c_str());
  }
  return kSuccess;
}

}  // namespace

Command AddOpsCommand(CLI::App& app) {
  CLI::App* ops = app.add_subcommand(
      "ops", "List the ops: inputs; attributes -> outputs, and what they do");
  auto names = std::make_shared<std::vector<std::string>>();
  ops->add_option("names", *names, "Only these ops");
  return [names] { return RunOps(*names); };
}

}  // namespace evengrad::tools
