// Mixed precision: products of bf16 matrices where a program has f32 ones.
#include <optional>
#include <span>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/rebuild.h"

namespace evengrad {
namespace {

bool IsWideProduct(const Node& node) {
  return &node.op() == &MatMulOp() && node.input(0).dtype() == DType::kF32;
}

}  // namespace

absl::StatusOr<bool> NarrowPass(Program& program) {
  bool changed = false;
  EVENGRAD_ASSIGN_OR_RETURN(
      RebuiltGraph rebuilt,
      RebuildGraph(
          program.graph, nullptr,
          [&](const Node& node, std::span<const Value> inputs, Graph& graph)
              -> absl::StatusOr<std::optional<std::vector<Value>>> {
            if (!IsWideProduct(node)) return std::nullopt;
            changed = true;
            std::vector<Value> factors;
            for (const Value& input : inputs) {
              const Node cast = graph.AddNamed(
                  CastOp(), {&input, 1}, {{"dtype", DType::kBF16}},
                  FreeName(graph, StrCat(node.name(), "/cast"), &program.graph),
                  node.location());
              if (!cast.valid()) return graph.status();
              factors.push_back(cast.output());
            }
            Attributes attributes = node.attributes();
            attributes["output_f32"] = true;
            const Node product = graph.AddNamed(node.op(), factors, attributes,
                                                node.name(), node.location());
            if (!product.valid()) return graph.status();
            return std::vector<Value>{product.output()};
          }));
  if (!changed) return false;
  ForEachRoot(program, [&](Value& value) { value = rebuilt(value); });
  program.graph = std::move(rebuilt.graph);
  return true;
}

}  // namespace evengrad
