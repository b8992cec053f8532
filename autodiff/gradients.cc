#include "evengrad/autodiff/gradients.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "evengrad/autodiff/recomputation.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// A gradient flows through floating values whose contents are read.
bool CarriesGradient(const Node& node, int input) {
  return IsFloating(node.input(input).dtype()) &&
         !node.op().ReadsTypeOnly(input);
}

// A value whose derivatives are wanted, and d (what is differentiated) / d it.
struct Seed {
  Value loss;
  Value output_gradient;
};

// One reverse-mode derivation: from the last loss, the nodes are visited in
// falling order of their ids, so that all readers of a value come before its
// maker and have left their contributions to its gradient.
class Derivation {
 public:
  Derivation(const Graph& graph, std::span<const Value> wrt,
             const GradientOptions& options)
      : graph_(graph), all_(options.all) {
    if (options.recompute) recomputation_.emplace(graph, options.recompute);
    for (const Value& value : wrt) gradients_[value.id()] = Value();
  }

  absl::Status Run(std::span<const Seed> seeds) {
    int last = -1;
    for (const auto& [loss, output_gradient] : seeds) {
      contributions_[loss.id()].push_back(output_gradient);
      last = std::max(last, loss.id().node);
    }
    FindDependents(last);
    for (int id = last; id >= 0; --id) {
      if (depends_[id]) EVENGRAD_RETURN_IF_ERROR(Visit(graph_.node(id)));
    }
    return ListWithoutGradient();
  }

  // The gradient of one of `wrt`; an invalid value where none arrived.
  Value gradient(const Value& value) const { return gradients_.at(value.id()); }

 private:
  // depends_[id]: the node is one of `wrt` or computed from one.
  void FindDependents(int last) {
    depends_.assign(static_cast<size_t>(last) + 1, false);
    for (const auto& [id, unused] : gradients_) {
      if (id.node <= last) depends_[id.node] = true;
    }
    for (int id = 0; id <= last; ++id) {
      if (InputDepends(graph_.node(id))) depends_[id] = true;
    }
  }

  bool InputDepends(const Node& node, int input) const {
    return depends_[node.input_id(input).node] && CarriesGradient(node, input);
  }

