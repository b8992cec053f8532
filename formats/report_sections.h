// The parts of a training report, each as HTML.
#ifndef EVENGRAD_FORMATS_REPORT_SECTIONS_H_
#define EVENGRAD_FORMATS_REPORT_SECTIONS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "evengrad/formats/report_charts.h"
#include "evengrad/formats/run_history.h"
#include "evengrad/formats/training_report.h"

namespace evengrad {

// First and last steps of the columns.
ChartSteps StepsOf(const std::vector<RunColumn>& columns);

// The mean over `count` layers from `first` in a column: NaN where nothing was
// measured, infinity where a number was not finite.
float ColumnValue(const RunColumn& column, size_t first, size_t count,
                  LayerQuantity quantity);

// The verdict, key figures, and the findings with their cures.
std::string PrintVerdict(const TrainingReport& report);
// Heat maps by layer and step; empty where no statistics were taken.
std::string PrintLayerMaps(const TrainingReport& report);
// Loss, accuracy, gradient norm before and after clipping.
std::string PrintCurves(const TrainingReport& report);
// A row a layer with its last numbers and sparklines.
std::string PrintLayerTable(const TrainingReport& report);
std::string PrintSettings(const TrainingReport& report);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_REPORT_SECTIONS_H_
