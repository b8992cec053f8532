// What LayerStatistics hands to a checkpoint: decimal numbers, a space between
// two of them. First the version; then the number of layers and, for each, its
// records, its units and how long each has been silent; then the number of
// findings and, for each, its layer (-1: the network), its kind and since when.
#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "evengrad/graph/status.h"
#include "evengrad/runtime/hooks/layer_statistics.h"

namespace evengrad {
namespace {

constexpr int64_t kVersion = 1;

class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  // The next number; nothing where there is none of at least `least`.
  std::optional<int64_t> Next(int64_t least) {
    int64_t value = 0;
    const char* const end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    if (error != std::errc() || value < least) return std::nullopt;
    if (stop != end && *stop != ' ') return std::nullopt;
    text_.remove_prefix(stop - text_.data() + (stop != end ? 1 : 0));
    return value;
  }
  bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
};

// A length and so many numbers; false where they are not there.
bool ReadList(NumberReader& numbers, std::vector<int64_t>& list) {
  list.clear();
  const std::optional<int64_t> length = numbers.Next(0);
  if (!length) return false;
  for (int64_t i = 0; i < *length; ++i) {
    const std::optional<int64_t> number = numbers.Next(0);
    if (!number) return false;
    list.push_back(*number);
  }
  return true;
}

}  // namespace

std::string LayerStatistics::SaveMemory() const {
  if (layers_.empty()) return "";
  std::string text = StrCat(kVersion, " ", layers_.size());
  for (const LayerPlaces& layer : layers_) {
    text += StrCat(" ", layer.records, " ", layer.silent.size());
    for (const int64_t records : layer.silent) text += StrCat(" ", records);
  }
  text += StrCat(" ", standing_.size());
  for (const Finding& finding : standing_) {
    const auto layer =
        std::ranges::find(layers_, finding.layer, &LayerPlaces::name);
    text += StrCat(" ", layer == layers_.end() ? -1 : layer - layers_.begin(),
                   " ", static_cast<int>(finding.kind), " ", finding.since);
  }
  return text;
}

absl::Status LayerStatistics::RestoreMemory(std::string_view bytes) {
  const absl::Status broken = InvalidArgument(
      "LayerStatistics: what was saved is broken, or of a model with other "
      "layers than these ",
      layers_.size());
  NumberReader numbers(bytes);
  const auto num_layers = static_cast<int64_t>(layers_.size());
  if (numbers.Next(kVersion) != kVersion || numbers.Next(0) != num_layers) {
    return broken;
  }
  std::vector<LayerPlaces> layers = layers_;
  for (LayerPlaces& layer : layers) {
    const std::optional<int64_t> records = numbers.Next(0);
    if (!records || !ReadList(numbers, layer.silent)) return broken;
    layer.records = *records;
  }
  std::vector<Finding> restored;
  const std::optional<int64_t> findings = numbers.Next(0);
  if (!findings) return broken;
  for (int64_t i = 0; i < *findings; ++i) {
    const std::optional<int64_t> layer = numbers.Next(-1);
    const std::optional<int64_t> kind = numbers.Next(0);
    const std::optional<int64_t> step = numbers.Next(0);
    if (!layer || !kind || !step || *layer >= num_layers ||
        *kind > static_cast<int64_t>(FindingKind::kSmallUpdates)) {
      return broken;
    }
    restored.push_back(
        {.kind = static_cast<FindingKind>(*kind),
         .layer = *layer < 0 ? std::string() : layers[*layer].name,
         .since = *step});
  }
  if (!numbers.at_end()) return broken;
  layers_ = std::move(layers);
  standing_ = std::move(restored);
  return absl::OkStatus();
}

}  // namespace evengrad