  bool InputDepends(const Node& node) const {
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (InputDepends(node, i)) return true;
    }
    return false;
  }

  absl::Status Visit(const Node& node) {
    const LocationScope location(graph_, node.location());
    const GradientScope gradient_of(graph_, node.id());
    std::vector<Value> output_gradients;
    bool reached = false;
    {
      const NameScope scope(graph_, StrCat("gradient/", node.name()));
      for (int i = 0; i < node.num_outputs(); ++i) {
        output_gradients.push_back(TakeGradient(node.output(i)));
        reached |= output_gradients.back().valid();
      }
    }
    if (!reached || !InputDepends(node)) return graph_.status();
    Node read = node;
    if (recomputation_.has_value()) {
      read = recomputation_->StandIn(node, output_gradients);
      EVENGRAD_RETURN_IF_ERROR(graph_.status());
    }
    const NameScope scope(graph_, StrCat("gradient/", node.name()));
    if (!node.op().gradient) return GoOnWithoutGradient(node);
    EVENGRAD_ASSIGN_OR_RETURN(
        const std::vector<Value> contributions,
        CallUser(
            [&] {
              return StrCat(node.ErrorPrefix(), "gradient of op '",
                            node.op().name, "'");
            },
            [&] { return node.op().gradient(read, output_gradients); }));
    return Contribute(node, contributions);
  }

  // The sum of the contributions to the gradient of `value`, in its type.
  Value TakeGradient(const Value& value) {
    Value sum;
    for (const Value& contribution : contributions_[value.id()]) {
      sum = sum.valid() ? Add(sum, contribution) : contribution;
    }
    contributions_.erase(value.id());
    if (sum.valid() && sum.type() != value.type()) {
      sum = ReshapeLike(sum, value);  // an open dimension became known
    }
    if (auto it = gradients_.find(value.id()); it != gradients_.end()) {
      it->second = sum;
    }
    if (all_ != nullptr && sum.valid()) all_->emplace(value.id(), sum);
    return sum;
  }

  absl::Status Contribute(const Node& node, const std::vector<Value>& values) {
    EVENGRAD_RETURN_IF_ERROR(graph_.status());
    if (static_cast<int>(values.size()) != node.num_inputs()) {
      return InvalidArgument(node.ErrorPrefix(), "gradient of op '",
                             node.op().name, "' gives ", values.size(),
                             " value(s) for ", node.num_inputs(), " input(s)");
    }
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (!values[i].valid() || !InputDepends(node, i)) continue;
      EVENGRAD_RETURN_IF_ERROR(CheckType(node, i, values[i]));
      contributions_[node.input_id(i)].push_back(values[i]);
    }
    return absl::OkStatus();
  }

  absl::Status CheckType(const Node& node, int i, const Value& value) const {
    const TensorType& expected = node.input(i).type();
    if (!graph_.Owns(value)) {
      return InvalidArgument(node.ErrorPrefix(), "gradient of op '",
                             node.op().name, "' is a value of another graph");
    }
    if (value.dtype() == expected.dtype &&
        MayBeEqual(value.shape(), expected.shape)) {
      return absl::OkStatus();
    }
    const InferContext names(node.op(), {}, node.attributes());
    return InvalidArgument(
        node.ErrorPrefix(), "gradient of op '", node.op().name, "' has type ",
        value.type().ToString(), " for input '", names.InputName(i),
        "' of type ", expected.ToString());
  }

  // The op has no gradient: an error. The walk goes on with gradients that have
  // a type only, to find all others like it.
  absl::Status GoOnWithoutGradient(const Node& node) {
    without_gradient_.push_back(node);
    std::vector<Value> tokens(static_cast<size_t>(node.num_inputs()));
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (InputDepends(node, i)) {
        tokens[i] = TypeToken(graph_, node.input(i).type());
      }
    }
    return Contribute(node, tokens);
  }

  absl::Status ListWithoutGradient() const {
    if (without_gradient_.empty()) return absl::OkStatus();
    std::string list;
    for (const Node& node : without_gradient_) {
      list += StrCat(list.empty() ? "" : ", ", node.op().name, " '",
                     node.name(), "'",
                     node.location().known()
                         ? StrCat(" (", node.location().ToString(), ")")
                         : "");
    }
    return InvalidArgument("no gradient is defined for ", list,
                           "; give the op's OpDef a gradient, or put "
                           "stop_gradient between it and the parameters");
  }

  Graph graph_;
  std::map<ValueId, Value>* const all_;
  std::optional<Recomputation> recomputation_;
  std::vector<bool> depends_;
  std::map<ValueId, std::vector<Value>> contributions_;
  std::map<ValueId, Value> gradients_;
  std::vector<Node> without_gradient_;
};

// d loss / d loss: the given one, or 1 for a scalar.
absl::StatusOr<Value> OutputGradient(const Graph& graph, const Value& loss,
                                     const Value& given) {
  const std::string loss_type =
      StrCat("the loss '", loss.name(), "' has type ", loss.type().ToString());
  if (!IsFloating(loss.dtype())) {
    return InvalidArgument(loss_type, "; only floating values have gradients");
  }
  if (given.valid()) {
    EVENGRAD_ASSIGN_OR_RETURN(Value gradient, graph.Resolve(given));
    if (gradient.dtype() == loss.dtype() &&
        MayBeEqual(gradient.shape(), loss.shape())) {
      return gradient;
    }
    return InvalidArgument(loss_type, ", its output gradient has type ",
                           gradient.type().ToString());
  }
  if (loss.rank() != 0) {
    return InvalidArgument(loss_type,
                           ", expected a scalar; reduce it (ReduceMean) or "
                           "give GradientOptions::output_gradient");
  }
  const NameScope scope(graph, StrCat("gradient/", loss.name()));
  const GradientScope gradient_of(graph, loss.id().node);
  return Constant(graph, 1.0, loss.dtype(), loss.node().location());
}

