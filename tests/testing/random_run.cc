#include "evengrad/testing/random_run.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/random_graph.h"
#include "evengrad/testing/sample_graph.h"

namespace evengrad::testing {
namespace {

bool IsNarrowFloat(DType dtype) {
  return IsFloating(dtype) && dtype != DType::kF64;
}

// The type with the size of which a symbol of WithSymbols is the name.
TensorType WithNumbers(TensorType type) {
  for (int i = 0; i < type.shape.rank(); ++i) {
    if (!type.shape[i].is_symbol()) continue;
    const std::string name(type.shape[i].symbol());
    int64_t size = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), size);
    type.shape[i] = size;
  }
  return type;
}

class Builder {
 public:
  Builder(std::span<const OpCase> rows, uint64_t seed)
      : rows_(rows), numbers_(seed), named_sizes_(Flip(3)) {}

  absl::StatusOr<RandomRun> Build(int max_ops) {
    for (int64_t ops = 1 + numbers_.Index(max_ops); ops > 0; --ops) AddOp();
    if (Flip()) AddGradients();
    EVENGRAD_RETURN_IF_ERROR(graph_.status());
    for (const Value& value : values_) {
      if (Flip()) Fetch(value);
    }
    Fetch(values_.back());
    AddUpdates();
    run_.program.graph = graph_;
    return std::move(run_);
  }

 private:
  bool Flip(int64_t of = 2) { return numbers_.Index(of) == 0; }

  void Fetch(const Value& value) {
    run_.program.fetches.push_back(
        {StrCat(run_.program.fetches.size()), value});
  }

  // ---- Leaves ---------------------------------------------------------------

  Value Leaf(const InputSample& input) {
    OpSample sample = {.inputs = {input}};
    sample.inputs[0].type = WithNumbers(input.type);
    ReferenceTensor numbers = std::move(DrawInputs(sample, numbers_)[0]);
    const bool is_open = !(sample.inputs[0].type == input.type);
    if (is_open || Flip()) {
      const Value value = Placeholder(graph_, "x", input.type);
      run_.feeds.push_back({value, std::move(numbers)});
      return value;
    }
    const Value constant = Constant(graph_, *ToTensor(numbers));
    if (!IsFloating(input.type.dtype) || Flip(3)) {
      return constant;
    }
    const Value state = State(graph_, "state", constant);
    run_.states[state.node().name()] = std::move(numbers);
    return state;
  }

  // A value that exists, or a leaf.
  Value Input(const InputSample& input) {
    std::vector<Value> fitting;
    for (const Value& value : values_) {
      if (value.type() == input.type) fitting.push_back(value);
    }
    if (fitting.empty() || !IsFloating(input.type.dtype) || Flip(4)) {
      const Value leaf = Leaf(input);
      if (IsFloating(input.type.dtype)) values_.push_back(leaf);
      return leaf;
    }
    const Value value =
        fitting[numbers_.Index(static_cast<int64_t>(fitting.size()))];
    return Clamp(value, input.domain.low, input.domain.high);
  }

  // ---- Ops ------------------------------------------------------------------

  // The types that the op gives, or nothing where it refuses the sample or has
  // floats of other kinds.
  bool IsAccepted(const OpDef& op, const OpSample& sample) {
    Graph scratch;
    std::vector<Value> inputs;
    for (const InputSample& input : sample.inputs) {
      if (IsNarrowFloat(input.type.dtype)) return false;
      inputs.push_back(Placeholder(scratch, "input", input.type));
    }
    const Node node = scratch.Add(op, inputs, sample.attributes);
    if (!node.valid()) return false;
    for (int i = 0; i < node.num_outputs(); ++i) {
      if (IsNarrowFloat(node.output_type(i).dtype)) return false;
    }
    return true;
  }

