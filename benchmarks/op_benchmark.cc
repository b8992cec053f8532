// Single ops, and what a kernel costs beyond its work.
//
//   op_benchmark --benchmark_filter=Op/selu
//   op_benchmark --benchmark_filter=ThousandSmallOps
//
// Op/<op>/<inputs>/<attributes> runs a program of that op alone on one thread,
// on f32 inputs from [0.25, 0.75]. Ops that compute element by element come in
// three sizes, which fit into the caches of a core, of the machine, and into
// neither. Counters: the rates of what the op's own OpDef::cost says.
//
// ThousandSmallOps/session runs a chain of 1,000 ops on 16 elements with fusion
// off; ThousandSmallOps/bare_loop calls the same kernels one after the other.
// The counter time_per_kernel of the first less that of the second is the price
// of the runtime.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/graph/op_registry.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/runtime/compiler.h"

namespace evengrad {
namespace {

// ---- Single ops -------------------------------------------------------------

struct OpSetting {
  const OpDef* op = nullptr;
  std::vector<TensorType> inputs = {};
  Attributes attributes = {};

  std::string Name() const {
    std::string name = StrCat("Op/", op->name);
    for (const TensorType& input : inputs) {
      name += StrCat("/", input.ToString());
    }
    for (const auto& [attribute, value] : attributes) {
      name += StrCat("/", attribute);
      const auto* axes = std::get_if<std::vector<int64_t>>(&value);
      if (axes != nullptr && axes->size() == 1) name += StrCat(":", (*axes)[0]);
    }
    return name;
  }
};

absl::StatusOr<Tensor> Filled(const TensorType& type) {
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(type));
  for (int64_t i = 0; i < tensor.num_elements() && IsFloating(type.dtype);
       ++i) {
    StoreFromDouble(type.dtype, tensor.mutable_data(), i,
                    0.25 + 0.5 * static_cast<double>(i * 37 % 101) / 101);
  }
  return tensor;
}

struct OpRun {
  Session session;
  Program program;
  std::vector<Feed> feeds;
  Cost cost;
};

absl::StatusOr<OpRun> MakeRun(const OpSetting& setting) {
  Program program;
  std::vector<Feed> feeds;
  std::vector<Value> inputs;
  for (const TensorType& type : setting.inputs) {
    inputs.push_back(Placeholder(program.graph, "input", type));
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Filled(type));
    feeds.push_back({inputs.back(), std::move(tensor)});
  }
  const Node node =
      program.graph.Add(*setting.op, inputs, setting.attributes, {});
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  program.fetches.push_back({"output", node.output()});
  const Cost cost = setting.op->cost ? setting.op->cost(node) : Cost();
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(program.graph, {.num_threads = 1}));
  return OpRun{std::move(session), std::move(program), std::move(feeds), cost};
}

void RunOp(benchmark::State& state, const OpSetting& setting) {
  absl::StatusOr<OpRun> run = MakeRun(setting);
  absl::Status status = run.status();
  if (status.ok()) {
    status = run->session.Run(run->program, run->feeds).status();
  }
  for (auto _ : state) {
    if (!status.ok()) break;
    status = run->session.Run(run->program, run->feeds).status();
  }
  if (!status.ok()) {
    state.SkipWithError(std::string(Message(status)).c_str());
    return;
  }
  using benchmark::Counter;
  const auto rate = Counter::kIsIterationInvariantRate;
  if (run->cost.flops > 0) state.counters["flops"] = {run->cost.flops, rate};
  if (run->cost.bytes > 0) {
    state.counters["bytes"] = {run->cost.bytes, rate, Counter::kIs1024};
  }
}

// All ops that compute element by element and take tensors of one f32 type.
std::vector<OpSetting> ElementwiseSettings() {
  std::vector<OpSetting> settings;
  for (const OpDef* op : BuiltinOps().All()) {
    if (!op->elementwise || op->variadic()) continue;
    for (const Shape& shape :
         {Shape({32, 100}), Shape({128, 1000}), Shape({2048, 4096})}) {
      OpSetting setting = {op, {op->inputs.size(), F32(shape)}, {}};
      Graph scratch;
      std::vector<Value> inputs;
      for (const TensorType& type : setting.inputs) {
        inputs.push_back(Placeholder(scratch, "input", type));
      }
      if (scratch.Add(*op, inputs, {}, {}).valid()) {
        settings.push_back(std::move(setting));
      }
    }
  }
  return settings;
}

// Products of the networks that are trained in training_workloads.h, forward
// and backward; sums, normalizations, and what moves data.
std::vector<OpSetting> OtherSettings() {
  const auto find = [](std::string_view name) {
    return BuiltinOps().Find(name);
  };
  std::vector<OpSetting> settings;
  const auto add = [&](std::string_view name, std::vector<TensorType> inputs,
                       Attributes attributes = {}) {
    if (const OpDef* op = find(name); op != nullptr) {
      settings.push_back({op, std::move(inputs), std::move(attributes)});
    }
  };
  for (const auto& [m, k, n] : {std::tuple{32, 784, 300},
                                {32, 100, 100},
                                {128, 784, 300},
                                {256, 2048, 2048}}) {
    add("matmul", {F32({m, k}), F32({k, n})});
    add("matmul", {F32({k, m}), F32({k, n})}, {{"transpose_input", true}});
    add("matmul", {F32({m, k}), F32({n, k})}, {{"transpose_weights", true}});
  }
  add("batch_matmul", {F32({16, 64, 64}), F32({16, 64, 64})});
  for (std::string_view name : {"reduce_sum", "reduce_mean", "reduce_max",
                                "reduce_l2", "reduce_log_sum_exp"}) {
    const std::vector<int64_t> rows = {0};
    const std::vector<int64_t> columns = {1};
    add(name, {F32({256, 2048})}, {{"axes", rows}});
    add(name, {F32({256, 2048})}, {{"axes", columns}});
  }
  add("sum_of_squares", {F32({1000, 1000})});
  for (std::string_view name : {"softmax", "log_softmax"}) {
    add(name, {F32({32, 10})});
    add(name, {F32({256, 2048})});
  }
  add("sparse_softmax_cross_entropy", {F32({32, 10}), I32({32})});
  add("batch_norm",
      {F32({256, 2048}), F32({2048}), F32({2048}), F32({2048}), F32({2048})});
  add("layer_norm", {F32({256, 2048}), F32({2048}), F32({2048})});
  add("transpose", {F32({1000, 1000})},
      {{"permutation", std::vector<int64_t>{1, 0}}});
  add("cumulative_sum", {F32({256, 2048})});
  return settings;
}

