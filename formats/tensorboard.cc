#include "evengrad/formats/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "evengrad/formats/atomic_file.h"
#include "evengrad/formats/crc32c.h"
#include "evengrad/formats/proto_writer.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Field numbers of tensorflow/core/util/event.proto and
// tensorflow/core/framework/summary.proto.
namespace event_field {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5,
              kSessionLog = 7;
}  // namespace event_field
namespace session_field {
constexpr int kStatus = 1;
constexpr uint64_t kStart = 1;
}  // namespace session_field
namespace summary_field {
constexpr int kValue = 1;
}  // namespace summary_field
namespace value_field {
constexpr int kTag = 1, kSimpleValue = 2, kHistogram = 5;
}  // namespace value_field
namespace histogram_field {
constexpr int kMinimum = 1, kMaximum = 2, kNumber = 3, kSum = 4, kSquares = 5,
              kLimits = 6, kCounts = 7;
}  // namespace histogram_field

absl::Status FileError(const std::string& path, std::string_view what) {
  return absl::UnavailableError(
      StrCat(path, ": ", what, ": ", std::strerror(errno)));
}

ProtoWriter NewEvent() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  ProtoWriter event;
  event.Double(event_field::kWallTime,
               std::chrono::duration<double>(now).count());
  return event;
}

void AppendFixed(uint64_t value, int size, std::string& bytes) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
}

uint32_t Masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

// The values of one Summary.
class SummaryBuilder {
 public:
  void Scalar(std::string_view tag, double value) {
    ProtoWriter scalar;
    scalar.Bytes(value_field::kTag, tag)
        .Float(value_field::kSimpleValue, static_cast<float>(value));
    summary_.Message(summary_field::kValue, scalar);
  }
  void Scalar(std::string_view tag, const std::optional<double>& value) {
    if (value.has_value()) Scalar(tag, *value);
  }

  // The histogram of the sample, with the sums of as many elements.
  void Histogram(std::string_view tag, const TensorSummary& tensor) {
    double count = 0;
    for (const double bin : tensor.histogram) count += bin;
    if (!(count > 0)) return;  // none was asked for, or no element is finite
    const auto bins = static_cast<double>(tensor.histogram.size());
    std::vector<double> limits;
    for (size_t i = 1; i <= tensor.histogram.size(); ++i) {
      limits.push_back(tensor.minimum + (tensor.maximum - tensor.minimum) *
                                            (static_cast<double>(i) / bins));
    }
    // A bin's limit is not part of it.
    limits.back() =
        std::nextafter(tensor.maximum, std::numeric_limits<double>::infinity());
    const double square =
        tensor.deviation * tensor.deviation + tensor.mean * tensor.mean;
    ProtoWriter histogram, value;
    histogram.Double(histogram_field::kMinimum, tensor.minimum)
        .Double(histogram_field::kMaximum, tensor.maximum)
        .Double(histogram_field::kNumber, count)
        .Double(histogram_field::kSum, count * tensor.mean)
        .Double(histogram_field::kSquares, count * square)
        .Doubles(histogram_field::kLimits, limits)
        .Doubles(histogram_field::kCounts, tensor.histogram);
    value.Bytes(value_field::kTag, tag)
        .Message(value_field::kHistogram, histogram);
    summary_.Message(summary_field::kValue, value);
  }

  const std::string& bytes() const { return summary_.bytes(); }

 private:
  ProtoWriter summary_;
};

