#include "compare_run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>

#include "train_data.h"
#include "train_model.h"

namespace evengrad::tools {
namespace {

constexpr int64_t kLooksAnEpoch = 10;

std::string PathOf(const CompareCell& cell, const CompareFlags& flags) {
  return StrCat(flags.folder, "/", cell.FileName());
}

bool Exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

// The gradient at the first layer's output as a multiple of the last one's.
std::optional<double> FlowOf(const StatisticsRecord& record) {
  const TensorSummary* first = nullptr;
  const TensorSummary* last = nullptr;
  for (const LayerRecord& layer : record.layers) {
    if (layer.output_gradient.elements == 0) continue;
    if (first == nullptr) first = &layer.output_gradient;
    last = &layer.output_gradient;
  }
  if (first == nullptr || !first->finite() || !last->finite()) {
    return std::nullopt;
  }
  const double flow = first->root_mean_square() / last->root_mean_square();
  return std::isfinite(flow) && flow > 0 ? std::optional(flow) : std::nullopt;
}

double ThreadMicroseconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) +
         1e-3 * static_cast<double>(time.tv_nsec);
}

// One training, and what is noted of it as it goes on.
class CellTraining {
 public:
  CellTraining(const CompareCell& cell, const CompareFlags& flags)
      : flags_(flags), train_(FlagsOf(cell, flags)) {
    run_.choice = cell.choice;
    run_.seed = cell.seed;
    run_.shared = SharedText(flags);
  }

  // Nothing where it was interrupted. Errors are those before the first step.
  absl::StatusOr<std::optional<ComparedRun>> Run(
      const Data& data, const std::atomic<bool>& interrupt) {
    EVENGRAD_ASSIGN_OR_RETURN(const TrainOptions options,
                              ParseTrainFlags(train_));
    Graph graph;
    const Classifier model = BuildClassifier(
        graph, data.training.num_features(), train_.classes, options);
    EVENGRAD_RETURN_IF_ERROR(CountParameters(graph).status());
    const int64_t steps =
        (data.training.size() + train_.batch_size - 1) / train_.batch_size;
    auto statistics = std::make_shared<LayerStatistics>(LayerStatisticsOptions{
        .every_n_steps = std::max<int64_t>(1, steps / kLooksAnEpoch),
        .on_record = [this](const StatisticsRecord& record) {
          Look(record);
          return absl::OkStatus();
        }});
    std::vector<std::shared_ptr<Hook>> hooks = options.hooks;
    hooks.push_back(statistics);
    EVENGRAD_ASSIGN_OR_RETURN(const Program program,
                              Minimize(model.loss, options.optimizer.optimizer,
                                       {.hooks = std::move(hooks),
                                        .fetches = {{"logits", model.logits}},
                                        .accumulate_steps = train_.accumulate,
                                        .non_finite = options.non_finite}));
    EVENGRAD_ASSIGN_OR_RETURN(
        Session session,
        Session::Create(graph, {.seed = train_.seed, .num_threads = 1}));
    FitOptions fit = {.epochs = train_.epochs,
                      .batch_size = train_.batch_size,
                      .seed = train_.seed,
                      .schedules = options.schedule.schedules,
                      .plateau = options.schedule.plateau,
                      .interrupt = &interrupt};
    fit.validation = data.validation;
    fit.on_step = [this](const StepReport&) { CountStep(); };
    fit.on_epoch = [this](const EpochReport& epoch) {
      EndEpoch(epoch);
      return absl::OkStatus();
    };
    last_step_ = ThreadMicroseconds();
    const absl::StatusOr<FitResult> result =
        Fit(session, program, model, data.training, fit);
    if (result.ok() && result->interrupted) return std::nullopt;
    Finish(result.status(), statistics->findings());
    return run_;
  }

 private:
  void Look(const StatisticsRecord& record) {
    const std::optional<double> flow = FlowOf(record);
    if (!looked_) run_.first_flow = flow;
    run_.last_flow = flow;
    looked_ = true;
  }

  // The time of this thread since the last step, evaluations aside: other runs
  // share the machine.
  void CountStep() {
    const double now = ThreadMicroseconds();
    if (!after_epoch_) {
      microseconds_.push_back(static_cast<float>(now - last_step_));
    }
    after_epoch_ = false;
    last_step_ = now;
  }

  void EndEpoch(const EpochReport& epoch) {
    after_epoch_ = true;
    run_.accuracy = epoch.validation->accuracy;
    if (run_.accuracy >= flags_.target && !run_.epochs_to_target.has_value()) {
      run_.epochs_to_target = epoch.epoch;
    }
  }