// ---- What a kernel costs ----------------------------------------------------

constexpr int kSmallOps = 1000;

struct Chain {
  Program program;
  std::vector<Feed> feeds;
};

absl::StatusOr<Chain> MakeChain() {
  Chain chain;
  const Value input = Placeholder(chain.program.graph, "x", F32({16}));
  Value value = input;
  for (int i = 0; i < kSmallOps; ++i) {
    value = i % 2 == 0 ? value * input : value + input;
  }
  chain.program.fetches = {{"y", value}};
  EVENGRAD_RETURN_IF_ERROR(chain.program.graph.status());
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Filled(F32({16})));
  chain.feeds = {{input, std::move(tensor)}};
  return chain;
}

void SetTimePerKernel(benchmark::State& state, int kernels) {
  state.counters["kernels"] = kernels;
  state.counters["time_per_kernel"] = benchmark::Counter(
      kernels, benchmark::Counter::kIsIterationInvariantRate |
                   benchmark::Counter::kInvert);
}

void ThousandSmallOpsInSession(benchmark::State& state) {
  absl::StatusOr<Chain> chain = MakeChain();
  absl::StatusOr<Session> session =
      chain.ok() ? Session::Create(chain->program.graph,
                                   {.num_threads = 1, .fuse = false})
                 : chain.status();
  absl::Status status = session.status();
  for (auto _ : state) {
    if (!status.ok()) break;
    status = session->Run(chain->program, chain->feeds).status();
  }
  if (!status.ok()) {
    state.SkipWithError(std::string(Message(status)).c_str());
    return;
  }
  SetTimePerKernel(state, session->last_compiled().num_kernels);
}

// Memory for the buffers of a program, where an executable would put them.
struct BoundBuffers {
  std::vector<Tensor> tensors = {};
  std::vector<void*> pointers = {};
};

absl::StatusOr<BoundBuffers> Bind(const CompiledProgram& compiled,
                                  const Tensor& feed) {
  BoundBuffers bound;
  EVENGRAD_ASSIGN_OR_RETURN(
      bound.tensors.emplace_back(),
      Tensor::Zeros(TensorType{DType::kU8, Shape({compiled.arena_bytes})}));
  for (const BufferSpec& buffer : compiled.buffers) {
    if (buffer.kind == BufferKind::kArena) {
      bound.pointers.push_back(
          static_cast<std::byte*>(bound.tensors[0].mutable_data()) +
          buffer.offset);
    } else if (buffer.kind == BufferKind::kFeed) {
      bound.pointers.push_back(const_cast<void*>(feed.data()));
    } else {
      EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(buffer.type));
      bound.pointers.push_back(tensor.mutable_data());
      bound.tensors.push_back(std::move(tensor));
    }
  }
  return bound;
}

void ThousandSmallOpsInBareLoop(benchmark::State& state) {
  const auto run = [&]() -> absl::Status {
    EVENGRAD_ASSIGN_OR_RETURN(const Chain chain, MakeChain());
    EVENGRAD_ASSIGN_OR_RETURN(const auto compiled,
                              Compile(chain.program, {}, {.fuse = false}));
    EVENGRAD_ASSIGN_OR_RETURN(BoundBuffers bound,
                              Bind(*compiled, chain.feeds[0].tensor));
    std::vector<std::byte> scratch(
        static_cast<size_t>(compiled->scratch_bytes) + 64);
    RunErrors errors;
    KernelContext context = {.buffers = bound.pointers.data(),
                             .scratch = scratch.data(),
                             .errors = &errors};
    for (auto _ : state) {
      for (const Task& task : compiled->tasks) {
        task.kernel->Run(task.part, context);
      }
      benchmark::ClobberMemory();
    }
    SetTimePerKernel(state, static_cast<int>(compiled->kernels.size()));
    return absl::OkStatus();
  };
  if (const absl::Status status = run(); !status.ok()) {
    state.SkipWithError(std::string(Message(status)).c_str());
  }
}

void RegisterAll() {
  std::vector<OpSetting> settings = ElementwiseSettings();
  for (OpSetting& setting : OtherSettings()) {
    settings.push_back(std::move(setting));
  }
  for (const OpSetting& setting : settings) {
    benchmark::RegisterBenchmark(setting.Name().c_str(), RunOp, setting)
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::RegisterBenchmark("ThousandSmallOps/session",
                               ThousandSmallOpsInSession);
  benchmark::RegisterBenchmark("ThousandSmallOps/bare_loop",
                               ThousandSmallOpsInBareLoop);
}

}  // namespace
}  // namespace evengrad

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  evengrad::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
