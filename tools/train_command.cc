// evengrad train: a fully connected classifier on images or rows of numbers.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "commands.h"
#include "evengrad/evengrad.h"
#include "train_data.h"
#include "train_options.h"

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
  // A file that becomes too large is an error with a message.
  std::signal(SIGXFSZ, SIG_IGN);
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
                                       const Data& data,
                                       std::optional<JsonLinesWriter>& json) {
  ProgressLine progress;
  FitOptions options = {.epochs = flags.epochs,
                        .batch_size = flags.batch_size,
                        .seed = flags.seed,
                        .interrupt = &interrupted,
                        .checkpoints = {.directory = flags.checkpoint,
                                        .every = flags.checkpoint_every,
                                        .keep = flags.keep,
                                        .resume = flags.resume,
                                        .run = flags.run}};
  if (data.validation.size() > 0) options.validation = data.validation;
  options.on_step = [&](const StepReport& report) { progress.Show(report); };
  options.on_epoch = [&](const EpochReport& report) -> absl::Status {
    progress.Clear();
    PrintRow(report);
    return json.has_value() ? json->Write(ToJson(report)) : absl::OkStatus();
  };
  options.on_resume = [&](const FitResult& so_far) -> absl::Status {
    std::printf("going on after %s steps, %s epochs of them complete\n",
                StrCat(so_far.steps).c_str(),
                StrCat(so_far.epochs.size()).c_str());
    std::fflush(stdout);
    if (!json.has_value()) return absl::OkStatus();
    for (const EpochReport& report : so_far.epochs) {
      EVENGRAD_RETURN_IF_ERROR(json->Write(ToJson(report)));
    }
    return absl::OkStatus();
  };
  return Fit(session, training, model, data.training, options);
}

// Each option that decides about the numbers of a run, as "--name=value": a run
// goes on with the same ones. More epochs, other threads and files are fine.
std::string DescribeRun(const CLI::App& train) {
  constexpr std::string_view kFree[] = {
      "help",    "data",  "test",       "epochs",
      "threads", "json",  "checkpoint", "checkpoint-every",
      "keep",    "resume"};
  std::string run;
  for (const CLI::Option* option : train.get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames()[0];
    if (std::ranges::find(kFree, name) != std::end(kFree)) continue;
    run += StrCat(run.empty() ? "" : " ", "--", name, "=",
                  option->count() > 0 ? option->results().back()
                                      : option->get_default_str());
  }
  return run;
}

// How the training ended, where it was not at its last epoch.
void PrintEnd(const FitResult& result) {
  if (!result.interrupted) return;
  std::printf("interrupted after %s steps", StrCat(result.steps).c_str());
  if (!result.checkpoint.empty()) {
    std::printf("; saved in %s, to go on with --resume",
                result.checkpoint.c_str());
  }
  std::printf("\n");
}

absl::Status Train(const TrainFlags& flags, const TrainOptions& options) {
  std::optional<JsonLinesWriter> json;
  if (!flags.json.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(JsonLinesWriter writer,
                              JsonLinesWriter::Open(flags.json));
    json.emplace(std::move(writer));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Data data, ReadData(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t num_parameters,
                            CountParameters(data.training.num_features(),
                                            options.hidden, flags.classes));
  Graph graph;
  const Classifier model = BuildClassifier(graph, data.training.num_features(),
                                           flags.classes, options);
  EVENGRAD_ASSIGN_OR_RETURN(const Program training,
                            Minimize(model.loss, options.optimizer,
                                     {.hooks = options.hooks,
                                      .fetches = {{"logits", model.logits}}}));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(graph, {.seed = flags.seed,
                                               .num_threads = flags.threads}));
  PrintHead(flags, data, num_parameters);
  EVENGRAD_ASSIGN_OR_RETURN(
      const FitResult result,
      FitAndReport(flags, session, training, model, data, json));
  PrintEnd(result);
  if (data.test.size() > 0) {
    EVENGRAD_ASSIGN_OR_RETURN(const Evaluation test,
                              Evaluate(session, model, data.test));
    std::printf("test accuracy %.4f, loss %.6f\n", test.accuracy, test.loss);
  }
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
      "train", "Train a fully connected network on images or rows of numbers");
  train->option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  auto flags = std::make_shared<TrainFlags>();
  train
      ->add_option("--data", flags->data,
                   "Folder of IDX or NPY files; an .npz file (arrays x and y) "
                   "or a .csv file (a column label)")
      ->capture_default_str();
  train->add_option("--test", flags->test,
                    "An .npz or .csv file with the test part");
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
                   "Of the gradients: none or global_norm:N")
      ->capture_default_str();
  train->add_option("--seed", flags->seed, "Of all random numbers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  train->add_option("--threads", flags->threads, "0 for one a core")
      ->capture_default_str();
  train->add_option("--json", flags->json,
                    "Write a JSON object a line, one an epoch, to this file");
  train->add_option("--checkpoint", flags->checkpoint,
                    "Keep checkpoints of the run in this folder");
  train
      ->add_option("--checkpoint-every", flags->checkpoint_every,
                   "Steps between checkpoints; 0 for one an epoch")
      ->capture_default_str();
  train
      ->add_option("--keep", flags->keep,
                   "The newest checkpoints that stay; 0 for all")
      ->capture_default_str();
  train->add_flag("--resume", flags->resume,
                  "Go on from the newest checkpoint, where there is one");
  return [flags, train] {
    flags->run = DescribeRun(*train);
    return RunTrain(*flags);
  };
}

}  // namespace evengrad::tools
