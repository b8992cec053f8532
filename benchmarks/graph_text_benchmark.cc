// Printing and parsing of large graphs: layers of a deep network, about six
// nodes each.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "evengrad/evengrad.h"

namespace evengrad {
namespace {

// Layers with scopes, parameters, initial values, attributes and source lines,
// `nodes` of them or a few more.
Graph DeepNetwork(int64_t nodes) {
  Graph graph;
  Value hidden = Placeholder(graph, "images", F32({"batch", 100}));
  for (int layer = 1; graph.num_nodes() < nodes; ++layer) {
    const NameScope scope(graph, StrCat("hidden", layer));
    hidden = LeakyRelu(Dense(hidden, 100), 0.3);
  }
  return graph;
}

void SetCounters(benchmark::State& state, const Graph& graph,
                 const std::string& text) {
  state.counters["nodes"] = graph.num_nodes();
  state.counters["text_bytes"] = static_cast<double>(text.size());
}

void Print(benchmark::State& state) {
  const Graph graph = DeepNetwork(state.range(0));
  std::string text;
  for (auto _ : state) {
    text = PrintGraph(graph);
    benchmark::DoNotOptimize(text.data());
  }
  SetCounters(state, graph, text);
}

void Parse(benchmark::State& state) {
  const Graph graph = DeepNetwork(state.range(0));
  const std::string text = PrintGraph(graph);
  for (auto _ : state) {
    const absl::StatusOr<Graph> parsed = ParseGraph(text);
    if (!parsed.ok() || parsed->num_nodes() != graph.num_nodes()) {
      state.SkipWithError("the text does not parse");
    }
  }
  SetCounters(state, graph, text);
}

BENCHMARK(Print)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(Parse)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace evengrad

BENCHMARK_MAIN();
