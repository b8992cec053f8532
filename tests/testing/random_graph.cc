#include "evengrad/testing/random_graph.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/sample_graph.h"

namespace evengrad::testing {
namespace {

// Names of nodes, files and results: most plain, some that need quotes.
constexpr std::string_view kNames[] = {"x",
                                       "hidden",
                                       "weights",
                                       "a.b",
                                       "5",
                                       "-",
                                       "a-b/c",
                                       "with space",
                                       "",
                                       "quote\"d",
                                       "back\\slash",
                                       "a:1",
                                       "new\nline",
                                       "tab\t",
                                       "ünïcode",
                                       "%",
                                       "#",
                                       "nan",
                                       "return",
                                       "graph",
                                       "}",
                                       "loc",
                                       std::string_view("\0z", 2),
                                       "\x7f\xff"};
constexpr std::string_view kFiles[] = {"model.cc", "/a folder/ü.cc", "",
                                       "\"\\"};

class Builder {
 public:
  Builder(std::span<const OpCase> rows, uint64_t seed)
      : rows_(rows), numbers_(seed) {}

  absl::StatusOr<Program> Build(int max_ops) {
    constexpr Mode kModes[] = {Mode::kTraining, Mode::kInference,
                               Mode::kMonteCarlo};
    Program program{.graph = graph_, .mode = kModes[numbers_.Index(3)]};
    for (int64_t ops = 1 + numbers_.Index(max_ops); ops > 0; --ops) {
      EVENGRAD_RETURN_IF_ERROR(AddOp());
    }
    AddUpdates(program);
    for (int64_t i = numbers_.Index(4); i > 0; --i) {
      program.fetches.push_back({Pick(kNames), AnyValue()});
    }
    for (int64_t i = numbers_.Index(3); i > 0; --i) {
      program.observations.push_back({.name = Pick(kNames),
                                      .every_n_steps = 1 + numbers_.Index(200),
                                      .first_step = 1 + numbers_.Index(3)});
      for (int64_t j = numbers_.Index(3); j > 0; --j) {
        program.observations.back().values.push_back(AnyValue());
      }
    }
    AddGuards(program);
    if (!graph_.status().ok()) return graph_.status();
    return program;
  }

 private:
  bool Flip(int64_t of = 2) { return numbers_.Index(of) == 0; }

  template <size_t n>
  std::string Pick(const std::string_view (&choices)[n]) {
    return std::string(choices[numbers_.Index(n)]);
  }

  Value AnyValue() {
    const Node node =
        graph_.node(static_cast<int>(numbers_.Index(graph_.num_nodes())));
    return node.output(static_cast<int>(numbers_.Index(node.num_outputs())));
  }

  // A name that is free.
  std::string FreshName() {
    std::string name = Pick(kNames);
    for (int64_t depth = numbers_.Index(3); depth > 0; --depth) {
      name = StrCat(Pick(kNames), "/", name);
    }
    while (graph_.FindNode(name).valid()) name += StrCat(numbers_.Index(10));
    return name;
  }

  SourceLocation AnyLocation() {
    if (Flip()) return {};
    return SourceLocation::Interned(Pick(kFiles),
                                    static_cast<int>(1 + numbers_.Index(5000)));
  }

  Node AddNode(const OpDef& op, std::span<const Value> inputs,
               Attributes attributes) {
    const int nodes = graph_.num_nodes();
    const int gradient_of =
        nodes > 0 && Flip(4) ? static_cast<int>(numbers_.Index(nodes)) : -1;
    return graph_.AddNamed(op, inputs, std::move(attributes), FreshName(),
                           AnyLocation(), gradient_of);
  }

  // ---- Samples --------------------------------------------------------------

  OpSample AnySample(const OpCase& row) {
    OpSample sample = row.samples[numbers_.Index(row.samples.size())];
    const DType dtype = row.dtypes[numbers_.Index(row.dtypes.size())];
    sample = WithDType(std::move(sample), dtype);
    switch (numbers_.Index(5)) {
      case 0:
        return WithSymbols(sample);
      case 1:
        return WithUnknowns(std::move(sample));
      case 2:
        return WithSize(std::move(sample), 3, 0);
      case 3:
        return WithSize(std::move(sample), 2, "n");
      default:
        return sample;
    }
  }

  // Other values of number attributes: any bits, as far as the range allows.
  void ChangeNumbers(const OpDef& op, Attributes& attributes) {
    for (const AttributeDef& definition : op.attributes) {
      if (!std::holds_alternative<double>(definition.fallback) || Flip()) {
        continue;
      }
      const double low = definition.minimum.value_or(-1e10);
      const double high = definition.maximum.value_or(1e10);
      const double scale = Flip() ? 1 : 1e-9;
      attributes[std::string(definition.name)] =
          std::clamp(numbers_.Uniform(low, high) * scale, low, high);
    }
  }

  static bool IsAccepted(const OpDef& op, const OpSample& sample,
                         const Attributes& attributes) {
    Graph scratch;
    std::vector<Value> inputs;
    for (const InputSample& input : sample.inputs) {
      inputs.push_back(Placeholder(scratch, "input", input.type));
    }
    scratch.Add(op, inputs, attributes);
    return scratch.status().ok();
  }

