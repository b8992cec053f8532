// ONNX files to and from plain data. Without the optional part of the build
// (EVENGRAD_ONNX) each function returns an UNIMPLEMENTED error that says so.
#ifndef EVENGRAD_FORMATS_ONNX_MODEL_FILE_H_
#define EVENGRAD_FORMATS_ONNX_MODEL_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/named_tensor.h"
#include "evengrad/formats/onnx/model.h"

namespace evengrad {

// This library was built with ONNX.
bool OnnxIsAvailable();

// Reads and checks the file: no allocation exceeds a small multiple of its
// size. Errors name the file: no protobuf message, lengths beyond the end,
// tensors whose bytes do not fit their shape, external data, a graph that is
// missing.
absl::StatusOr<OnnxModel> ReadOnnxModel(const std::string& path);
// Replaces the file in one step. Error: a model beyond protobuf's 2 GB.
absl::Status WriteOnnxModel(const OnnxModel& model, const std::string& path);
// One tensor, as in the files of ONNX's own test cases.
absl::StatusOr<OnnxInitializer> ReadOnnxTensor(const std::string& path);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_MODEL_FILE_H_
