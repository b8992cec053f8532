// evengrad train: a fully connected classifier on images in IDX files.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "commands.h"
#include "evengrad/evengrad.h"
#include "train_options.h"
#include "train_watch.h"

namespace evengrad::tools {
namespace {

constexpr int64_t kMostParameters = 1'000'000'000;

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// The first Ctrl-C ends the training after its step, the second the program.
void EndAfterStep() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted.store(true); };
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

struct Data {
  DataSet training;
  DataSet validation;  // may be empty
  DataSet test;
};

// "<directory>/<name>.gz", or without .gz where only that exists.
std::string FindFile(const std::string& directory, std::string_view name) {
  const std::string plain = StrCat(directory, "/", name);
  std::error_code error;
  const bool only_plain = !std::filesystem::exists(plain + ".gz", error) &&
                          std::filesystem::exists(plain, error);
  return only_plain ? plain : plain + ".gz";
}

absl::StatusOr<DataSet> ReadPart(const TrainFlags& flags,
                                 std::string_view part) {
  absl::StatusOr<DataSet> data =
      DataSet::ReadIdx(FindFile(flags.data, StrCat(part, "-images-idx3-ubyte")),
                       FindFile(flags.data, StrCat(part, "-labels-idx1-ubyte")),
                       {.classes = flags.classes});
  if (absl::IsNotFound(data.status())) {
    return absl::NotFoundError(
        StrCat(Message(data.status()),
               "; install the package dataset-fashion-mnist, or name the "
               "folder of the data with --data"));
  }
  return data;
}

absl::StatusOr<Data> ReadData(const TrainFlags& flags,
                              const TrainOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const DataSet all, ReadPart(flags, "train"));
  EVENGRAD_ASSIGN_OR_RETURN(const DataSet test, ReadPart(flags, "t10k"));
  if (all.num_features() != test.num_features()) {
    return InvalidArgument(flags.data, ": training images have ",
                           all.num_features(), " pixels, test images ",
                           test.num_features());
  }
  absl::StatusOr<Split> split = SplitValidation(all, options.validation);
  if (!split.ok()) {
    return Prefixed(split.status(),
                    StrCat("--validation=", flags.validation, ": "));
  }
  const Scaling scaling = options.scale == Scale::kUnit
                              ? UnitScaling()
                              : StandardScaling(split->training);
  EVENGRAD_ASSIGN_OR_RETURN(DataSet training, split->training.Scaled(scaling));
  EVENGRAD_ASSIGN_OR_RETURN(DataSet validation,
                            split->validation.Scaled(scaling));
  EVENGRAD_ASSIGN_OR_RETURN(DataSet scaled_test, test.Scaled(scaling));
  return Data{std::move(training), std::move(validation),
              std::move(scaled_test)};
}

// Weights and biases of the network.
absl::StatusOr<int64_t> CountParameters(int64_t features,
                                        const std::vector<int64_t>& hidden,
                                        int64_t classes) {
  int64_t count = 0;
  int64_t inputs = features;
  std::vector<int64_t> widths = hidden;
  widths.push_back(classes);
  for (const int64_t width : widths) {
    if (inputs >= kMostParameters / width) count = kMostParameters;
    if (count < kMostParameters) count += (inputs + 1) * width;
    inputs = width;
  }
  if (count < kMostParameters) return count;
  return InvalidArgument("the network would have more than ", kMostParameters,
                         " parameters; make --hidden smaller");
}

Classifier BuildClassifier(Graph& graph, int64_t features, int64_t classes,
                           const TrainOptions& options) {
  Classifier model;
  model.inputs = Placeholder(graph, "images", F32({"batch", features}));
  model.labels = Placeholder(graph, "labels", I32({"batch"}));
  Value hidden = model.inputs;
  for (size_t i = 0; i < options.hidden.size(); ++i) {
    NameScope layer(graph, StrCat("hidden", i + 1));
    hidden = options.activation(
        Dense(hidden, options.hidden[i], {.initializer = options.initializer}));
  }
  model.logits = Dense(hidden, classes, {.name = "logits"});
  model.loss = SparseSoftmaxCrossEntropy(model.logits, model.labels);
  return model;
}

void PrintHead(const TrainFlags& flags, const Data& data,
               int64_t num_parameters) {
  const std::string head =
      StrCat(flags.data, ": ", data.training.size(), " images to train on, ",
             data.validation.size(), " to validate, ", data.test.size(),
             " to test\nhidden layers ", flags.hidden, ", ", flags.activation,
             ": ", num_parameters, " parameters\n");
  std::printf("%s%5s %11s %9s %11s %9s %8s\n", head.c_str(), "epoch",
              "train loss", "accuracy", "valid. loss", "accuracy", "seconds");
  std::fflush(stdout);
}

void PrintRow(const EpochReport& report) {
  std::printf("%5s %11.6f %9.4f ", StrCat(report.epoch).c_str(),
              report.train_loss, report.train_accuracy);
  if (report.validation.has_value()) {
    std::printf("%11.6f %9.4f", report.validation->loss,
                report.validation->accuracy);
  } else {
    std::printf("%11s %9s", "-", "-");
  }
  std::printf(" %8.1f\n", report.seconds);
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
  return object.Add("seconds", report.seconds);
}

