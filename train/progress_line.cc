#include "evengrad/train/progress_line.h"

#include <algorithm>
#include <cstdio>

#include "evengrad/graph/status.h"
#include "evengrad/train/terminal.h"

namespace evengrad {
namespace {

constexpr std::string_view kClear = "\r\x1b[K";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr auto kInterval = std::chrono::milliseconds(100);

}  // namespace

std::string ProgressText(const StepReport& report, int columns, bool color) {
  const std::string head = StrCat("epoch ", report.epoch, " ");
  char numbers[64];
  std::snprintf(numbers, sizeof(numbers), "  loss %.4g  accuracy %.4f",
                report.loss, report.accuracy);
  const std::string tail = StrCat(report.step, "/", report.steps, numbers);
  const int room = columns - 1 - static_cast<int>(head.size() + tail.size());
  constexpr int kBrackets = 3;  // "[", "]" and a space
  constexpr int kWidest = 30;
  const int width = std::min(room - kBrackets, kWidest);
  if (width < 4) {
    return (head + tail)
        .substr(0, static_cast<size_t>(std::max(0, columns - 1)));
  }
  const double share = report.steps > 0 ? static_cast<double>(report.step) /
                                              static_cast<double>(report.steps)
                                        : 0.0;
  const int done = std::clamp(static_cast<int>(share * width), 0, width);
  std::string bar(static_cast<size_t>(done), '=');
  if (done < width) bar += '>';
  bar.resize(static_cast<size_t>(width), ' ');
  return StrCat(head, "[", color ? kGreen : "", bar, color ? kPlain : "", "] ",
                tail);
}

ProgressLine::ProgressLine()
    : visible_(CanMoveCursor()), color_(WantsColor()) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Show(const StepReport& report) {
  if (!visible_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  shown_ = true;
  WriteToTerminal(
      StrCat(kClear, ProgressText(report, TerminalColumns(), color_)));
}

void ProgressLine::Clear() {
  if (!shown_) return;
  shown_ = false;
  WriteToTerminal(kClear);
}

}  // namespace evengrad