  void AddOp() {
    for (;;) {
      const OpCase& row = rows_[numbers_.Index(rows_.size())];
      if (CallsTheProgram(*row.op) || row.op->is_source) continue;
      OpSample sample = row.samples[numbers_.Index(row.samples.size())];
      if (sample.large) continue;
      sample = WithDType(std::move(sample), DType::kF64);
      if (Flip(12)) sample = WithSize(std::move(sample), 3, 0);
      if (!IsAccepted(*row.op, sample)) continue;
      if (named_sizes_ && !row.needs_sizes) sample = WithSymbols(sample);
      if (!IsAccepted(*row.op, sample)) continue;
      std::vector<Value> inputs;
      for (const InputSample& input : sample.inputs) {
        inputs.push_back(Input(input));
      }
      const Node node = graph_.Add(*row.op, inputs, sample.attributes);
      for (int i = 0; i < node.num_outputs(); ++i) {
        if (node.output_type(i).dtype == DType::kOpaque) continue;
        values_.push_back(node.output(i));
      }
      return;
    }
  }

  // Of the sum of all floating values; nothing where an op has no gradient.
  void AddGradients() {
    Graph attempt = graph_.Clone();
    Value loss;
    std::vector<Value> wrt;
    for (const Value& own : values_) {
      if (!IsFloating(own.dtype())) continue;
      const Value value = *attempt.Resolve(own);
      const Value term = ReduceSum(Tanh(value));
      loss = loss.valid() ? loss + term : term;
      if (IsPlaceholder(value.node()) || IsState(value.node())) {
        wrt.push_back(value);
      }
    }
    if (!loss.valid() || wrt.empty()) return;
    const absl::StatusOr<std::vector<Value>> gradients =
        Gradients(loss, wrt, {.zeros_for_unreached = true});
    if (!gradients.ok() || !attempt.status().ok()) return;
    Adopt(attempt);
    values_.insert(values_.end(), gradients->begin(), gradients->end());
  }

  // Goes on with a clone of the graph that has more nodes.
  void Adopt(const Graph& clone) {
    auto move = [&](Value& value) { value = *clone.Resolve(value); };
    for (Value& value : values_) move(value);
    for (ReferenceFeed& feed : run_.feeds) move(feed.value);
    graph_ = clone;
  }

  void AddUpdates() {
    for (const Value& state : States(graph_)) {
      for (size_t i = values_.size(); i-- > 0;) {
        if (values_[i].type() == state.type() && !(values_[i] == state)) {
          run_.program.updates.push_back({state, values_[i]});
          break;
        }
      }
    }
  }

  std::span<const OpCase> rows_;
  NumberSource numbers_;
  const bool named_sizes_;
  Graph graph_;
  std::vector<Value> values_;
  RandomRun run_;
};

}  // namespace

absl::StatusOr<RandomRun> MakeRandomRun(std::span<const OpCase> rows,
                                        uint64_t seed,
                                        RandomRunOptions options) {
  return Builder(rows, seed).Build(options.max_ops);
}

std::vector<ReferenceFeed> FeedsFor(const Program& program,
                                    std::span<const ReferenceFeed> feeds) {
  std::vector<ReferenceFeed> result;
  for (const ReferenceFeed& feed : feeds) {
    const Node node = program.graph.FindNode(feed.value.node().name());
    if (node.valid()) result.push_back({node.output(), feed.tensor});
  }
  return result;
}

std::string SmallestFailure(
    const RandomRun& run,
    const std::function<absl::Status(const RandomRun&)>& check) {
  RandomRun smallest = run;
  for (int id = 0; id < run.program.graph.num_nodes(); ++id) {
    const Node node = run.program.graph.node(id);
    RandomRun part = {.program = {.graph = run.program.graph},
                      .feeds = run.feeds,
                      .states = run.states};
    for (int i = 0; i < node.num_outputs(); ++i) {
      if (node.output_type(i).dtype == DType::kOpaque) continue;
      part.program.fetches.push_back({StrCat(i), node.output(i)});
    }
    if (check(part).ok()) continue;
    smallest = std::move(part);
    break;
  }
  const std::string error(Message(check(smallest)));
  PrunePass(smallest.program).IgnoreError();
  return StrCat(error, "\n", PrintProgram(smallest.program));
}

}  // namespace evengrad::testing
