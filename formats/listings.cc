#include "evengrad/formats/listings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// "1,234,567".
std::string Grouped(int64_t number) {
  const std::string digits = StrCat(number);
  const size_t sign = number < 0 ? 1 : 0;
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

// Whole numbers in full up to a million, then three digits: "10.2 M".
std::string Counted(double number) {
  if (number < 1e6) return Grouped(std::llround(number));
  constexpr std::array<std::string_view, 5> kUnits = {" M", " G", " T", " P",
                                                      " E"};
  double scaled = number / 1e6;
  size_t unit = 0;
  while (scaled >= 1e3 && unit + 1 < kUnits.size()) {
    scaled /= 1e3;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", scaled);
  return StrCat(text, kUnits[unit]);
}

// "320 B", "12.5 KiB".
std::string Bytes(int64_t bytes) {
  if (bytes < 1024) return StrCat(bytes, " B");
  constexpr std::array<std::string_view, 6> kUnits = {" KiB", " MiB", " GiB",
                                                      " TiB", " PiB", " EiB"};
  double scaled = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (scaled >= 1024 && unit + 1 < kUnits.size()) {
    scaled /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", scaled);
  return StrCat(text, kUnits[unit]);
}

template <typename T>
std::string Joined(const std::vector<T>& parts, std::string_view prefix,
                   std::string_view separator) {
  std::string text;
  for (const T& part : parts) {
    text += StrCat(text.empty() ? "" : separator, prefix, part);
  }
  return text.empty() ? "-" : text;
}

// Columns as wide as their widest cell.
class Table {
 public:
  // A capital letter L or R a column: how its cells are aligned.
  explicit Table(std::string_view alignment) : alignment_(alignment) {}

  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // A line between two rows.
  void AddRule() { rows_.emplace_back(); }

  std::string ToString() const {
    std::vector<size_t> widths(alignment_.size(), 0);
    for (const auto& row : rows_) {
      for (size_t c = 0; c < row.size(); ++c) {
        widths[c] = std::max(widths[c], row[c].size());
      }
    }
    size_t total = 2 * (widths.size() - 1);
    for (size_t width : widths) total += width;
    std::string text;
    for (const auto& row : rows_) {
      text += row.empty() ? std::string(total, '-') : Line(row, widths);
      text += '\n';
    }
    return text;
  }

 private:
  std::string Line(const std::vector<std::string>& row,
                   const std::vector<size_t>& widths) const {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += "  ";
      const std::string blank(widths[c] - row[c].size(), ' ');
      line += alignment_[c] == 'R' ? blank + row[c] : row[c] + blank;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  }

  std::string_view alignment_;
  std::vector<std::vector<std::string>> rows_;
};

// At most so many characters, for the middle columns.
std::string Shortened(std::string text) {
  constexpr size_t kMost = 40;
  if (text.size() <= kMost) return text;
  return StrCat(std::string_view(text).substr(0, kMost - 3), "...");
}

std::string_view NameOf(BufferKind kind) {
  switch (kind) {
    case BufferKind::kArena:
      return "arena";
    case BufferKind::kFeed:
      return "feed";
    case BufferKind::kState:
      return "state";
    case BufferKind::kConstant:
      return "constant";
    case BufferKind::kResult:
      return "result";
  }
  return "";
}

std::string CopyList(std::string_view title,
                     const std::vector<BufferCopy>& copies) {
  std::string text;
  for (const BufferCopy& copy : copies) {
    text += StrCat(title, ": b", copy.from, " to b", copy.to, ", ",
                   Grouped(copy.bytes), " bytes\n");
  }
  return text;
}

}  // namespace

std::string PrintSummary(const ModelSummary& summary) {
  Table table("LLLRRR");
  table.Add({"layer", "ops", "output", "parameters", "FLOPs", "activations"});
  table.AddRule();
  for (const LayerSummary& layer : summary.layers) {
    table.Add({layer.name, Shortened(Joined(layer.ops, "", ", ")),
               layer.output.ToString(), Grouped(layer.parameters),
               Counted(layer.flops), Bytes(layer.activation_bytes)});
  }
  table.AddRule();
  table.Add({"total", "", "", Grouped(summary.parameters),
             Counted(summary.forward_flops), Bytes(summary.activation_bytes)});
  std::string text = table.ToString();
  text += StrCat("parameters: ", Grouped(summary.parameters), " (",
                 Bytes(summary.parameter_bytes), ")\n");
  text += StrCat("FLOPs of a run: ", Counted(summary.forward_flops),
                 " forward, ", Counted(summary.gradient_flops), " gradients, ",
                 Counted(summary.update_flops), " updates\n");
  const MemorySummary& memory = summary.memory;
  text += StrCat("peak memory: ", Bytes(memory.peak()), " (states ",
                 Bytes(memory.states), ", constants ", Bytes(memory.constants),
                 ", feeds ", Bytes(memory.feeds), ", results ",
                 Bytes(memory.results), ", arena ", Bytes(memory.arena),
                 ", scratch ", Bytes(memory.scratch), ")\n");
  return text;
}

std::string PrintPlan(const CompiledProgram& compiled) {
  std::string text = StrCat(
      compiled.kernels.size(), " kernels in ", compiled.stages.size(),
      " stages; arena ", Grouped(compiled.arena_bytes), " bytes, scratch ",
      Grouped(compiled.scratch_bytes), " bytes a worker\n\n");
  Table kernels("RLLRLLL");
  kernels.Add(
      {"stage", "kernel", "implementation", "parts", "ops", "reads", "writes"});
  for (size_t k = 0; k < compiled.kernels.size(); ++k) {
    const KernelDescription& description = compiled.kernel_descriptions[k];
    const Kernel& kernel = *compiled.kernels[k];
    kernels.Add({StrCat(description.stage), compiled.kernel_names[k],
                 kernel.implementation(), StrCat(kernel.num_parts()),
                 Joined(description.ops, "", "+"),
                 Joined(description.reads, "b", " "),
                 Joined(description.writes, "b", " ")});
  }
  text += kernels.ToString() + "\n";
  Table buffers("LLRRLL");
  buffers.Add({"buffer", "kind", "offset", "bytes", "type", "value"});
  for (size_t b = 0; b < compiled.buffers.size(); ++b) {
    const BufferSpec& buffer = compiled.buffers[b];
    buffers.Add(
        {StrCat("b", b), std::string(NameOf(buffer.kind)),
         buffer.kind == BufferKind::kArena ? Grouped(buffer.offset) : "-",
         Grouped(buffer.bytes), buffer.type.ToString(), buffer.name});
  }
  text += buffers.ToString();
  std::string copies = CopyList("copy first", compiled.first_copies);
  copies += CopyList("copy last", compiled.last_copies);
  copies += CopyList("commit", compiled.commits);
  if (!copies.empty()) text += "\n" + copies;
  return text;
}

}  // namespace evengrad
