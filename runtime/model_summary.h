// What a program consists of and costs, layer by layer: plain figures for
// tables and reports.
#ifndef EVENGRAD_RUNTIME_MODEL_SUMMARY_H_
#define EVENGRAD_RUNTIME_MODEL_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// Nodes of the forward pass that belong together: those of a layer (see
// LayerOf), one placeholder, or the nodes outside of every layer that stand
// between two others; such a row is named after its last node.
struct LayerSummary {
  std::string name = {};
  std::vector<std::string> ops = {};  // each once, in order
  TensorType output = {};             // of the last node, as the user wrote it
  int64_t parameters = 0;             // trainable numbers
  double flops = 0;                   // forward; 0 for ops without a cost
  int64_t activation_bytes = 0;       // of all values it computes, unfused
};

// Bytes of one run.
struct MemorySummary {
  int64_t states = 0;
  int64_t constants = 0;
  int64_t feeds = 0;
  int64_t results = 0;
  int64_t arena = 0;    // activations and gradients, after reuse
  int64_t scratch = 0;  // of one worker

  int64_t peak() const {
    return states + constants + feeds + results + arena + scratch;
  }
};

struct ModelSummary {
  std::vector<LayerSummary> layers = {};
  int64_t parameters = 0;
  int64_t parameter_bytes = 0;
  int64_t activation_bytes = 0;
  double forward_flops = 0;
  double gradient_flops = 0;  // of nodes that belong to a gradient
  double update_flops = 0;    // clipping, optimizer and the like
  MemorySummary memory = {};
};

// The summary of one run for placeholders (by node id) of the given shapes.
// Errors: those of Compile.
EVENGRAD_EXPORT absl::StatusOr<ModelSummary> SummarizeModel(
    const Program& program, const std::map<int, Shape>& placeholder_shapes);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_MODEL_SUMMARY_H_