  void Finish(const absl::Status& status,
              const std::vector<Finding>& findings) {
    if (!microseconds_.empty()) {
      const auto middle = microseconds_.begin() +
                          static_cast<int64_t>(microseconds_.size() / 2);
      std::nth_element(microseconds_.begin(), middle, microseconds_.end());
      run_.step_microseconds = *middle;
    }
    if (!findings.empty()) run_.finding = std::string(Name(findings[0].kind));
    if (status.ok()) return;
    // A network whose numbers are lost has no accuracy.
    run_.error = std::string(Message(status));
    run_.accuracy = 0;
  }

  const CompareFlags& flags_;
  const TrainFlags train_;
  ComparedRun run_;
  bool looked_ = false;
  bool after_epoch_ = true;
  double last_step_ = 0;
  std::vector<float> microseconds_;
};

absl::Status Save(const ComparedRun& run, const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(JsonLinesWriter writer,
                            JsonLinesWriter::Open(path));
  EVENGRAD_RETURN_IF_ERROR(writer.Write(ToJson(run)));
  return writer.Finish();
}

// Hands out cells to workers, and keeps the first error of theirs.
class Work {
 public:
  Work(std::vector<const CompareCell*> cells, const CompareFlags& flags,
       const Data& data, const std::atomic<bool>& interrupt)
      : cells_(std::move(cells)),
        flags_(flags),
        data_(data),
        interrupt_(interrupt) {}

  void Do() {
    while (!interrupt_.load() && !failed_.load()) {
      const size_t index = next_++;
      if (index >= cells_.size()) return;
      const absl::Status status = DoCell(*cells_[index]);
      if (!status.ok()) {
        failed_ = true;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (status_.ok()) status_ = status;
      }
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status DoCell(const CompareCell& cell) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const std::optional<ComparedRun> run,
        CellTraining(cell, flags_).Run(data_, interrupt_));
    if (!run.has_value()) return absl::OkStatus();
    EVENGRAD_RETURN_IF_ERROR(Save(*run, PathOf(cell, flags_)));
    const std::lock_guard<std::mutex> lock(mutex_);
    ++done_;
    if (isatty(STDERR_FILENO) != 0) {
      char accuracy[16] = "failed";
      if (run->error.empty()) {
        std::snprintf(accuracy, sizeof(accuracy), "%.4f", run->accuracy);
      }
      std::fprintf(stderr, "%s of %s: %s: %s\n", StrCat(done_).c_str(),
                   StrCat(cells_.size()).c_str(), cell.FileName().c_str(),
                   accuracy);
    }
    return absl::OkStatus();
  }

  const std::vector<const CompareCell*> cells_;
  const CompareFlags& flags_;
  const Data& data_;
  const std::atomic<bool>& interrupt_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  absl::Status status_;
  int64_t done_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<ComparedRun>> ReadRuns(
    const std::vector<CompareCell>& cells, const CompareFlags& flags) {
  std::vector<ComparedRun> runs;
  for (const CompareCell& cell : cells) {
    const std::string path = PathOf(cell, flags);
    if (!Exists(path)) continue;
    EVENGRAD_ASSIGN_OR_RETURN(ComparedRun run, ReadComparedRun(path));
    if (run.shared != SharedText(flags) || !(run.choice == cell.choice)) {
      return InvalidArgument(path, ": is a run of another comparison (",
                             run.shared, "; this one: ", SharedText(flags),
                             "); give another folder with --out");
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

absl::Status TrainMissing(const std::vector<CompareCell>& cells,
                          const CompareFlags& flags,
                          const std::atomic<bool>& interrupt) {
  std::vector<const CompareCell*> missing;
  for (const CompareCell& cell : cells) {
    if (!Exists(PathOf(cell, flags))) missing.push_back(&cell);
  }
  if (missing.empty()) return absl::OkStatus();
  const TrainFlags first = FlagsOf(cells[0], flags);
  EVENGRAD_ASSIGN_OR_RETURN(const TrainOptions options, ParseTrainFlags(first));
  EVENGRAD_ASSIGN_OR_RETURN(const Data data, ReadData(first, options));
  if (data.validation.size() == 0) {
    return InvalidArgument(
        "--validation: keep images to compare the networks on");
  }
  EVENGRAD_RETURN_IF_ERROR(MakeFolder(flags.folder));
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t jobs = std::min(
      missing.size(), flags.jobs > 0 ? static_cast<size_t>(flags.jobs) : cores);
  Work work(std::move(missing), flags, data, interrupt);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < jobs; ++i) workers.emplace_back([&] { work.Do(); });
  for (std::thread& worker : workers) worker.join();
  return work.status();
}

}  // namespace evengrad::tools
