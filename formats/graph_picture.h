// What pictures of a program show: its nodes with layer, pass and cost, and for
// a compiled one its kernels and buffers. Plain records, from which DOT, JSON
// and HTML are written.
#ifndef EVENGRAD_FORMATS_GRAPH_PICTURE_H_
#define EVENGRAD_FORMATS_GRAPH_PICTURE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/hooks/findings.h"
#include "evengrad/runtime/hooks/layer_records.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// Which part of a step a node belongs to.
enum class PicturePass : uint8_t {
  kForward,   // what the results and the loss are computed from
  kGradient,  // what helps to compute a gradient
  kUpdate,    // hooks, guards, the optimizer and the states it keeps
  kInitial,   // what only the first values of states are computed from
};
// "forward", "gradient", "update" or "initial".
EVENGRAD_EXPORT std::string_view Name(PicturePass pass);

enum class PictureRole : uint8_t {
  kInput,      // a placeholder
  kParameter,  // a trainable state
  kState,      // any other state
  kConstant,
  kCompute,
};
// "input", "parameter", "state", "constant" or "compute".
EVENGRAD_EXPORT std::string_view Name(PictureRole role);

struct PictureNode {
  std::string name = {};
  std::string op = {};
  PicturePass pass = PicturePass::kForward;
  PictureRole role = PictureRole::kCompute;
  int layer = -1;  // index into GraphPicture::layers
  std::vector<ValueId> inputs = {};
  std::vector<TensorType> types = {};  // of the outputs
  // Those that differ from their defaults, as graph text has them; long ones
  // are cut.
  std::vector<std::pair<std::string, std::string>> attributes = {};
  std::string location = {};  // "model.cc:27"; "" where unknown
  int gradient_of = -1;       // the node whose gradient it helps to compute
  ValueId initial = {};       // of a state, where it is known
  double flops = 0;           // of one run, where the op says so
  double bytes = 0;           // read and written, when nothing is fused
  int kernel = -1;            // index into kernels; -1 where none computes it
};

enum class PictureLayerKind : uint8_t {
  kInput,   // one placeholder
  kLayer,   // has parameters: a scope, or what follows a matrix of weights
  kOther,   // nodes of the forward pass outside of layers
  kHook,    // a hook, or the guards
  kUpdate,  // what the updates of all layers share: steps, rates
};
// "input", "layer", "other", "hook" or "update".
EVENGRAD_EXPORT std::string_view Name(PictureLayerKind kind);

struct PictureLayer {
  std::string name = {};
  PictureLayerKind kind = PictureLayerKind::kOther;
  int64_t parameters = 0;  // trainable numbers
};

struct PictureKernel {
  std::string name = {};  // of its first node
  int stage = 0;
  std::string implementation = {};
  int parts = 0;
  std::vector<int> nodes = {};
  // Of the nodes, the one whose layer and pass it is shown in: the one with
  // most of the FLOPs, else the last that does more than watch.
  int home = -1;
  std::vector<int> reads = {};  // buffers
  std::vector<int> writes = {};
};

struct PictureBuffer {
  BufferKind kind = BufferKind::kArena;
  std::string type = {};
  std::string name = {};  // of the node whose value it holds
  int64_t bytes = 0;
  int64_t offset = 0;  // kArena
  // The stages in which it is in use, both included: -1 is before the first,
  // num_stages after the last.
  int first = 0;
  int last = 0;
};

// Statistics of a run, for the layers of the picture.
struct PictureStatistics {
  std::string source = {};  // the file's name
  std::vector<StatisticsRecord> records = {};
  // By layer of a record: the index into GraphPicture::layers, or -1.
  std::map<std::string, int> layers = {};
};

struct GraphPicture {
  std::string title = {};
  std::string stage = {};  // "model", "gradients", …
  Mode mode = Mode::kTraining;
  // For which costs and plans hold, by named dimension.
  std::map<std::string, int64_t> sizes = {};
  std::string costs_missing = {};  // why there are none; "" when there are
  std::map<std::string, std::string> ops = {};  // of the nodes: OpDef::summary
  std::vector<PictureLayer> layers = {};
  std::vector<PictureNode> nodes = {};  // by id; inputs come first
  std::vector<std::pair<std::string, ValueId>> results = {};
  std::vector<std::pair<int, ValueId>> updates = {};  // state's node, value
  std::vector<std::pair<std::string, ValueId>> guards = {};
  // Of a compiled program.
  std::vector<PictureKernel> kernels = {};
  std::vector<PictureBuffer> buffers = {};
  int num_stages = 0;
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;
  PictureStatistics statistics = {};
};

// The name of a kind: "arena", "feed", "state", "constant" or "result".
EVENGRAD_EXPORT std::string_view Name(BufferKind kind);

// Nodes, layers and results of a program. Layers come in the order in which the
// forward pass reaches them, an input right before its first reader, hooks and
// updates last.
EVENGRAD_EXPORT GraphPicture PictureOf(const Program& program);

// The same for compiled.program, with kernels and buffers.
EVENGRAD_EXPORT GraphPicture PictureOf(const CompiledProgram& compiled);

// Sets flops and bytes from `lowered`, which is the picture's program after
// "specialize": the costs of a node are those of the nodes made of it, whose
// names begin with its own. Nodes that nothing needs cost nothing.
EVENGRAD_EXPORT void AddCosts(const Program& lowered, GraphPicture& picture);

// Sets picture.statistics. Where a record does not say it, the activation and
// the number of units are taken from the picture. Error: no record, or a layer
// that the picture does not have, with "did you mean": the file is of another
// model.
EVENGRAD_EXPORT absl::Status AddStatistics(
    std::string source, std::vector<StatisticsRecord> records,
    GraphPicture& picture);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_PICTURE_H_
