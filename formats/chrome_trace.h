// A profile as a trace in Chrome's format (JSON), which chrome://tracing and
// Perfetto show: one row a worker; a run is a bar on the calling thread's row,
// around those of the kernels' parts. Times are in microseconds.
#ifndef EVENGRAD_FORMATS_CHROME_TRACE_H_
#define EVENGRAD_FORMATS_CHROME_TRACE_H_

#include <string>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/profile.h"

namespace evengrad {

EVENGRAD_EXPORT std::string ChromeTrace(const Profile& profile);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_CHROME_TRACE_H_