void AddLayer(const LayerRecord& layer, SummaryBuilder& summary) {
  auto tag = [&](std::string_view quantity) {
    return StrCat(quantity, "/", layer.name.empty() ? "model" : layer.name);
  };
  if (layer.output.elements > 0) {
    summary.Scalar(tag("output_mean"), layer.output.mean);
    summary.Scalar(tag("output_deviation"), layer.output.deviation);
    summary.Scalar(tag("output_zero_share"), layer.output.zero_share);
    summary.Histogram(tag("output"), layer.output);
  }
  summary.Scalar(tag("saturated_share"), layer.saturated_share);
  if (layer.dead_units.has_value()) {
    summary.Scalar(tag("dead_units"), static_cast<double>(*layer.dead_units));
  }
  if (layer.output_gradient.elements > 0) {
    summary.Scalar(tag("output_gradient_rms"),
                   layer.output_gradient.root_mean_square());
    summary.Histogram(tag("output_gradient"), layer.output_gradient);
  }
  summary.Scalar(tag("gradient_ratio"), layer.gradient_ratio);
  for (const ParameterRecord& p : layer.parameters) {
    summary.Scalar(StrCat("norm/", p.name), p.value.norm);
    summary.Scalar(StrCat("gradient_norm/", p.name), p.gradient.norm);
    summary.Scalar(StrCat("update_ratio/", p.name), p.update_ratio);
    summary.Histogram(StrCat("value/", p.name), p.value);
    summary.Histogram(StrCat("gradient/", p.name), p.gradient);
    summary.Histogram(StrCat("update/", p.name), p.update);
  }
}

}  // namespace

std::string TfRecord(std::string_view payload) {
  std::string record;
  record.reserve(payload.size() + 16);
  AppendFixed(payload.size(), 8, record);
  AppendFixed(Masked(Crc32c(0, record)), 4, record);
  record += payload;
  AppendFixed(Masked(Crc32c(0, payload)), 4, record);
  return record;
}

absl::StatusOr<TensorBoardWriter> TensorBoardWriter::Open(
    const std::string& folder) {
  EVENGRAD_RETURN_IF_ERROR(MakeFolder(folder));
  static std::atomic<int> count = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string path =
      StrCat(folder, "/events.out.tfevents.",
             std::chrono::duration_cast<std::chrono::seconds>(now).count(),
             ".evengrad.", getpid(), ".", count++);
  const int descriptor = open(
      path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) return FileError(path, "cannot be created");
  TensorBoardWriter writer(std::move(path), descriptor);
  ProtoWriter event = NewEvent();
  event.Bytes(event_field::kFileVersion, "brain.Event:2");
  EVENGRAD_RETURN_IF_ERROR(writer.Append(TfRecord(event.bytes())));
  return writer;
}

TensorBoardWriter::~TensorBoardWriter() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status TensorBoardWriter::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(path_, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status TensorBoardWriter::WriteSummary(int64_t step,
                                             std::string_view summary) {
  std::string records;
  if (!started_) {
    // TensorBoard forgets what earlier files say of this step and later ones.
    started_ = true;
    ProtoWriter session, event = NewEvent();
    session.Varint(session_field::kStatus, session_field::kStart);
    event.Varint(event_field::kStep, static_cast<uint64_t>(step))
        .Message(event_field::kSessionLog, session);
    records = TfRecord(event.bytes());
  }
  ProtoWriter event = NewEvent();
  event.Varint(event_field::kStep, static_cast<uint64_t>(step))
      .Bytes(event_field::kSummary, summary);
  return Append(records + TfRecord(event.bytes()));
}

absl::Status TensorBoardWriter::WriteScalars(
    int64_t step, const std::vector<TaggedNumber>& numbers) {
  SummaryBuilder summary;
  for (const TaggedNumber& number : numbers) {
    summary.Scalar(number.tag, number.value);
  }
  return WriteSummary(step, summary.bytes());
}

absl::Status TensorBoardWriter::WriteStatistics(
    const StatisticsRecord& record) {
  SummaryBuilder summary;
  summary.Scalar("step/loss", record.loss);
  summary.Scalar("gradient_norm/derived", record.gradient_norm);
  summary.Scalar("gradient_norm/clipped", record.clipped_norm);
  for (const LayerRecord& layer : record.layers) AddLayer(layer, summary);
  return WriteSummary(record.step, summary.bytes());
}

}  // namespace evengrad