// Trains with a progress line, a row at each epoch and a line in `json`.
absl::StatusOr<FitResult> FitAndReport(const TrainFlags& flags,
                                       Session& session,
                                       const Program& training,
                                       const Classifier& model,
                                       const Data& data, TrainWatch& watch,
                                       std::optional<JsonLinesWriter>& json) {
  ProgressLine progress;
  watch.clear_progress = [&] { progress.Clear(); };
  FitOptions options = {.epochs = flags.epochs,
                        .batch_size = flags.batch_size,
                        .seed = flags.seed,
                        .interrupt = &interrupted};
  if (data.validation.size() > 0) options.validation = data.validation;
  options.on_step = [&](const StepReport& report) {
    progress.Show(report);
    if (watch.done()) interrupted.store(true);
  };
  options.on_epoch = [&](const EpochReport& report) -> absl::Status {
    progress.Clear();
    watch.ClearScreen();
    PrintRow(report);
    return json.has_value() ? json->Write(ToJson(report)) : absl::OkStatus();
  };
  absl::StatusOr<FitResult> result =
      Fit(session, training, model, data.training, options);
  watch.clear_progress = {};
  progress.Clear();
  watch.ClearScreen();
  return result;
}

absl::Status Train(const TrainFlags& flags, const TrainOptions& options) {
  std::optional<JsonLinesWriter> json;
  if (!flags.json.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(JsonLinesWriter writer,
                              JsonLinesWriter::Open(flags.json));
    json.emplace(std::move(writer));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<TrainWatch> watch,
                            TrainWatch::Create(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(const Data data, ReadData(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t num_parameters,
                            CountParameters(data.training.num_features(),
                                            options.hidden, flags.classes));
  Graph graph;
  const Classifier model = BuildClassifier(graph, data.training.num_features(),
                                           flags.classes, options);
  EVENGRAD_ASSIGN_OR_RETURN(const Program training,
                            Minimize(model.loss, options.optimizer,
                                     {.hooks = watch->hooks(),
                                      .fetches = {{"logits", model.logits}},
                                      .non_finite = {options.non_finite}}));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(graph, {.seed = flags.seed,
                                               .num_threads = flags.threads}));
  PrintHead(flags, data, num_parameters);
  EVENGRAD_ASSIGN_OR_RETURN(
      const FitResult result,
      FitAndReport(flags, session, training, model, data, *watch, json));
  EVENGRAD_RETURN_IF_ERROR(watch->Finish(session));
  if (watch->only_suggests()) {
    return json.has_value() ? json->Finish() : absl::OkStatus();
  }
  if (result.interrupted) {
    std::printf("interrupted after %s steps\n", StrCat(result.steps).c_str());
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Evaluation test,
                            Evaluate(session, model, data.test));
  std::printf("test accuracy %.4f, loss %.6f\n", test.accuracy, test.loss);
  return json.has_value() ? json->Finish() : absl::OkStatus();
}

int RunTrain(const TrainFlags& flags) {
  const absl::StatusOr<TrainOptions> options = ParseTrainFlags(flags);
  if (!options.ok()) return Complain(options.status(), kBadUsage);
  EndAfterStep();
  const absl::Status status = Train(flags, *options);
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

}  // namespace

Command AddTrainCommand(CLI::App& app) {
  CLI::App* train = app.add_subcommand(
      "train", "Train a fully connected network on images in IDX files");
  train->option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  auto flags = std::make_shared<TrainFlags>();
  train->add_option("--data", flags->data, "Folder of the IDX files")
      ->capture_default_str();
  train
      ->add_option("--hidden", flags->hidden,
                   "Widths of the hidden layers: 300,100 or 20x100")
      ->capture_default_str();
  train
      ->add_option("--activation", flags->activation,
                   "elu, leaky_relu, relu, selu, sigmoid or tanh; an argument "
                   "after a colon: leaky_relu:0.3")
      ->capture_default_str();
  train
      ->add_option("--initializer", flags->initializer,
                   "Of the hidden layers: auto, he_normal, lecun_uniform, …")
      ->capture_default_str();
  train
      ->add_option("--optimizer", flags->optimizer,
                   "sgd, momentum, nesterov or adam")
      ->capture_default_str();
  train->add_option("--learning-rate", flags->learning_rate,
                    "Of the optimizer [0.001]");
  train->add_option("--momentum", flags->momentum,
                    "Of sgd [0], momentum and nesterov [0.9]");
  train->add_option("--batch-size", flags->batch_size, "Images a step")
      ->capture_default_str();
  train->add_option("--epochs", flags->epochs, "Passes over the training part")
      ->capture_default_str();
  train->add_option("--classes", flags->classes, "Labels are 0 … N-1")
      ->capture_default_str();
  train
      ->add_option("--validation", flags->validation,
                   "Training images kept for validation: first:N, last:N or N "
                   "(the first N); 0 for none")
      ->capture_default_str();
  train
      ->add_option("--scale", flags->scale,
                   "unit (pixels / 255) or standardize (each pixel to mean 0, "
                   "variance 1)")
      ->capture_default_str();
  train
      ->add_option("--clip", flags->clip,
                   "Of the gradients: none, value:N, norm:N (of each "
                   "parameter), global_norm:N, adaptive:N, autoclip:PERCENT, "
                   "zclip; suggest trains 500 steps and proposes one")
      ->capture_default_str();
  train
      ->add_option("--non-finite", flags->non_finite,
                   "What a loss or gradient that is not finite does: error, "
                   "skip_step or propagate")
      ->capture_default_str();
  train->add_flag("--check-numerics", flags->check_numerics,
                  "Stop at the first node that makes a number that is not "
                  "finite, and name it (slow)");
  train->add_option("--statistics-every", flags->statistics_every,
                    "Steps between two looks at every layer; shown live on a "
                    "terminal, and at the end");
  train->add_option("--csv", flags->csv,
                    "Write the statistics, a tensor a line, to this file");
  train->add_option("--seed", flags->seed, "Of all random numbers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  train->add_option("--threads", flags->threads, "0 for one a core")
      ->capture_default_str();
  train->add_option("--json", flags->json,
                    "Write a JSON object a line, one an epoch, to this file");
  return [flags] { return RunTrain(*flags); };
}

}  // namespace evengrad::tools
