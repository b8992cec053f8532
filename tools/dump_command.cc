// evengrad dump: a graph file as text, as a table of layers, or at a later
// stage on its way to a training step.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "evengrad/evengrad.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/runtime/compiler.h"
#include "flag_text.h"
#include "load_model.h"
#include "output_paths.h"
#include "render_svg.h"
#include "train_flags.h"
#include "train_options.h"

namespace evengrad::tools {
namespace {

struct DumpFlags {
  std::string file;
  std::string format = "text";
  std::string stage = "model";
  bool stage_given = false;
  std::string loss;
  std::string after;
  std::string output;
  std::string statistics;
  std::vector<std::string> sizes;
  TrainFlags training = [] {
    TrainFlags flags;
    flags.optimizer.optimizer = "sgd";
    return flags;
  }();
};

constexpr std::pair<std::string_view, DumpFormat> kFormats[] = {
    {"text", DumpFormat::kText},
    {"summary", DumpFormat::kSummary},
    {"dot", DumpFormat::kDot},
    {"json", DumpFormat::kJson},
    {"html", DumpFormat::kHtml}};
constexpr std::pair<std::string_view, DumpStage> kStages[] = {
    {"model", DumpStage::kModel},
    {"gradients", DumpStage::kGradients},
    {"training", DumpStage::kTraining},
    {"optimized", DumpStage::kOptimized},
    {"plan", DumpStage::kPlan}};

// The choice named `given`; an error lists all of them.
template <typename T, size_t n>
absl::StatusOr<T> Choose(std::string_view flag, const std::string& given,
                         const std::pair<std::string_view, T> (&choices)[n]) {
  std::vector<std::string_view> known;
  std::string list;
  for (const auto& [name, value] : choices) {
    if (name == given) return value;
    list += StrCat(list.empty() ? "" : ", ", name);
    known.push_back(name);
  }
  return InvalidArgument("--", flag, "=", given, ": expected one of ", list,
                         DidYouMean(given, known));
}

// "batch=32".
absl::Status ParseSize(const std::string& given,
                       std::map<std::string, int64_t>& sizes) {
  const size_t equals = given.find('=');
  int64_t size = -1;
  if (equals != std::string::npos && equals > 0) {
    const char* const begin = given.c_str() + equals + 1;
    const char* const end = given.c_str() + given.size();
    const auto [stop, error] = std::from_chars(begin, end, size);
    if (error != std::errc() || stop != end) size = -1;
  }
  if (size < 0) {
    return InvalidArgument("--size=", given,
                           ": expected NAME=N with N of at least 0, such as "
                           "batch=32");
  }
  sizes[given.substr(0, equals)] = size;
  return absl::OkStatus();
}

// --after, which is about the stage "optimized" alone.
absl::Status ParseAfter(const DumpFlags& flags, DumpOptions& options) {
  if (flags.after.empty()) return absl::OkStatus();
  const std::vector<std::string_view> passes = LoweringSteps();
  if (std::ranges::find(passes, flags.after) == passes.end()) {
    return UnknownName("after", flags.after, flags.after, passes);
  }
  if (flags.stage_given && options.stage != DumpStage::kOptimized) {
    return BadFlag("after", flags.after,
                   "stops within --stage=optimized, and --stage=", flags.stage,
                   " is given; leave one of them out");
  }
  options.stage = DumpStage::kOptimized;
  options.after = flags.after;
  return absl::OkStatus();
}

absl::StatusOr<DumpOptions> ParseDumpFlags(const DumpFlags& flags) {
  DumpOptions options;
  EVENGRAD_ASSIGN_OR_RETURN(options.format,
                            Choose("format", flags.format, kFormats));
  EVENGRAD_ASSIGN_OR_RETURN(options.stage,
                            Choose("stage", flags.stage, kStages));
  EVENGRAD_RETURN_IF_ERROR(ParseAfter(flags, options));
  options.title = flags.file.substr(flags.file.rfind('/') + 1);
  options.statistics = flags.statistics;
  if (!flags.statistics.empty() && options.format != DumpFormat::kJson &&
      options.format != DumpFormat::kHtml) {
    return InvalidArgument("--statistics is for --format=html and json");
  }
  for (const std::string& size : flags.sizes) {
    EVENGRAD_RETURN_IF_ERROR(ParseSize(size, options.sizes));
  }
  EVENGRAD_ASSIGN_OR_RETURN(TrainOptions training,
                            ParseTrainFlags(flags.training));
  options.optimizer = std::move(training.optimizer.optimizer);
  options.minimize.hooks = std::move(training.hooks);
  return options;
}

// The result or node of that name. Without a name: "loss", where the stage
// needs one and the file has it. A program that trains already needs none.
absl::StatusOr<Value> FindLoss(const Program& program, const DumpFlags& flags) {
  const bool needed = flags.stage == "gradients" ||
                      (flags.stage == "training" && program.updates.empty());
  if (flags.loss.empty() && !needed) return Value();
  const std::string name = flags.loss.empty() ? "loss" : flags.loss;
  std::vector<std::string_view> known;
  for (const NamedValue& fetch : program.fetches) {
    if (fetch.name == name) return fetch.value;
    known.push_back(fetch.name);
  }
  if (const Node node = program.graph.FindNode(name); node.valid()) {
    return node.output();
  }
  if (flags.loss.empty()) {
    return InvalidArgument(flags.file, ": stage ", flags.stage,
                           " needs a loss: name it with --loss=NAME");
  }
  constexpr int kMost = 10'000;
  for (int id = 0; id < std::min(program.graph.num_nodes(), kMost); ++id) {
    known.push_back(program.graph.node(id).name());
  }
  return InvalidArgument("--loss=", name, ": ", flags.file,
                         " has no result and no node of that name",
                         DidYouMean(name, known));
}

bool WantsSvg(const DumpFlags& flags) {
  return flags.format == "dot" && flags.output.ends_with(".svg");
}

// To the file, whole or not at all; to standard output where none is named.
absl::Status WriteDump(const DumpFlags& flags, const std::string& text) {
  if (flags.output.empty()) {
    std::cout << text << std::flush;
    if (std::cout.good()) return absl::OkStatus();
    return absl::UnavailableError("the dump cannot be written");
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string content,
      WantsSvg(flags) ? RenderSvg(text) : absl::StatusOr<std::string>(text));
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(flags.output));
  EVENGRAD_RETURN_IF_ERROR(file.Write(content));
  return file.Commit();
}

absl::Status DumpFile(const DumpFlags& flags, DumpOptions options) {
  EVENGRAD_ASSIGN_OR_RETURN(const Program program, LoadModel(flags.file));
  EVENGRAD_ASSIGN_OR_RETURN(options.loss, FindLoss(program, flags));
  const bool is_graph = program.fetches.empty() && program.updates.empty() &&
                        program.observations.empty() &&
                        program.guards.empty() &&
                        program.mode == Mode::kTraining;
  std::ostringstream text;
  EVENGRAD_RETURN_IF_ERROR(is_graph ? DumpGraph(program.graph, options, text)
                                    : DumpProgram(program, options, text));
  return WriteDump(flags, text.str());
}

int RunDump(const DumpFlags& flags) {
  const absl::StatusOr<DumpOptions> options = ParseDumpFlags(flags);
  if (!options.ok()) return Complain(options.status(), kBadUsage);
  const absl::Status apart =
      CheckOutputs({{{"--output", flags.output}}},
                   {{{"", flags.file}, {"--statistics", flags.statistics}}});
  if (!apart.ok()) return Complain(apart, kBadUsage);
  const absl::Status status = DumpFile(flags, *options);
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

}  // namespace

Command AddDumpCommand(CLI::App& app) {
  CLI::App* dump = app.add_subcommand(
      "dump", "Print a graph or program file, or what becomes of it");
  auto flags = std::make_shared<DumpFlags>();
  dump->add_option("file", flags->file,
                   "A graph text, or an ONNX model (.onnx)")
      ->required();
  dump->add_option("--format", flags->format,
                   "text; summary: a table of the layers; html: a page to "
                   "explore; dot: for Graphviz; or json: docs/graph_json.md")
      ->capture_default_str();
  dump->add_option("--stage", flags->stage,
                   "model, gradients, training, optimized or plan")
      ->capture_default_str();
  dump->add_option("--after", flags->after,
                   "Stop after this pass: " + Listed(LoweringSteps()) +
                       "; implies --stage=optimized");
  dump->add_option("--loss", flags->loss,
                   "What is minimized: the name of a result or a node");
  dump->add_option("--size", flags->sizes,
                   "The size of a named dimension, NAME=N; otherwise 1");
  dump->add_option("--output", flags->output,
                   "The file to write; of --format=dot, a name that ends in "
                   ".svg is rendered by Graphviz's dot. Without it, standard "
                   "output");
  dump->add_option("--statistics", flags->statistics,
                   "For html and json: statistics of a run of this model, from "
                   "evengrad train --csv=FILE --statistics-every=N");
  AddOptimizerFlags(*dump, flags->training.optimizer);
  dump->add_option("--clip", flags->training.clip,
                   "As of evengrad train: none, global_norm:N, …")
      ->capture_default_str();
  return [flags, dump] {
    flags->stage_given = dump->count("--stage") > 0;
    return RunDump(*flags);
  };
}

}  // namespace evengrad::tools
