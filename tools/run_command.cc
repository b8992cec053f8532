// evengrad run: a model's outputs, and gradients, for inputs from a file.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.h"
#include "compare_runs.h"
#include "evengrad/evengrad.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/runtime/reference_executor.h"
#include "flag_text.h"
#include "load_model.h"
#include "output_paths.h"
#include "precision.h"

namespace evengrad::tools {
namespace {

struct RunFlags {
  std::string model;
  std::string inputs;
  std::string outputs;
  std::string weights;
  std::string gradients;
  bool reference = false;
  bool compare = false;
  CompareOptions tolerance;
  int threads = 0;
  std::string precision = "f32";
  uint64_t seed = 42;
};

absl::StatusOr<std::vector<NamedTensor>> ReadInputs(const RunFlags& flags) {
  if (flags.inputs.empty()) return std::vector<NamedTensor>();
  return ReadSafetensors(flags.inputs);
}

// Each tensor to the placeholder of its name. Errors: no such input, an input
// that is not given.
absl::StatusOr<std::vector<Feed>> Feeds(
    const RunFlags& flags, const Program& program,
    const std::vector<NamedTensor>& tensors) {
  std::vector<Feed> feeds;
  std::vector<std::string_view> names;
  const Graph& graph = program.graph;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (!IsPlaceholder(node)) continue;
    names.push_back(node.name());
    const auto tensor =
        std::ranges::find(tensors, node.name(), &NamedTensor::name);
    if (tensor == tensors.end()) {
      return absl::NotFoundError(
          StrCat(flags.inputs.empty() ? "--inputs" : flags.inputs,
                 ": the model's input '", node.name(), "', ",
                 node.output_type().ToString(), ", is missing"));
    }
    feeds.push_back({node.output(), tensor->tensor});
  }
  for (const NamedTensor& tensor : tensors) {
    if (std::ranges::find(names, tensor.name) != names.end()) continue;
    return InvalidArgument(flags.inputs, ": the model has no input '",
                           tensor.name, "'", DidYouMean(tensor.name, names));
  }
  return feeds;
}

// Adds "gradient/<name>" of each floating input and parameter to the results.
absl::Status AddGradients(const std::string& name, Program& program) {
  absl::StatusOr<Value> loss = FindValue(program, name);
  if (!loss.ok()) return loss.status();
  if (!IsFloating(loss->dtype()) || loss->rank() != 0) {
    return InvalidArgument("'", name, "' must be a floating scalar, found ",
                           loss->type().ToString());
  }
  std::vector<Value> wrt;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node node = program.graph.node(id);
    if ((IsPlaceholder(node) || IsParameter(node)) &&
        IsFloating(node.output_type().dtype)) {
      wrt.push_back(node.output());
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<Value> gradients,
      Gradients(*loss, wrt, {.zeros_for_unreached = true}));
  for (size_t i = 0; i < wrt.size(); ++i) {
    program.fetches.push_back(
        {StrCat("gradient/", wrt[i].node().name()), gradients[i]});
  }
  return absl::OkStatus();
}

// What a run computes: the results, without updates and what hooks watched.
absl::StatusOr<Program> LoadForRun(const RunFlags& flags,
                                   const std::vector<NamedTensor>& inputs) {
  EVENGRAD_ASSIGN_OR_RETURN(Program program, LoadModel(flags.model, inputs));
  // A graph that no program surrounds infers.
  if (program.fetches.empty()) program.mode = Mode::kInference;
  program.fetches = ResultsOf(program);
  program.updates.clear();
  program.observations.clear();
  program.guards.clear();
  if (program.fetches.empty()) {
    return InvalidArgument(flags.model, ": the model computes nothing");
  }
  if (!flags.gradients.empty()) {
    EVENGRAD_RETURN_IF_ERROR(Prefixed(AddGradients(flags.gradients, program),
                                      StrCat("--gradients: ")));
  }
  return program;
}

absl::StatusOr<std::vector<NamedTensor>> Compute(const RunFlags& flags,
                                                 const Program& program,
                                                 std::span<const Feed> feeds,
                                                 Session& session) {
  std::vector<Tensor> tensors;
  if (flags.reference) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const ReferenceResult result,
        RunReferenceLike(session, program, feeds, flags.seed));
    for (const ReferenceTensor& tensor : result.fetches) {
      EVENGRAD_ASSIGN_OR_RETURN(tensors.emplace_back(), ToTensor(tensor));
    }
  } else {
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session.Run(program, feeds));
    tensors.assign(result.values().begin(), result.values().end());
  }
  std::vector<NamedTensor> outputs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    outputs.push_back({program.fetches[i].name, std::move(tensors[i])});
  }
  return outputs;
}

