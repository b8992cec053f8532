// A line on the terminal that is written over and over while work goes on.
#ifndef EVENGRAD_TRAIN_PROGRESS_LINE_H_
#define EVENGRAD_TRAIN_PROGRESS_LINE_H_

#include <chrono>
#include <string>
#include <string_view>

#include "evengrad/graph/export.h"
#include "evengrad/train/training_loop.h"

namespace evengrad {

// Writes to standard error, and only where that is a terminal that can move its
// cursor (TERM is not "dumb"). Colour is left out when NO_COLOR is set
// (https://no-color.org). At most ten updates a second.
class EVENGRAD_EXPORT ProgressLine {
 public:
  ProgressLine();
  // Clears the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool visible() const { return visible_; }
  void Show(const StepReport& report);
  // Removes the line, so that other output can take its place.
  void Clear();

 private:
  bool visible_;
  bool color_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = {};
};

// "epoch 2 [=====>    ] 860/1719  loss 0.4312  accuracy 0.8412", cut to
// `columns`; the bar is left out where there is no room for it.
EVENGRAD_EXPORT std::string ProgressText(const StepReport& report, int columns,
                                         bool color);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_PROGRESS_LINE_H_
