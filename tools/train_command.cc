// evengrad train: a fully connected classifier on images or rows of numbers.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "evengrad/evengrad.h"
#include "evengrad/graph/name_pattern.h"
#include "flag_text.h"
#include "interrupt.h"
#include "output_paths.h"
#include "run_settings.h"
#include "train_data.h"
#include "train_flags.h"
#include "train_model.h"
#include "train_options.h"
#include "train_watch.h"

namespace evengrad::tools {
namespace {

// "hidden layers 20x100, selu: 271410 parameters".
std::string Describe(const TrainFlags& flags, int64_t num_parameters) {
  return StrCat(flags.model.empty() ? StrCat("hidden layers ", flags.hidden,
                                             ", ", flags.activation)
                                    : flags.model,
                ": ", num_parameters, " parameters");
}

// Error: standard output cannot be written.
absl::Status PrintHead(const TrainFlags& flags, const Data& data,
                       const std::string& network) {
  const std::string head =
      StrCat(flags.data, ": ", data.training.size(), " images to train on, ",
             data.validation.size(), " to validate, ", data.test.size(),
             " to test\n", network, "\n");
  std::printf("%s%5s %11s %9s %11s %9s %8s\n", head.c_str(), "epoch",
              "train loss", "accuracy", "valid. loss", "accuracy", "seconds");
  return FlushOutput();
}

// "-" without logits.
std::string Share(double accuracy) {
  char text[16] = "-";
  if (!std::isnan(accuracy)) {
    std::snprintf(text, sizeof(text), "%.4f", accuracy);
  }
  return text;
}

// NaN has no sign here.
double Loss(double loss) { return std::isnan(loss) ? std::abs(loss) : loss; }

void PrintRow(const EpochReport& report) {
  std::printf("%5s %11.6f %9s ", StrCat(report.epoch).c_str(),
              Loss(report.train_loss), Share(report.train_accuracy).c_str());
  if (report.validation.has_value()) {
    std::printf("%11.6f %9s", Loss(report.validation->loss),
                Share(report.validation->accuracy).c_str());
  } else {
    std::printf("%11s %9s", "-", "-");
  }
  std::printf(" %8.1f\n", report.seconds.value_or(0));
  std::fflush(stdout);
}

JsonObject ToJson(const EpochReport& report) {
  JsonObject object;
  object.Add("epoch", report.epoch)
      .Add("train_loss", report.train_loss)
      .Add("train_accuracy", report.train_accuracy);
  if (report.validation.has_value()) {
    object.Add("validation_loss", report.validation->loss)
        .Add("validation_accuracy", report.validation->accuracy);
  } else {
    object.AddNull("validation_loss").AddNull("validation_accuracy");
  }
  if (report.learning_rate.has_value()) {
    object.Add("learning_rate", *report.learning_rate);
  }
  if (!report.seconds.has_value()) return object.AddNull("seconds");
  return object.Add("seconds", *report.seconds);
}

// Trains with a progress line, a row at each epoch and a line in `json`.
absl::StatusOr<FitResult> FitAndReport(
    const TrainFlags& flags, Session& session, const Program& training,
    const Classifier& model, const TrainOptions& choices, const Data& data,
    TrainWatch& watch, std::optional<JsonLinesWriter>& json) {
  std::string run;
  if (!flags.checkpoint.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(run, DescribeRun(flags, choices));
  }
  ProgressLine progress;
  watch.clear_progress = [&] { progress.Clear(); };
  FitOptions options = {.epochs = flags.epochs,
                        .batch_size = flags.batch_size,
                        .seed = flags.seed,
                        .schedules = choices.schedule.schedules,
                        .plateau = choices.schedule.plateau,
                        .early_stopping = choices.early_stopping,
                        .interrupt = &Interrupted(),
                        .checkpoints = {.directory = flags.checkpoint,
                                        .every = flags.checkpoint_every,
                                        .keep = flags.keep.value_or(3),
                                        .resume = flags.resume,
                                        .run = std::move(run)}};
  if (data.validation.size() > 0) options.validation = data.validation;
  options.on_step = [&](const StepReport& report) {
    progress.Show(report);
    if (watch.done()) Interrupted().store(true);
  };
  options.on_epoch = [&](const EpochReport& report) -> absl::Status {
    progress.Clear();
    watch.ClearScreen();
    PrintRow(report);
    EVENGRAD_RETURN_IF_ERROR(watch.EndEpoch(report));
    return json.has_value() ? json->Write(ToJson(report)) : absl::OkStatus();
  };
  options.on_resume = [&](const FitResult& so_far) -> absl::Status {
    std::printf("going on after %s steps, %s epochs of them complete\n",
                StrCat(so_far.steps).c_str(),
                StrCat(so_far.epochs.size()).c_str());
    std::fflush(stdout);
    for (const EpochReport& report : so_far.epochs) {
      watch.AddEarlierEpoch(report);
      if (!json.has_value()) continue;
      EVENGRAD_RETURN_IF_ERROR(json->Write(ToJson(report)));
    }
    return absl::OkStatus();
  };
  absl::StatusOr<FitResult> result =
      Fit(session, training, model, data.training, options);
  watch.clear_progress = {};
  progress.Clear();
  watch.ClearScreen();
  if (!result.ok()) return ExplainEpochs(flags, choices, result.status());
  return result;
}

// The flag that tells more about the test part than its accuracy; "" where
// none is given.
std::string TestFlag(const TrainFlags& flags) {
  if (flags.top_k > 0) return StrCat("--top-k=", flags.top_k);
  return flags.confusion ? "--confusion" : "";
}

// Error: a flag tells about a test part that the data does not have.
absl::Status CheckTestPart(const TrainFlags& flags, const Data& data) {
  const std::string flag = TestFlag(flags);
  if (flag.empty() || data.test.size() > 0) return absl::OkStatus();
  return InvalidArgument(flag, ": tells about the test part, and ",
                         flags.test.empty() ? StrCat("--data=", flags.data)
                                            : StrCat("--test=", flags.test),
                         " has none; give one with --test=FILE");
}

// Error: a flag ranks the logits of a model that has none.
absl::Status CheckLogits(const TrainFlags& flags, const Classifier& model) {
  const std::string flag = TestFlag(flags);
  if (flag.empty() || model.logits.valid()) return absl::OkStatus();
  return InvalidArgument(flag, ": --model=", flags.model,
                         " has no output 'logits' to tell classes by");
}

// Error: more batches an update than the whole training has.
absl::Status CheckAccumulation(const TrainFlags& flags, const Data& data) {
  const int64_t batches =
      (data.training.size() + flags.batch_size - 1) / flags.batch_size;
  if ((flags.accumulate - 1) / flags.epochs < batches) return absl::OkStatus();
  return BadFlag("accumulate", StrCat(flags.accumulate),
                 "the whole training has ", flags.epochs * batches,
                 " batches, so no parameter would ever change");
}

// Error: batch norm would take the statistics of one example.
absl::Status CheckBatches(const TrainFlags& flags, const Data& data) {
  if (flags.batch_norm == "none" && !flags.batch_norm_input) {
    return absl::OkStatus();
  }
  const int64_t examples = data.training.size();
  const int64_t last = examples % flags.batch_size;
  const bool one = last == 1 || (last == 0 && flags.batch_size == 1);
  if (!one || examples == 0) return absl::OkStatus();
  return BadFlag("batch-size", StrCat(flags.batch_size), "the last batch of ",
                 examples,
                 " examples would be one example, which batch norm makes "
                 "constant; choose a size that leaves no single one");
}

// Error: a pattern of --exempt that is no node's name.
absl::Status CheckExempt(const TrainFlags& flags, const Graph& graph) {
  for (const std::string& pattern : flags.exempt) {
    bool found = false;
    for (int id = 0; id < graph.num_nodes() && !found; ++id) {
      found = MatchesPattern(pattern, graph.node(id).name());
    }
    if (found) continue;
    return BadFlag("exempt", pattern,
                   "the training program has no node of that name; see "
                   "--save-model and evengrad dump --stage=training");
  }
  return absl::OkStatus();
}

// How the training ended, where it was not at its last epoch.
void PrintEnd(const FitResult& result) {
  if (result.interrupted) {
    std::printf("interrupted after %s %s", StrCat(result.steps).c_str(),
                result.steps == 1 ? "step" : "steps");
    if (!result.checkpoint.empty()) {
      std::printf("; saved in %s, to go on with --resume",
                  result.checkpoint.c_str());
    }
    std::printf("\n");
  }
  if (result.stopped_early) {
    std::printf("stopped early after epoch %s\n",
                StrCat(result.epochs.size()).c_str());
  }
  if (result.best_epoch > 0) {
    std::printf("the parameters are those of epoch %s\n",
                StrCat(result.best_epoch).c_str());
  }
}

// Prints how good the network is on `data`; its accuracy, where there are any.
absl::StatusOr<std::optional<double>> Test(const TrainFlags& flags,
                                           Session& session,
                                           const Classifier& model,
                                           const DataSet& data) {
  if (data.size() == 0) return std::nullopt;
  EVENGRAD_ASSIGN_OR_RETURN(
      const Evaluation test,
      Evaluate(session, model, data,
               {.top_k = flags.top_k, .confusion = flags.confusion}));
  std::printf("test accuracy %s, loss %.6f\n", Share(test.accuracy).c_str(),
              test.loss);
  if (test.top_k_accuracy.has_value()) {
    std::printf("test top-%s accuracy %.4f\n", StrCat(flags.top_k).c_str(),
                *test.top_k_accuracy);
  }
  if (test.confusion.has_value()) {
    std::printf("test labels (rows) and answers (columns):\n%s",
                test.confusion->ToString().c_str());
  }
  return test.accuracy;
}

// The network of the flags, or the model of a file; the examples get the shape
// that it wants.
absl::StatusOr<Classifier> MakeClassifier(const TrainFlags& flags,
                                          const TrainOptions& options,
                                          Data& data) {
  if (flags.model.empty()) {
    Graph graph;
    const Classifier model = BuildClassifier(
        graph, data.training.num_features(), flags.classes, options);
    EVENGRAD_RETURN_IF_ERROR(graph.status());
    return model;
  }
  EVENGRAD_ASSIGN_OR_RETURN(const LoadedClassifier loaded,
                            LoadClassifier(flags.model));
  for (DataSet* part : {&data.training, &data.validation, &data.test}) {
    absl::StatusOr<DataSet> reshaped = part->Reshaped(loaded.example_sizes);
    if (!reshaped.ok()) {
      return Prefixed(reshaped.status(), StrCat("--model=", flags.model,
                                                ", --data=", flags.data, ": "));
    }
    *part = *std::move(reshaped);
  }
  return loaded.classifier;
}

std::vector<NamedValue> LogitsOf(const Classifier& model) {
  if (!model.logits.valid()) return {};
  return {{"logits", model.logits}};
}

// What became of the training step, for full batches.
absl::Status PrintExplanation(const TrainFlags& flags, const Data& data,
                              const Program& training, const Classifier& model,
                              Session& session) {
  const int64_t batch = std::min<int64_t>(
      flags.batch_size, std::max<int64_t>(data.training.size(), 1));
  std::vector<Feed> feeds;
  for (const Value& value : {model.inputs, model.labels}) {
    TensorType type = value.type();
    type.shape[0] = batch;
    EVENGRAD_ASSIGN_OR_RETURN(Tensor zeros, Tensor::Zeros(type));
    feeds.push_back({value, std::move(zeros)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            session.Explain(training, feeds));
  std::printf("%s", text.c_str());
  return absl::OkStatus();
}

absl::Status Train(const TrainFlags& flags, const TrainOptions& options,
                   Data data) {
  std::optional<JsonLinesWriter> json;
  if (!flags.json.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(JsonLinesWriter writer,
                              JsonLinesWriter::Open(flags.json));
    json.emplace(std::move(writer));
  }
  // Opened now, so that a bad path costs no training.
  std::optional<AtomicFile> trace;
  if (!flags.profile.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file,
                              AtomicFile::Create(flags.profile));
    trace.emplace(std::move(file));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<TrainWatch> watch,
                            TrainWatch::Create(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(const Classifier model,
                            MakeClassifier(flags, options, data));
  EVENGRAD_RETURN_IF_ERROR(CheckLogits(flags, model));
  EVENGRAD_RETURN_IF_ERROR(CheckAccumulation(flags, data));
  EVENGRAD_RETURN_IF_ERROR(CheckBatches(flags, data));
  const Graph graph = *Graph::Of(model.loss);
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t num_parameters,
                            CountParameters(graph));
  if (!flags.save_model.empty()) {
    // As it is used once trained: without dropout, with running statistics.
    Program untrained = {
        .graph = graph, .mode = Mode::kInference, .fetches = LogitsOf(model)};
    untrained.fetches.insert(untrained.fetches.begin(), {"loss", model.loss});
    EVENGRAD_RETURN_IF_ERROR(SaveProgram(untrained, flags.save_model));
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const Program training,
      Minimize(model.loss, options.optimizer.optimizer,
               {.hooks = watch->hooks(),
                .fetches = LogitsOf(model),
                .accumulate_steps = flags.accumulate,
                .non_finite = options.non_finite,
                .recompute = RecomputeLayers(
                    model.loss, static_cast<int>(flags.recompute))}));
  EVENGRAD_RETURN_IF_ERROR(CheckExempt(flags, training.graph));
  std::shared_ptr<Profile> profile;
  if (trace.has_value()) profile = std::make_shared<Profile>();
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(graph, {.seed = flags.seed,
                                               .num_threads = flags.threads,
                                               .precision = options.precision,
                                               .profile = profile}));
  if (flags.explain) {
    EVENGRAD_RETURN_IF_ERROR(
        PrintExplanation(flags, data, training, model, session));
  }
  const std::string network = Describe(flags, num_parameters);
  // A full disk costs no training either.
  EVENGRAD_RETURN_IF_ERROR(PrintHead(flags, data, network));
  watch->Start(network, (data.training.size() + flags.batch_size - 1) /
                            flags.batch_size);
  const absl::StatusOr<FitResult> result = FitAndReport(
      flags, session, training, model, options, data, *watch, json);
  std::optional<double> test_accuracy;
  if (result.ok()) {
    EVENGRAD_RETURN_IF_ERROR(watch->PrintEnd(session));
    if (!watch->only_suggests()) {
      PrintEnd(*result);
      EVENGRAD_ASSIGN_OR_RETURN(test_accuracy,
                                Test(flags, session, model, data.test));
    }
  }
  // What was seen of a run that failed is what one wants to know of it. An
  // output that cannot be written takes no other with it.
  absl::Status written = watch->Finish(session, result, test_accuracy, json);
  if (json.has_value() && (result.ok() || watch->has_records())) {
    written.Update(json->Finish());
  }
  if (trace.has_value()) {
    absl::Status traced = trace->Write(ChromeTrace(*profile));
    if (traced.ok()) traced = trace->Commit();
    written.Update(traced);
  }
  if (result.ok() || written.ok())
    return result.ok() ? written : result.status();
  return absl::Status(result.status().code(),
                      StrCat(Message(result.status()), "; ", Message(written)));
}

int RunTrain(const TrainFlags& flags) {
  const absl::StatusOr<TrainOptions> options = ParseTrainFlags(flags);
  if (!options.ok()) return Complain(options.status(), kBadUsage);
  const absl::Status apart =
      CheckOutputs({{{"--json", flags.json},
                     {"--csv", flags.csv},
                     {"--report", flags.report},
                     {"--profile", flags.profile},
                     {"--save-model", flags.save_model}}},
                   {{{"--data", flags.data},
                     {"--test", flags.test},
                     {"--model", flags.model}}});
  if (!apart.ok()) return Complain(apart, kBadUsage);
  EndAfterStep();
  absl::StatusOr<Data> data = ReadData(flags, *options);
  if (!data.ok()) return Complain(data.status(), kFailure);
  const absl::Status tested = CheckTestPart(flags, *data);
  if (!tested.ok()) return Complain(tested, kBadUsage);
  const absl::Status status = Train(flags, *options, *std::move(data));
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

}  // namespace

Command AddTrainCommand(CLI::App& app) {
  CLI::App* train = app.add_subcommand(
      "train", "Train a fully connected network on images or rows of numbers");
  train->option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  auto flags = std::make_shared<TrainFlags>();
  AddTrainFlags(*train, *flags);
  return [flags, train] {
    flags->run = DescribeFlags(*train);
    flags->settings = SettingsOf(*train);
    return RunTrain(*flags);
  };
}

}  // namespace evengrad::tools