absl::StatusOr<std::vector<Value>> ResolveWrt(const Graph& graph,
                                              std::span<const Value> wrt) {
  std::vector<Value> resolved;
  for (const Value& value : wrt) {
    EVENGRAD_ASSIGN_OR_RETURN(Value own, graph.Resolve(value));
    if (!IsFloating(own.dtype())) {
      return InvalidArgument("'", own.name(), "' has type ",
                             own.type().ToString(),
                             "; only floating values have gradients");
    }
    resolved.push_back(own);
  }
  return resolved;
}

// The losses with their output gradients.
absl::StatusOr<std::vector<Seed>> MakeSeeds(const Graph& graph,
                                            std::span<const Value> losses,
                                            const GradientOptions& options) {
  std::vector<Value> given = options.output_gradients;
  if (options.output_gradient.valid()) {
    if (losses.size() != 1 || !given.empty()) {
      return InvalidArgument(
          "GradientOptions::output_gradient is for one loss, given ",
          losses.size(), "; use output_gradients, one each");
    }
    given = {options.output_gradient};
  }
  if (!given.empty() && given.size() != losses.size()) {
    return InvalidArgument(given.size(), " output gradients for ",
                           losses.size(),
                           " losses; give one each, Value() "
                           "for ones");
  }
  given.resize(losses.size());
  std::vector<Seed> seeds;
  for (size_t i = 0; i < losses.size(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(Value loss, graph.Resolve(losses[i]));
    EVENGRAD_ASSIGN_OR_RETURN(Value output_gradient,
                              OutputGradient(graph, loss, given[i]));
    seeds.push_back({std::move(loss), std::move(output_gradient)});
  }
  return seeds;
}

Value ZerosLike(const Graph& graph, const Value& value) {
  const LocationScope location(graph, value.node().location());
  const GradientScope gradient_of(graph, value.id().node);
  const NameScope scope(graph, StrCat("gradient/", value.name()));
  return BroadcastLike(Constant(graph, 0.0, value.dtype()), value);
}

absl::Status UnreachedError(std::span<const Seed> seeds,
                            const std::string& unreached) {
  std::string losses;
  for (const Seed& seed : seeds) {
    losses += StrCat(losses.empty() ? "'" : ", '", seed.loss.name(), "'");
  }
  return InvalidArgument(
      seeds.size() == 1 ? "the loss " : "none of the losses ", losses,
      seeds.size() == 1 ? " does not depend on " : " depends on ", unreached,
      "; leave it out, or set GradientOptions::zeros_for_unreached");
}

}  // namespace

absl::StatusOr<std::vector<Value>> Gradients(const Value& loss,
                                             std::span<const Value> wrt,
                                             const GradientOptions& options) {
  return Gradients(std::span<const Value>(&loss, 1), wrt, options);
}

absl::StatusOr<std::vector<Value>> Gradients(std::span<const Value> losses,
                                             std::span<const Value> wrt,
                                             const GradientOptions& options) {
  if (losses.empty()) return InvalidArgument("there is no loss");
  const std::optional<Graph> graph = Graph::Of(losses[0]);
  if (!graph.has_value()) {
    return InvalidArgument("the loss is an empty value, made by no op");
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> own_wrt,
                            ResolveWrt(*graph, wrt));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Seed> seeds,
                            MakeSeeds(*graph, losses, options));
  std::optional<Derivation> made;
  EVENGRAD_RETURN_IF_ERROR(CallUser("GradientOptions::recompute", [&] {
    made.emplace(*graph, own_wrt, options);
  }));
  Derivation& derivation = *made;
  EVENGRAD_RETURN_IF_ERROR(derivation.Run(seeds));

  std::vector<Value> gradients;
  std::string unreached;
  for (const Value& value : own_wrt) {
    Value gradient = derivation.gradient(value);
    if (!gradient.valid() && options.zeros_for_unreached) {
      gradient = ZerosLike(*graph, value);
    }
    if (!gradient.valid()) {
      unreached += StrCat(unreached.empty() ? "'" : ", '", value.name(), "'");
    }
    gradients.push_back(std::move(gradient));
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  if (unreached.empty()) return gradients;
  return UnreachedError(seeds, unreached);
}

}  // namespace evengrad
