#include "evengrad/train/dump.h"

#include <memory>
#include <utility>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/formats/graph_dot.h"
#include "evengrad/formats/graph_html.h"
#include "evengrad/formats/graph_json.h"
#include "evengrad/formats/graph_picture.h"
#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/listings.h"
#include "evengrad/formats/statistics_csv.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/model_summary.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

bool HasResults(const Program& program) {
  return !program.fetches.empty() || !program.updates.empty() ||
         !program.observations.empty();
}

// Fetches the values that no node reads and that are no initial values, or
// parts of one.
void FetchOutputs(Program& program) {
  const Graph& graph = program.graph;
  Program initial{.graph = graph};
  for (const Value& state : States(graph)) {
    const Value value = state.node().initializer();
    if (value.valid()) initial.fetches.push_back({.value = value});
  }
  std::vector<bool> hidden = NeededNodes(initial);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      hidden[node.input_id(i).node] = true;
    }
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (hidden[id] || node.op().is_source) continue;
    program.fetches.push_back({node.name(), node.output()});
  }
}

std::string_view Name(DumpStage stage) {
  constexpr std::string_view kNames[] = {"model", "gradients", "training",
                                         "optimized", "plan"};
  return kNames[static_cast<int>(stage)];
}

absl::Status NeedsLoss(std::string_view stage) {
  return InvalidArgument("stage ", stage, " needs a loss to minimize");
}

// The loss and its gradients with respect to the parameters it depends on.
absl::StatusOr<Program> AddGradients(const Program& program,
                                     const Value& loss) {
  if (!loss.valid()) return NeedsLoss("gradients");
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  Program result{.graph = program.graph.Clone()};
  EVENGRAD_ASSIGN_OR_RETURN(const Value own, result.graph.Resolve(loss));
  EVENGRAD_RETURN_IF_ERROR(ResolveInitializers(result.graph));
  result.fetches.push_back({"loss", own});
  const std::vector<bool> needed = NeededNodes(result);
  std::vector<Value> parameters;
  for (const Value& parameter : Parameters(result.graph)) {
    if (needed[parameter.id().node]) parameters.push_back(parameter);
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<Value> gradients,
      Gradients(own, parameters, {.zeros_for_unreached = true}));
  for (size_t i = 0; i < parameters.size(); ++i) {
    result.fetches.push_back({parameters[i].name(), gradients[i]});
  }
  return result;
}

absl::StatusOr<Program> AddTraining(const Program& program,
                                    const DumpOptions& options) {
  if (!options.loss.valid()) {
    if (!program.updates.empty()) return program;  // it trains already
    return NeedsLoss("training");
  }
  MinimizeOptions minimize = options.minimize;
  for (const NamedValue& fetch : program.fetches) {
    if (fetch.name != "loss") minimize.fetches.push_back(fetch);
  }
  return Minimize(options.loss, options.optimizer, minimize);
}

// What is compiled: the training program, or the one that was given.
absl::StatusOr<Program> Runnable(const Program& program,
                                 const DumpOptions& options) {
  if (options.loss.valid()) return AddTraining(program, options);
  Program result = program;
  if (!HasResults(program)) {
    result.mode = Mode::kInference;
    FetchOutputs(result);
  }
  if (HasResults(result)) return result;
  return InvalidArgument("the graph computes nothing");
}

absl::StatusOr<Program> StageOf(const Program& program,
                                const DumpOptions& options) {
  switch (options.stage) {
    case DumpStage::kModel:
      return program;
    case DumpStage::kGradients:
      return AddGradients(program, options.loss);
    case DumpStage::kTraining:
      return AddTraining(program, options);
    case DumpStage::kOptimized:
    case DumpStage::kPlan:
      break;
  }
  return Runnable(program, options);
}

// The shapes of all placeholders, and what was assumed for them.
struct Sizes {
  std::map<int, Shape> shapes;  // by node
  std::map<std::string, int64_t> used;
  bool has_unknown = false;
};

absl::StatusOr<Sizes> ChooseSizes(const Graph& graph,
                                  const std::map<std::string, int64_t>& given) {
  Sizes sizes;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (!IsPlaceholder(node)) continue;
    Shape shape = node.output_type().shape;
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i].is_unknown()) {
        sizes.has_unknown = true;
        shape[i] = 1;
      } else if (shape[i].is_symbol()) {
        const auto it = given.find(shape[i].symbol());
        const int64_t size = it == given.end() ? 1 : it->second;
        sizes.used[shape[i].symbol()] = size;
        shape[i] = size;
      }
    }
    sizes.shapes.emplace(id, std::move(shape));
  }
  std::vector<std::string_view> known;
  for (const auto& [name, size] : sizes.used) known.push_back(name);
  for (const auto& [name, size] : given) {
    if (size < 0) {
      return InvalidArgument("size ", name, " = ", size, " is negative");
    }
    if (!sizes.used.contains(name)) {
      return InvalidArgument("no placeholder has a dimension '", name, "'",
                             DidYouMean(name, known));
    }
  }
  return sizes;
}

// "for batch=32, ?=1".
std::string Caption(const Sizes& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes.used) {
    text += StrCat(text.empty() ? "for " : ", ", name, "=", size);
  }
  if (sizes.has_unknown) text += StrCat(text.empty() ? "for " : ", ", "?=1");
  return text.empty() ? text : text + "\n";
}

