#include "evengrad/formats/statistics_csv.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The shortest digits that read back as the same number.
std::string Digits(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return {text, end};
}

std::string Digits(const std::optional<double>& value) {
  return value.has_value() ? Digits(*value) : "";
}

// A cell, quoted where it has to be.
std::string Cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

// The columns after those of a tensor; each belongs to some rows only.
struct Extra {
  std::optional<double> saturated_share = {};
  std::optional<double> dead_units = {};
  std::optional<double> gradient_ratio = {};
  std::optional<double> update_ratio = {};
};

class Lines {
 public:
  explicit Lines(int64_t step) : step_(step) {}

  void AddNumber(std::string_view tensor, const std::optional<double>& mean,
                 const std::optional<double>& norm) {
    text_ += StrCat(step_, ",,", tensor, ",,", Digits(mean), ",,,,",
                    Digits(norm), ",,,,,,,\n");
  }

  void Add(std::string_view layer, std::string_view tensor,
           const TensorSummary& summary, const Extra& extra = {}) {
    if (summary.elements == 0) return;
    text_ += StrCat(step_, ",", Cell(layer), ",", Cell(tensor), ",",
                    summary.elements);
    for (double number : {summary.mean, summary.deviation, summary.minimum,
                          summary.maximum, summary.norm, summary.zero_share}) {
      text_ += StrCat(",", Digits(number));
    }
    text_ += StrCat(",", summary.nans, ",", summary.infinities);
    for (const std::optional<double>& number :
         {extra.saturated_share, extra.dead_units, extra.gradient_ratio,
          extra.update_ratio}) {
      text_ += StrCat(",", Digits(number));
    }
    text_ += "\n";
  }

  std::string Take() { return std::move(text_); }

 private:
  int64_t step_;
  std::string text_;
};

// "weights" of "hidden1/weights".
std::string_view NameInLayer(std::string_view parameter,
                             std::string_view layer) {
  const bool inside = !layer.empty() && parameter.starts_with(layer) &&
                      parameter.size() > layer.size() + 1;
  return inside ? parameter.substr(layer.size() + 1) : parameter;
}

}  // namespace

std::string StatisticsCsvHeader() {
  return "step,layer,tensor,elements,mean,deviation,minimum,maximum,norm,"
         "zero_share,nans,infinities,saturated_share,dead_units,"
         "gradient_ratio,update_ratio\n";
}

std::string StatisticsCsvLines(const StatisticsRecord& record) {
  Lines lines(record.step);
  lines.AddNumber("loss", record.loss, {});
  lines.AddNumber("gradient", {}, record.gradient_norm);
  lines.AddNumber("clipped gradient", {}, record.clipped_norm);
  for (const LayerRecord& layer : record.layers) {
    Extra output = {.saturated_share = layer.saturated_share};
    if (layer.dead_units.has_value()) {
      output.dead_units = static_cast<double>(*layer.dead_units);
    }
    lines.Add(layer.name, "output", layer.output, output);
    lines.Add(layer.name, "output gradient", layer.output_gradient,
              {.gradient_ratio = layer.gradient_ratio});
    for (const ParameterRecord& p : layer.parameters) {
      const std::string_view name = NameInLayer(p.name, layer.name);
      lines.Add(layer.name, name, p.value);
      lines.Add(layer.name, StrCat(name, " gradient"), p.gradient);
      lines.Add(layer.name, StrCat(name, " update"), p.update,
                {.update_ratio = p.update_ratio});
    }
  }
  return lines.Take();
}

absl::StatusOr<StatisticsCsvWriter> StatisticsCsvWriter::Open(
    const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  EVENGRAD_RETURN_IF_ERROR(file.Write(StatisticsCsvHeader()));
  return StatisticsCsvWriter(std::move(file));
}

}  // namespace evengrad
