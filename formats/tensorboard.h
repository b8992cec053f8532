// Event files, which TensorBoard shows as curves and histograms.
//
//   EVENGRAD_ASSIGN_OR_RETURN(TensorBoardWriter writer,
//                             TensorBoardWriter::Open("runs/first"));
//   EVENGRAD_RETURN_IF_ERROR(writer.WriteScalars(100, {{"loss", 0.5}}));
#ifndef EVENGRAD_FORMATS_TENSORBOARD_H_
#define EVENGRAD_FORMATS_TENSORBOARD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

// `payload` as a record of a TFRecord file: its length (u64, little-endian),
// the masked CRC32C of those 8 bytes, the payload, its masked CRC32C. A
// checksum c is masked as (c rotated right by 15 bits) + 0xa282ead8.
EVENGRAD_EXPORT std::string TfRecord(std::string_view payload);

// A number of a step.
struct TaggedNumber {
  std::string tag = {};  // "epoch/train_loss"
  double value = 0;      // written as f32
};

// Writes a file "events.out.tfevents.SECONDS.evengrad.PID.COUNT" into a folder,
// which is made where it does not exist. Each call appends whole records and
// hands them to the system, so that TensorBoard shows a run while it goes on.
// Files that are there stay; from the first step that is written, TensorBoard
// shows this file instead of theirs, as for a run that went on.
class EVENGRAD_EXPORT TensorBoardWriter {
 public:
  // Errors name the folder or the file, and the cause.
  static absl::StatusOr<TensorBoardWriter> Open(const std::string& folder);
  TensorBoardWriter(TensorBoardWriter&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        started_(other.started_) {}
  TensorBoardWriter& operator=(TensorBoardWriter&&) = delete;
  ~TensorBoardWriter();

  absl::Status WriteScalars(int64_t step,
                            const std::vector<TaggedNumber>& numbers);
  // The scalars
  //
  //   step/loss, gradient_norm/derived, gradient_norm/clipped
  //   output_mean/LAYER, output_deviation/LAYER, output_zero_share/LAYER,
  //   saturated_share/LAYER, dead_units/LAYER
  //   output_gradient_rms/LAYER, gradient_ratio/LAYER
  //   norm/PARAMETER, gradient_norm/PARAMETER, update_ratio/PARAMETER
  //
  // and, where the record has them, the histograms output/LAYER,
  // output_gradient/LAYER, value/PARAMETER, gradient/PARAMETER and
  // update/PARAMETER. What a layer does not have is left out.
  absl::Status WriteStatistics(const StatisticsRecord& record);

  const std::string& path() const { return path_; }

 private:
  TensorBoardWriter(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  absl::Status Append(std::string_view bytes);
  absl::Status WriteSummary(int64_t step, std::string_view summary);

  std::string path_;
  int descriptor_;
  bool started_ = false;  // a step has been written
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_TENSORBOARD_H_
