// What stands in for protobuf/ where ONNX is left out of the build.
#include "evengrad/formats/onnx/model_file.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

absl::Status Missing(const std::string& path) {
  return absl::UnimplementedError(
      StrCat(path,
             ": unsupported: this Evengrad was built without ONNX; "
             "install libonnx-dev and libprotobuf-dev and configure "
             "with -DEVENGRAD_ONNX=ON"));
}

}  // namespace

bool OnnxIsAvailable() { return false; }

absl::StatusOr<OnnxModel> ReadOnnxModel(const std::string& path) {
  return Missing(path);
}

absl::Status WriteOnnxModel(const OnnxModel& /*model*/,
                            const std::string& path) {
  return Missing(path);
}

absl::StatusOr<OnnxInitializer> ReadOnnxTensor(const std::string& path) {
  return Missing(path);
}

}  // namespace evengrad
