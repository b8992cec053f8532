// Mixed precision: products of bf16 matrices where a program has f32 ones.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/wide_product.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/rebuild.h"
#include "evengrad/runtime/rebuild_program.h"

namespace evengrad {
namespace {

class Narrower {
 public:
  explicit Narrower(Program& program) : program_(program) {}

  absl::StatusOr<std::vector<RoundedState>> Run() {
    EVENGRAD_RETURN_IF_ERROR(RebuildProgram(
        program_, nullptr,
        [&](const Node& node, std::span<const Value> inputs,
            Graph& graph) -> absl::StatusOr<std::optional<std::vector<Value>>> {
          if (!IsWideProduct(node)) return std::nullopt;
          std::vector<Value> factors;
          for (const Value& input : inputs) {
            EVENGRAD_ASSIGN_OR_RETURN(
                factors.emplace_back(),
                IsState(input.node())
                    ? CopyOf(input.node(), graph)
                    : Rounded(input, node.name(), node.location(), graph));
          }
          const Node product =
              graph.AddNamed(node.op(), factors, AttributesForBFloat16(node),
                             node.name(), node.location());
          if (!product.valid()) return graph.status();
          return std::vector<Value>{product.output()};
        }));
    EVENGRAD_RETURN_IF_ERROR(UpdateCopies());
    std::vector<RoundedState> states;
    for (const auto& [state, copy] : copies_) states.push_back({state, copy});
    return states;
  }

 private:
  absl::StatusOr<Value> Rounded(const Value& value, std::string_view beside,
                                SourceLocation location, Graph& graph) {
    const Node cast = graph.AddNamed(
        CastOp(), {&value, 1}, {{"dtype", DType::kBF16}},
        FreeName(graph, StrCat(beside, "/cast"), &program_.graph), location);
    if (!cast.valid()) return graph.status();
    return cast.output();
  }

  absl::StatusOr<Value> CopyOf(const Node& state, Graph& graph) {
    const auto known = copies_.find(state.name());
    if (known != copies_.end()) return graph.FindNode(known->second).output();
    Attributes attributes = state.attributes();
    attributes["dtype"] = DType::kBF16;
    attributes["trainable"] = false;
    const Node copy = graph.AddNamed(
        StateOp(), {}, std::move(attributes),
        FreeName(graph, StrCat(state.name(), "/bf16"), &program_.graph),
        state.location());
    if (!copy.valid()) return graph.status();
    copies_.emplace(state.name(), copy.name());
    return copy.output();
  }

  // The loop that makes the new state rounds it.
  absl::Status UpdateCopies() {
    const std::vector<StateUpdate> updates = program_.updates;
    for (const StateUpdate& update : updates) {
      const auto copy = copies_.find(update.state.node().name());
      if (copy == copies_.end()) continue;
      EVENGRAD_ASSIGN_OR_RETURN(
          const Value rounded,
          Rounded(update.value, copy->second, update.value.node().location(),
                  program_.graph));
      program_.updates.push_back(
          {program_.graph.FindNode(copy->second).output(), rounded});
    }
    return absl::OkStatus();
  }

  Program& program_;
  std::map<std::string, std::string, std::less<>> copies_;  // by their state
};

}  // namespace

absl::StatusOr<std::vector<RoundedState>> NarrowPass(Program& program) {
  return Narrower(program).Run();
}

}  // namespace evengrad