  const OpCase& AnyRow() {
    for (;;) {
      const OpCase& row = rows_[numbers_.Index(rows_.size())];
      if (!CallsTheProgram(*row.op)) return row;
    }
  }

  absl::Status AddOp() {
    const OpCase& row = AnyRow();
    const OpDef& op = *row.op;
    OpSample sample = AnySample(row);
    Attributes attributes = sample.attributes;
    ChangeNumbers(op, attributes);
    if (!IsAccepted(op, sample, attributes)) {
      sample = row.samples[0];
      attributes = sample.attributes;
    }
    std::vector<Value> inputs;
    for (const InputSample& input : sample.inputs) {
      inputs.push_back(InputOf(input.type));
    }
    const Node node = AddNode(op, inputs, std::move(attributes));
    if (!node.valid()) return graph_.status();
    if (IsState(node) && Flip()) {
      const Value initial =
          Latecomer(node.output_type(), {{"dtype", node.output_type().dtype},
                                         {"shape", node.output_type().shape}});
      return graph_.SetInitializer(node, initial);
    }
    return absl::OkStatus();
  }

  // ---- Sources --------------------------------------------------------------

  // A value of that type: one that exists, or a new source.
  Value InputOf(const TensorType& type) {
    if (Flip()) {
      std::vector<Value> candidates;
      for (int id = 0; id < graph_.num_nodes(); ++id) {
        if (graph_.node(id).output_type() == type) {
          candidates.push_back(graph_.node(id).output());
        }
      }
      if (!candidates.empty()) {
        return candidates[numbers_.Index(candidates.size())];
      }
    }
    const Attributes attributes = {{"dtype", type.dtype},
                                   {"shape", type.shape}};
    const int64_t elements = type.shape.NumElements().value_or(-1);
    if (elements >= 0 && elements < 100 && Flip()) {
      return AddNode(ConstantOp(), {}, {{"value", AnyTensor(type)}}).output();
    }
    if (elements < 0 || Flip()) {
      return AddNode(Flip(4) ? TypeTokenOp() : PlaceholderOp(), {}, attributes)
          .output();
    }
    const Value initial = InputOf(type);
    Attributes of_state = attributes;
    of_state["trainable"] = Flip();
    const Node state = AddNode(StateOp(), {}, std::move(of_state));
    // Some initial values stand below their state.
    const Value late = Flip() ? initial : Latecomer(type, attributes);
    if (state.valid()) graph_.SetInitializer(state, late).IgnoreError();
    return state.output();
  }

  Value Latecomer(const TensorType& type, const Attributes& attributes) {
    if (Flip()) return AddNode(PlaceholderOp(), {}, attributes).output();
    return AddNode(ConstantOp(), {}, {{"value", AnyTensor(type)}}).output();
  }

  // Any bits at all, NaN and infinities among them.
  Tensor AnyTensor(const TensorType& type) {
    Tensor tensor = *Tensor::Zeros(type);
    auto* const bytes = static_cast<uint8_t*>(tensor.mutable_data());
    const bool bits = Flip();
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      StoreFromDouble(type.dtype, tensor.mutable_data(), i,
                      numbers_.Uniform(-300, 300));
    }
    for (int64_t i = 0; bits && i < tensor.byte_size(); ++i) {
      bytes[i] = static_cast<uint8_t>(
          numbers_.Index(type.dtype == DType::kBool ? 2 : 256));
    }
    return tensor;
  }

  // ---- Results --------------------------------------------------------------

  void AddUpdates(Program& program) {
    for (const Value& state : States(graph_)) {
      if (Flip()) continue;
      for (int id = graph_.num_nodes() - 1; id >= 0; --id) {
        if (graph_.node(id).output_type() == state.type()) {
          program.updates.push_back({state, graph_.node(id).output()});
          break;
        }
      }
    }
  }

  void AddGuards(Program& program) {
    constexpr NonFinitePolicy kPolicies[] = {NonFinitePolicy::kError,
                                             NonFinitePolicy::kSkipStep,
                                             NonFinitePolicy::kPropagate};
    program.non_finite.policy = kPolicies[numbers_.Index(3)];
    for (int64_t i = numbers_.Index(3); i > 0; --i) {
      program.non_finite.exempt.push_back(Pick(kNames));
    }
    for (int64_t i = numbers_.Index(3); i > 0; --i) {
      const Value value = InputOf(Flip() ? F32({}) : F64({}));
      program.guards.push_back({.value = value,
                                .subject = Flip() ? value : AnyValue(),
                                .description = Pick(kNames),
                                .before_updates = Flip()});
    }
  }

  std::span<const OpCase> rows_;
  NumberSource numbers_;
  Graph graph_;
};

}  // namespace

bool CallsTheProgram(const OpDef& op) {
  return std::ranges::any_of(op.attributes, [](const AttributeDef& attribute) {
    return std::holds_alternative<HostObject>(attribute.fallback);
  });
}

absl::StatusOr<Program> RandomProgram(std::span<const OpCase> rows,
                                      uint64_t seed,
                                      RandomGraphOptions options) {
  return Builder(rows, seed).Build(options.max_ops);
}

}  // namespace evengrad::testing