absl::Status Run(const RunFlags& flags, Precision precision) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<NamedTensor> inputs,
                            ReadInputs(flags));
  EVENGRAD_ASSIGN_OR_RETURN(const Program program, LoadForRun(flags, inputs));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Feed> feeds,
                            Feeds(flags, program, inputs));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(program.graph, {.seed = flags.seed,
                                      .num_threads = flags.threads,
                                      .precision = precision}));
  if (!flags.weights.empty()) {
    EVENGRAD_RETURN_IF_ERROR(
        LoadWeights(flags.weights, program.graph, session));
  }
  if (!flags.outputs.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<NamedTensor> outputs,
                              Compute(flags, program, feeds, session));
    EVENGRAD_RETURN_IF_ERROR(WriteSafetensors(flags.outputs, outputs));
  }
  if (!flags.compare) return absl::OkStatus();
  EVENGRAD_ASSIGN_OR_RETURN(
      const CompareReport report,
      CompareRuns(session, program, feeds, flags.seed, flags.tolerance));
  std::printf("%s\n", report.ToString().c_str());
  if (!report.difference.empty()) {
    return absl::DataLossError(report.difference);
  }
  return absl::OkStatus();
}

absl::Status CheckFlags(const RunFlags& flags) {
  if (flags.outputs.empty() && !flags.compare) {
    return InvalidArgument("give --outputs=FILE.safetensors, or --compare");
  }
  EVENGRAD_RETURN_IF_ERROR(CheckThreads(flags.threads));
  for (const auto& [flag, tolerance] :
       {std::pair{"rtol", flags.tolerance.relative},
        std::pair{"atol", flags.tolerance.absolute}}) {
    if (std::isfinite(tolerance) && tolerance >= 0) continue;
    return BadFlag(flag, StrCat(tolerance),
                   "expected a finite number that is not negative");
  }
  if (flags.precision == "bf16" && (flags.reference || flags.compare)) {
    return BadFlag("precision", flags.precision,
                   flags.compare ? "--compare" : "--reference",
                   " is for f32; the reference computes in double");
  }
  return absl::OkStatus();
}

int RunRun(const RunFlags& flags) {
  const absl::Status checked = CheckFlags(flags);
  if (!checked.ok()) return Complain(checked, kBadUsage);
  const absl::StatusOr<Precision> precision = ParsePrecision(flags.precision);
  if (!precision.ok()) return Complain(precision.status(), kBadUsage);
  const absl::Status apart = CheckOutputs({{{"--outputs", flags.outputs}}},
                                          {{{"", flags.model},
                                            {"--inputs", flags.inputs},
                                            {"--weights", flags.weights}}});
  if (!apart.ok()) return Complain(apart, kBadUsage);
  const absl::Status status = Run(flags, *precision);
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

}  // namespace

Command AddRunCommand(CLI::App& app) {
  CLI::App* run =
      app.add_subcommand("run", "Run a model on inputs from a file");
  run->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  auto flags = std::make_shared<RunFlags>();
  run->add_option("model", flags->model,
                  "A graph text, or an ONNX model (.onnx)")
      ->required();
  run->add_option("--inputs", flags->inputs,
                  "A .safetensors file with the inputs by name");
  run->add_option("--outputs", flags->outputs,
                  "The .safetensors file that gets the results by name");
  run->add_option("--weights", flags->weights,
                  "A .safetensors file, such as a checkpoint, with the "
                  "states' values; otherwise their initial ones");
  run->add_option("--gradients", flags->gradients,
                  "Of this floating scalar: adds gradient/NAME for each "
                  "floating input and parameter");
  run->add_flag("--reference", flags->reference,
                "Compute in double by the ops' plain references (slow)");
  run->add_flag("--compare", flags->compare,
                "Compute both ways and name the first node that differs");
  run->add_option("--rtol", flags->tolerance.relative,
                  "Of --compare: relative tolerance")
      ->capture_default_str();
  run->add_option("--atol", flags->tolerance.absolute,
                  "Of --compare: absolute tolerance, in units of the value's "
                  "largest element")
      ->capture_default_str();
  run->add_option("--threads", flags->threads, "0 for one a core")
      ->capture_default_str();
  run->add_option("--precision", flags->precision,
                  "f32, or bf16: products of bf16 matrices, added up in f32")
      ->capture_default_str();
  run->add_option("--seed", flags->seed,
                  "Of random initial values and random ops")
      ->capture_default_str();
  return [flags] { return RunRun(*flags); };
}

}  // namespace evengrad::tools
