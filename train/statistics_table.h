// The last record of LayerStatistics as a table for people.
#ifndef EVENGRAD_TRAIN_STATISTICS_TABLE_H_
#define EVENGRAD_TRAIN_STATISTICS_TABLE_H_

#include <span>
#include <string>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/findings.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

struct StatisticsTableOptions {
  int columns = 80;  // lines are cut to fewer
  int max_rows = 0;  // layers; those in the middle are left out. 0: all
  bool color = false;
};

// One line a layer: mean and deviation of the output, the share of it that is
// saturated (of dead units, for activations that can die), the root mean square
// of its gradient, that as a multiple of the next layer's, and the largest
// change of a matrix relative to its norm. Then a line for each kind of
// finding, that of the first layer and how many more there are, with its cure.
EVENGRAD_EXPORT std::string StatisticsTable(
    const StatisticsRecord& record, std::span<const Finding> findings,
    const StatisticsTableOptions& options = {});

// A table on standard error that is written over and over while work goes on;
// nothing where that is no terminal. NO_COLOR is honoured.
class EVENGRAD_EXPORT LiveTable {
 public:
  LiveTable();
  // Removes the table.
  ~LiveTable();
  LiveTable(const LiveTable&) = delete;
  LiveTable& operator=(const LiveTable&) = delete;

  bool visible() const { return visible_; }
  // The cursor must be at the beginning of a line, where Show left it.
  void Show(const StatisticsRecord& record, std::span<const Finding> findings);
  void Clear();

 private:
  bool visible_;
  bool color_;
  int lines_ = 0;  // on the screen
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_STATISTICS_TABLE_H_
