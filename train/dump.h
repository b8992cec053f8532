// What a model becomes on its way to a training step, for reading. The command
// line's "evengrad dump" is this function on a file; a model in C++ calls it
// itself:
//
//   absl::Status status =
//       DumpGraph(graph, {.stage = DumpStage::kTraining, .loss = loss},
//                 std::cout);
#ifndef EVENGRAD_TRAIN_DUMP_H_
#define EVENGRAD_TRAIN_DUMP_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {

enum class DumpStage : uint8_t {
  kModel,      // as it was built
  kGradients,  // with the gradients of the loss, which are fetched
  kTraining,   // what Minimize makes of it
  kOptimized,  // after the compiler's passes, for concrete sizes
  kPlan,       // kernels, their implementations, buffers and offsets
};

enum class DumpFormat : uint8_t {
  kText,     // see formats/graph_text.h; for kPlan, a listing
  kSummary,  // a table with a row a layer: output, parameters, FLOPs, memory
  kDot,      // for Graphviz; see formats/graph_dot.h
  kJson,     // see docs/graph_json.md
  kHtml,     // one page to explore; see formats/graph_html.h
};

struct DumpOptions {
  DumpStage stage = DumpStage::kModel;
  DumpFormat format = DumpFormat::kText;
  // What is minimized. For the stages kOptimized and kPlan it may be left out:
  // then the program runs as it is, and a graph computes its outputs (the
  // values that no node reads) in inference mode.
  Value loss = {};
  // With a loss. `minimize` says which hooks take part.
  Optimizer optimizer = Sgd();
  MinimizeOptions minimize = {};
  // Sizes of named dimensions, for costs, summaries and kOptimized and kPlan.
  // One that is missing is 1, like every unknown one; the dump says so.
  std::map<std::string, int64_t> sizes = {};
  // For kOptimized: stop behind the first run of this pass, one of "infer",
  // "specialize", "fold", "simplify", "share", "prune".
  std::string after = {};
  // For kDot, kJson and kHtml: what the picture is called.
  std::string title = "graph";
  // For kJson and kHtml: a file of StatisticsCsvWriter, from a run of this
  // model; its statistics are shown with the layers. "" for none.
  std::string statistics = {};
};

// Writes the stage to `out`. Errors: the graph's own, those of Gradients,
// Minimize and the compiler, a stage that needs a loss without one, a size for
// a dimension that does not exist, an unknown pass, statistics that cannot be
// read or are of another model, a stream that fails. Nothing is written before
// all of it is known.
EVENGRAD_EXPORT absl::Status DumpGraph(const Graph& graph,
                                       const DumpOptions& options,
                                       std::ostream& out);
// The same for a program, such as one that Minimize or LoadProgram gave.
EVENGRAD_EXPORT absl::Status DumpProgram(const Program& program,
                                         const DumpOptions& options,
                                         std::ostream& out);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_DUMP_H_
