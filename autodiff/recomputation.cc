#include "evengrad/autodiff/recomputation.h"

#include <string_view>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/run_after.h"

namespace evengrad {

Recomputation::Recomputation(const Graph& graph,
                             const std::function<int(const Node&)>& region_of)
    : graph_(graph), region_of_(static_cast<size_t>(graph.num_nodes()), -1) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    const int region = region_of(node);
    if (region < 0 || node.op().is_source || node.op().has_effects ||
        IsConstant(node)) {
      continue;
    }
    region_of_[id] = region;
    if (static_cast<size_t>(region) >= regions_.size()) {
      regions_.resize(static_cast<size_t>(region) + 1);
    }
    regions_[region].push_back(id);
  }
  copied_.assign(regions_.size(), false);
}

Node Recomputation::StandIn(const Node& node,
                            std::span<const Value> output_gradients) {
  const int region = region_of_[node.id()];
  if (region < 0) return node;
  for (const Value& gradient : output_gradients) {
    if (!gradient.valid() || copied_[region]) continue;
    copied_[region] = true;
    CopyRegion(region, TriggerFor(gradient));
  }
  const auto copy = copies_.find(node.id());
  return copy == copies_.end() ? node : copy->second;
}

// The copies run when the last kernel that the output gradient comes from may
// run: that kernel can then end in loops that read the copies, as it would end
// in loops that read the originals. Should other regions wait for as much, they
// wait for the gradient itself, or all would be computed again at once.
Value Recomputation::TriggerFor(const Value& output_gradient) {
  const auto num_model_nodes = static_cast<int>(region_of_.size());
  Value trigger = output_gradient;
  for (bool in_loop = true; in_loop;) {
    const Node node = trigger.node();
    in_loop = node.op().elementwise || node.op().alias;
    Value gradient;  // the eldest input of the gradient's own
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Value input = node.input(i);
      if (input.id().node < num_model_nodes || IsConstant(input.node())) {
        continue;
      }
      if (!gradient.valid() || input.id() < gradient.id()) gradient = input;
    }
    if (!gradient.valid()) break;
    trigger = gradient;
  }
  if (trigger.id().node <= last_trigger_) trigger = output_gradient;
  last_trigger_ = trigger.id().node;
  return trigger;
}

void Recomputation::CopyRegion(int region, const Value& trigger) {
  std::map<ValueId, Value> delayed;
  for (int id : regions_[region]) {
    if (!Copy(graph_.node(id), region, trigger, delayed)) {
      region_of_[id] = -1;  // is kept
    }
  }
}

// False for a node that nothing holds back, which would run at once.
bool Recomputation::Copy(const Node& node, int region, const Value& trigger,
                         std::map<ValueId, Value>& delayed) {
  const LocationScope location(graph_, node.location());
  // No gradient link: copies are fused as the originals are, so that they give
  // the same bits.
  const GradientScope no_link(graph_, -1);
  const NameScope scope(graph_, node.scope());
  const NameScope inner(graph_, "recomputed");
  std::vector<Value> inputs;
  bool waits = false;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const Value input = node.input(i);
    const Node maker = input.node();
    if (region_of_[maker.id()] == region) {
      inputs.push_back(copies_.at(maker.id()).output(input.id().output));
      waits = true;
    } else if (IsState(maker) || IsConstant(maker) ||
               node.op().ReadsTypeOnly(i)) {
      inputs.push_back(input);  // there all the time
    } else {
      Value& late = delayed[input.id()];
      if (!late.valid()) late = RunAfter(input, trigger);
      inputs.push_back(late);
      waits = true;
    }
  }
  if (!waits) return false;
  const std::string_view name = node.name();
  const size_t slash = name.rfind('/');
  copies_[node.id()] =
      graph_.Add(node.op(), inputs, node.attributes(),
                 {.name = slash == name.npos ? name : name.substr(slash + 1),
                  .location = node.location()});
  return copies_[node.id()].valid();
}

}  // namespace evengrad
