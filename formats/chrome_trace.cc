#include "evengrad/formats/chrome_trace.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "evengrad/formats/json_lines.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr int kProcess = 1;

double Microseconds(int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e3;
}

// One event; `members` and `details` are the members of JSON objects.
void AddEvent(const std::string& members, const std::string& details,
              std::string& trace) {
  if (trace.back() == '}') trace += ",\n";
  trace += members.substr(0, members.size() - 1);
  trace += StrCat(",\"args\":", details, "}");
}

void AddRowName(int worker, std::string& trace) {
  const std::string name = worker == 0 ? std::string("worker 0 (caller)")
                                       : StrCat("worker ", worker);
  AddEvent(JsonObject()
               .Add("name", "thread_name")
               .Add("ph", "M")
               .Add("pid", kProcess)
               .Add("tid", worker)
               .ToString(),
           JsonObject().Add("name", name).ToString(), trace);
}

void AddBar(const Profile& profile, int worker, const ProfileEvent& event,
            std::string& trace) {
  const bool is_run = event.kernel < 0;
  JsonObject bar;
  JsonObject details;
  if (is_run) {
    bar.Add("name", StrCat("run at step ", event.step)).Add("cat", "run");
    details.Add("step", event.step);
  } else {
    const ProfiledKernel& kernel = profile.kernels()[event.kernel];
    bar.Add("name", kernel.name).Add("cat", "kernel");
    details.Add("ops", kernel.ops)
        .Add("implementation", kernel.implementation)
        .Add("part", event.part)
        .Add("parts", kernel.num_parts)
        .Add("flops", kernel.flops)
        .Add("bytes", kernel.bytes);
  }
  bar.Add("ph", "X")
      .Add("pid", kProcess)
      .Add("tid", worker)
      .Add("ts", Microseconds(event.begin))
      .Add("dur", Microseconds(event.end - event.begin));
  AddEvent(bar.ToString(), details.ToString(), trace);
}

}  // namespace

std::string ChromeTrace(const Profile& profile) {
  std::string trace = "{\"traceEvents\":[\n";
  for (size_t worker = 0; worker < profile.events().size(); ++worker) {
    AddRowName(static_cast<int>(worker), trace);
    std::vector<ProfileEvent> events = profile.events()[worker];
    // Outer bars first.
    std::stable_sort(events.begin(), events.end(),
                     [](const ProfileEvent& a, const ProfileEvent& b) {
                       if (a.begin != b.begin) return a.begin < b.begin;
                       return a.end > b.end;
                     });
    for (const ProfileEvent& event : events) {
      AddBar(profile, static_cast<int>(worker), event, trace);
    }
  }
  trace += StrCat(
      "\n],\"displayTimeUnit\":\"ns\",\"otherData\":",
      JsonObject().Add("dropped_events", profile.num_dropped()).ToString(),
      "}\n");
  return trace;
}

}  // namespace evengrad
