// Mixed precision: products of bf16 matrices where a program has f32 ones.
#include <optional>
#include <span>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/wide_product.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/rebuild.h"
#include "evengrad/runtime/rebuild_program.h"

namespace evengrad {
absl::StatusOr<bool> NarrowPass(Program& program) {
  bool changed = false;
  EVENGRAD_RETURN_IF_ERROR(RebuildProgram(
      program, nullptr,
      [&](const Node& node, std::span<const Value> inputs,
          Graph& graph) -> absl::StatusOr<std::optional<std::vector<Value>>> {
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
        const Node product =
            graph.AddNamed(node.op(), factors, AttributesForBFloat16(node),
                           node.name(), node.location());
        if (!product.valid()) return graph.status();
        return std::vector<Value>{product.output()};
      }));
  return changed;
}

}  // namespace evengrad