absl::StatusOr<std::string> Summarize(Program program,
                                      const DumpOptions& options) {
  if (!HasResults(program)) FetchOutputs(program);
  if (!HasResults(program)) {
    return InvalidArgument("the graph computes nothing");
  }
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  EVENGRAD_ASSIGN_OR_RETURN(const Sizes sizes,
                            ChooseSizes(program.graph, options.sizes));
  EVENGRAD_ASSIGN_OR_RETURN(const ModelSummary summary,
                            SummarizeModel(program, sizes.shapes));
  return Caption(sizes) + PrintSummary(summary);
}

absl::StatusOr<std::string> Print(const Program& program,
                                  const DumpOptions& options, bool is_graph) {
  if (options.stage == DumpStage::kModel && is_graph) {
    return PrintGraph(program.graph);
  }
  if (options.stage < DumpStage::kOptimized) return PrintProgram(program);
  EVENGRAD_ASSIGN_OR_RETURN(const Sizes sizes,
                            ChooseSizes(program.graph, options.sizes));
  if (options.stage == DumpStage::kOptimized) {
    EVENGRAD_ASSIGN_OR_RETURN(const Program lowered,
                              Lower(program, sizes.shapes, options.after));
    return PrintProgram(lowered);
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<CompiledProgram> compiled,
                            Compile(program, sizes.shapes));
  return Caption(sizes) + PrintPlan(*compiled);
}

// Costs of a program whose sizes are open: those it has once they are known.
void AddCostsFor(Program program, const Sizes& sizes, GraphPicture& picture) {
  if (!HasResults(program)) FetchOutputs(program);
  const absl::StatusOr<Program> lowered =
      Lower(program, sizes.shapes, "specialize");
  if (lowered.ok()) {
    AddCosts(*lowered, picture);
  } else {
    picture.costs_missing = Message(lowered.status());
  }
}

absl::StatusOr<GraphPicture> DrawStage(const Program& program,
                                       const Sizes& sizes,
                                       const DumpOptions& options) {
  if (options.stage == DumpStage::kPlan) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<CompiledProgram> compiled,
                              Compile(program, sizes.shapes));
    return PictureOf(*compiled);
  }
  if (options.stage == DumpStage::kOptimized) {
    EVENGRAD_ASSIGN_OR_RETURN(const Program lowered,
                              Lower(program, sizes.shapes, options.after));
    GraphPicture picture = PictureOf(lowered);
    // Before "specialize", types are open and some ops still composed.
    if (options.after != "infer") AddCosts(lowered, picture);
    return picture;
  }
  GraphPicture picture = PictureOf(program);
  AddCostsFor(program, sizes, picture);
  return picture;
}

absl::StatusOr<std::string> Draw(const Program& program,
                                 const DumpOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const Sizes sizes,
                            ChooseSizes(program.graph, options.sizes));
  EVENGRAD_ASSIGN_OR_RETURN(GraphPicture picture,
                            DrawStage(program, sizes, options));
  picture.title = options.title;
  picture.stage = Name(options.stage);
  picture.sizes = sizes.used;
  if (!options.statistics.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<StatisticsRecord> records,
                              ReadStatisticsCsv(options.statistics));
    EVENGRAD_RETURN_IF_ERROR(
        AddStatistics(options.statistics, std::move(records), picture));
    // The picture goes to other machines: without folders.
    picture.statistics.source =
        options.statistics.substr(options.statistics.find_last_of('/') + 1);
  }
  if (options.format == DumpFormat::kDot) return PrintGraphDot(picture);
  if (options.format == DumpFormat::kJson) return PrintGraphJson(picture);
  return PrintGraphHtml(picture);
}

absl::StatusOr<std::string> Format(Program program, const DumpOptions& options,
                                   bool is_graph) {
  switch (options.format) {
    case DumpFormat::kText:
      return Print(program, options, is_graph);
    case DumpFormat::kSummary:
      return Summarize(std::move(program), options);
    case DumpFormat::kDot:
    case DumpFormat::kJson:
    case DumpFormat::kHtml:
      break;
  }
  return Draw(program, options);
}

absl::Status Dump(const Program& program, const DumpOptions& options,
                  bool is_graph, std::ostream& out) {
  if (!options.after.empty() && options.stage != DumpStage::kOptimized) {
    return InvalidArgument("after = ", options.after,
                           " names a pass: only stage optimized has passes");
  }
  if (!options.statistics.empty() && options.format != DumpFormat::kJson &&
      options.format != DumpFormat::kHtml) {
    return InvalidArgument("statistics are shown by the formats json and html");
  }
  EVENGRAD_RETURN_IF_ERROR(program.graph.status());
  EVENGRAD_ASSIGN_OR_RETURN(Program stage, StageOf(program, options));
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            Format(std::move(stage), options, is_graph));
  out << text << std::flush;
  if (out.good()) return absl::OkStatus();
  return absl::UnavailableError("the dump cannot be written");
}

}  // namespace

absl::Status DumpGraph(const Graph& graph, const DumpOptions& options,
                       std::ostream& out) {
  return Dump({.graph = graph}, options, true, out);
}

absl::Status DumpProgram(const Program& program, const DumpOptions& options,
                         std::ostream& out) {
  return Dump(program, options, false, out);
}

}  // namespace evengrad
