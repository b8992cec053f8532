// Models from files of every kind that the command line reads.
#ifndef EVENGRAD_TOOLS_LOAD_MODEL_H_
#define EVENGRAD_TOOLS_LOAD_MODEL_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"

namespace evengrad::tools {

// "model.onnx" is an ONNX file; any other name is a graph text.
bool IsOnnxFile(std::string_view path);

// The model, with the ops that were loaded. `inputs` is what it will be fed, as
// far as that is known (see OnnxImportOptions).
absl::StatusOr<Program> LoadModel(const std::string& path,
                                  std::span<const NamedTensor> inputs = {});

// The program's results; without any, the values that no node reads, under
// their nodes' names.
std::vector<NamedValue> ResultsOf(const Program& program);

// The result, or the node's first output, of that name. Error: there is none
// ("did you mean").
absl::StatusOr<Value> FindValue(const Program& program, std::string_view name);

// Sets the session's states to the tensors of their names in a safetensors
// file, such as a checkpoint. Other tensors are left out. Errors: a state of
// `graph` that the file lacks, another type.
absl::Status LoadWeights(const std::string& path, const Graph& graph,
                         Session& session);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_LOAD_MODEL_H_
