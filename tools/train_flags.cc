#include "train_flags.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

#include "evengrad/graph/status.h"

namespace evengrad::tools {
namespace {

// What is wrong with a seed, or nothing.
std::string CheckSeed(std::string& text) {
  uint64_t seed = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error == std::errc() && end == text.data() + text.size()) return "";
  return StrCat("expected an integer from 0 to ",
                std::numeric_limits<uint64_t>::max(), ", found '", text, "'");
}

// The network that is trained, from a file. Flags that describe one exclude it.
void AddModelFile(CLI::App& train, TrainFlags& flags) {
  CLI::Option* model = train.add_option(
      "--model", flags.model,
      "A graph text or an ONNX model (.onnx) with the inputs images and labels "
      "and the output loss, and logits for the accuracy");
  for (const char* name :
       {"--hidden", "--activation", "--initializer", "--batch-norm",
        "--batch-norm-input", "--dropout", "--alpha-dropout", "--loss"}) {
    model->excludes(train.get_option(name));
  }
}

// What is trained.
void AddModelFlags(CLI::App& train, TrainFlags& flags) {
  train
      .add_option("--data", flags.data,
                  "Folder of IDX or NPY files; an .npz file (arrays x and y) "
                  "or a .csv file (a column label)")
      ->capture_default_str();
  train.add_option("--test", flags.test,
                   "An .npz or .csv file with the test part");
  train
      .add_option("--hidden", flags.hidden,
                  "Widths of the hidden layers: 300,100 or 20x100")
      ->capture_default_str();
  train
      .add_option(
          "--activation", flags.activation,
          ActivationNames() +
              "; or the name of another op of one input (evengrad ops); an "
              "argument after a colon: leaky_relu:0.3")
      ->capture_default_str();
  train
      .add_option("--initializer", flags.initializer,
                  "Of the hidden layers: auto, he_normal, lecun_uniform, "
                  "orthogonal:1.4, sparse:0.9, pytorch_default (of all layers, "
                  "biases too), …")
      ->capture_default_str();
  train
      .add_option("--batch-norm", flags.batch_norm,
                  "Of hidden layers: none, before (the activation, instead of "
                  "a bias) or after; :keras for Keras' epsilon and momentum")
      ->capture_default_str();
  train.add_flag("--batch-norm-input", flags.batch_norm_input,
                 "Of the images, too");
  train
      .add_option("--dropout", flags.dropout,
                  "The share that is dropped after each hidden layer")
      ->capture_default_str();
  train
      .add_option("--alpha-dropout", flags.alpha_dropout,
                  "The same, in the way that suits selu")
      ->capture_default_str();
  train
      .add_option("--loss", flags.loss,
                  LossNames() +
                      ", all but the first against 1 at the label and 0 "
                      "elsewhere; an argument after a colon: "
                      "cross_entropy:0.1 smooths labels, huber:1 is delta")
      ->capture_default_str();
  train.add_option("--classes", flags.classes, "Labels are 0 … N-1")
      ->capture_default_str();
  train
      .add_option("--validation", flags.validation,
                  "Training images kept for validation: first:N, last:N or N "
                  "(the first N); 0 for none")
      ->capture_default_str();
  train
      .add_option("--scale", flags.scale,
                  "unit (pixels / 255) or standardize (each pixel to mean 0, "
                  "variance 1)")
      ->capture_default_str();
  AddModelFile(train, flags);
}

// How it is trained, besides the optimizer.
void AddTrainingFlags(CLI::App& train, TrainFlags& flags) {
  train
      .add_option("--schedule", flags.schedule,
                  "Of the learning rate, lengths in epochs: constant, "
                  "step:FACTOR:LENGTH, piecewise:EPOCH=RATE,…, "
                  "exponential:FACTOR:LENGTH, power:LENGTH[:POWER], "
                  "cosine[:LAST_RATE], 1cycle or plateau:FACTOR:PATIENCE")
      ->capture_default_str();
  train
      .add_option("--warm-up", flags.warm_up,
                  "Epochs in which the learning rate rises from 0")
      ->capture_default_str();
  train.add_option("--early-stopping", flags.early_stopping,
                   "End after so many epochs without a smaller validation "
                   "loss, with the best epoch's parameters");
  train.add_option("--batch-size", flags.batch_size, "Images a step")
      ->capture_default_str();
  train
      .add_option("--recompute", flags.recompute,
                  "Keep only what goes from one region of that many layers to "
                  "the next, and compute the rest again for the gradient: less "
                  "memory, more time; 0 keeps all")
      ->capture_default_str();
  train
      .add_option("--accumulate", flags.accumulate,
                  "Steps whose gradients make one update")
      ->capture_default_str();
  train.add_option("--epochs", flags.epochs, "Passes over the training part")
      ->capture_default_str();
  train
      .add_option("--clip", flags.clip,
                  "Of the gradients: none, value:N, norm:N (of each "
                  "parameter), global_norm:N, adaptive:N, autoclip:PERCENT, "
                  "zclip; suggest trains 500 steps and proposes one")
      ->capture_default_str();
  train
      .add_option("--non-finite", flags.non_finite,
                  "What a loss or gradient that is not finite does: error, "
                  "skip_step or propagate")
      ->capture_default_str();
}

// What is watched, without a change to any number.
void AddWatchFlags(CLI::App& train, TrainFlags& flags) {
  train.add_flag("--check-numerics", flags.check_numerics,
                 "Stop at the first node that makes a number that is not "
                 "finite, and name it (slow)");
  train
      .add_option("--exempt", flags.exempt,
                  "Nodes whose NaN and infinities are intended, such as masks, "
                  "when the first bad number is looked for: 'attention/*'; may "
                  "be repeated")
      ->type_name("PATTERN")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  train
      .add_option("--statistics-every", flags.statistics_every,
                  "Look at every layer after the first step and after every "
                  "N-th one (with --accumulate: the N-th update); shown live "
                  "on a terminal, and at the end")
      ->type_name("N");
  train.add_option("--csv", flags.csv,
                   "Write the statistics, a tensor a line, to this file; with "
                   "--resume, those from there on");
  train.add_option("--tensorboard", flags.tensorboard,
                   "Write them, with histograms, as an event file for "
                   "TensorBoard into this folder");
  train.add_option("--report", flags.report,
                   "Write what they show, what is wrong and what helps as one "
                   "HTML file");
}

// How it runs and what it tells.
void AddRunFlags(CLI::App& train, TrainFlags& flags) {
  train
      .add_option("--top-k", flags.top_k,
                  "Tell how often the label is among the K largest, too")
      ->capture_default_str();
  train.add_flag("--confusion", flags.confusion,
                 "Tell how often each class was taken for each");
  train.add_option("--seed", flags.seed, "Of all random numbers")
      ->check(CLI::Validator(CheckSeed, "", "seed"))
      ->capture_default_str();
  train.add_option("--threads", flags.threads, "0 for one a core")
      ->capture_default_str();
  train
      .add_option("--precision", flags.precision,
                  "f32, or bf16: products of bf16 matrices, added up in f32; "
                  "weights stay f32")
      ->capture_default_str();
  train.add_option("--save-model", flags.save_model,
                   "Write the model as graph text to this file, before "
                   "training: for evengrad dump");
  train.add_option("--profile", flags.profile,
                   "Write what ran when to this file, for chrome://tracing "
                   "and Perfetto (the first steps of a long run)");
  train.add_flag(
      "--explain", flags.explain,
      "Print what the first training step was compiled to, with what "
      "--statistics-every and the like look at in it");
  train.add_option("--json", flags.json,
                   "Write a JSON object a line, one an epoch, to this file");
  train.add_option("--checkpoint", flags.checkpoint,
                   "Keep checkpoints of the run in this folder");
  train
      .add_option("--checkpoint-every", flags.checkpoint_every,
                  "Steps between checkpoints; 0 for one an epoch")
      ->capture_default_str();
  train
      .add_option("--keep", flags.keep,
                  "The newest checkpoints that stay; 0 for all")
      ->default_str("3");
  train.add_flag("--resume", flags.resume,
                 "Go on from the newest checkpoint, where there is one");
}

}  // namespace

void AddOptimizerFlags(CLI::App& command, OptimizerFlags& flags) {
  command
      .add_option(
          "--optimizer", flags.optimizer,
          OptimizerNames() + "; numbers after commas: rmsprop,decay=0.9")
      ->capture_default_str();
  command.add_option("--learning-rate", flags.learning_rate,
                     "Of the optimizer [0.001]");
  command.add_option("--momentum", flags.momentum,
                     "Of sgd and rmsprop [0], momentum and nesterov [0.9]");
  command.add_option("--weight-decay", flags.weight_decay,
                     "An L2 penalty, or decoupled:N; adamw's is decoupled [0, "
                     "adamw 0.01]");
}

void AddTrainFlags(CLI::App& train, TrainFlags& flags) {
  AddModelFlags(train, flags);
  AddOptimizerFlags(train, flags.optimizer);
  AddTrainingFlags(train, flags);
  AddWatchFlags(train, flags);
  AddRunFlags(train, flags);
}

}  // namespace evengrad::tools
