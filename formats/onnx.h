// Models of other frameworks, and for them: ONNX files (opset 17, IR 8; older
// ones too), https://onnx.ai.
//
//   absl::StatusOr<Program> model = LoadOnnx("model.onnx");
//   absl::Status saved = SaveOnnx(session, *model, "copy.onnx");
//
// Only where Evengrad was built with ONNX (EVENGRAD_ONNX, on by default, needs
// libonnx-dev and libprotobuf-dev); otherwise both are UNIMPLEMENTED errors.
#ifndef EVENGRAD_FORMATS_ONNX_H_
#define EVENGRAD_FORMATS_ONNX_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/named_tensor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

struct OnnxImportOptions {
  // What the model will be fed, as far as it is known. A static graph needs the
  // numbers of some inputs when it is built: the target of a reshape, the
  // places of a slice. Inputs that only such places read take them from here;
  // the program is right for these numbers only.
  std::span<const NamedTensor> inputs = {};
};

// The model as a program in inference mode whose results are the model's
// outputs, under their names.
//
// Inputs become placeholders; named sizes stay named. Initializers become
// states under their names, trainable where they are floating (statistics of
// batch normalization are not); those that decide about shapes, and integers,
// become constants. Nodes are named after the model's nodes; in messages,
// "model.onnx:12" is the model's twelfth node. Dropout stays, and does nothing
// in inference mode.
//
// Errors name the file and the node: what is no ONNX file, external data, a
// cycle, types and shapes that do not fit. One UNIMPLEMENTED error with the
// word "unsupported" lists *all* ops of the model that Evengrad has not; other
// such errors name an attribute, an element type or a shape that is computed
// while the model runs.
EVENGRAD_EXPORT absl::StatusOr<Program> LoadOnnx(
    const std::string& path, const OnnxImportOptions& options = {});

// The program's results as an ONNX model, in inference mode, with the states'
// values of `session` as initializers. Named sizes stay named, all others have
// no name. Without results: the values that no node reads.
//
// Errors: the program's own; one UNIMPLEMENTED error with the word
// "unsupported" that lists *all* ops without a counterpart; a model beyond
// 2 GB; those of AtomicFile.
EVENGRAD_EXPORT absl::Status SaveOnnx(const Session& session,
                                      const Program& program,
                                      const std::string& path);

// The ops that are read, and those that can be written, in alphabetical order.
EVENGRAD_EXPORT std::vector<std::string_view> OnnxOps();

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_H_
