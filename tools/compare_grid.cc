#include "compare_grid.h"

#include <cctype>
#include <set>
#include <utility>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

constexpr int64_t kMostRuns = 100'000;

absl::Status CheckLists(const CompareFlags& flags) {
  const std::pair<const char*, size_t> lists[] = {
      {"activations", flags.activations.size()},
      {"initializers", flags.initializers.size()},
      {"depths", flags.depths.size()},
      {"batch-norms", flags.batch_norms.size()},
      {"clips", flags.clips.size()}};
  double runs = static_cast<double>(flags.seeds);
  for (const auto& [flag, size] : lists) {
    if (size == 0) return BadFlag(flag, "", "the list is empty");
    runs *= static_cast<double>(size);
  }
  for (const int64_t depth : flags.depths) {
    if (depth >= 1) continue;
    return BadFlag("depths", StrCat(depth), "expected at least 1 hidden layer");
  }
  if (flags.width < 1) {
    return BadFlag("width", StrCat(flags.width), "expected at least 1");
  }
  if (flags.seeds < 1) {
    return BadFlag("seeds", StrCat(flags.seeds), "expected at least 1");
  }
  if (runs > kMostRuns) {
    return InvalidArgument("the grid has ", runs, " runs; expected at most ",
                           kMostRuns);
  }
  if (!(flags.target > 0 && flags.target < 1)) {
    return BadFlag("target", ShortNumber(flags.target),
                   "expected an accuracy between 0 and 1");
  }
  if (flags.jobs < 0 || flags.jobs > 256) {
    return BadFlag("jobs", StrCat(flags.jobs),
                   "expected 1 to 256, or 0 for one a core");
  }
  return absl::OkStatus();
}

// Each value of each list once, beside the first values of the others.
absl::Status CheckChoices(const CompareFlags& flags) {
  auto check = [&](const ComparedChoice& choice) {
    const TrainFlags train = FlagsOf({.choice = choice, .seed = 1}, flags);
    return ParseTrainFlags(train).status();
  };
  const ComparedChoice first = {.activation = flags.activations[0],
                                .initializer = flags.initializers[0],
                                .depth = flags.depths[0],
                                .batch_norm = flags.batch_norms[0],
                                .clip = flags.clips[0]};
  auto check_list = [&](const auto& values, auto ComparedChoice::*member) {
    for (const auto& value : values) {
      ComparedChoice choice = first;
      choice.*member = value;
      EVENGRAD_RETURN_IF_ERROR(check(choice));
    }
    return absl::OkStatus();
  };
  EVENGRAD_RETURN_IF_ERROR(
      check_list(flags.activations, &ComparedChoice::activation));
  EVENGRAD_RETURN_IF_ERROR(
      check_list(flags.initializers, &ComparedChoice::initializer));
  EVENGRAD_RETURN_IF_ERROR(check_list(flags.depths, &ComparedChoice::depth));
  EVENGRAD_RETURN_IF_ERROR(
      check_list(flags.batch_norms, &ComparedChoice::batch_norm));
  EVENGRAD_RETURN_IF_ERROR(check_list(flags.clips, &ComparedChoice::clip));
  for (const std::string& clip : flags.clips) {
    if (clip.starts_with("suggest")) {
      return BadFlag("clips", clip, "trains nothing that could be compared");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string CompareCell::FileName() const {
  std::string name =
      StrCat(choice.activation, "-", choice.initializer, "-", choice.depth, "-",
             choice.batch_norm, "-", choice.clip, "-", seed);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' &&
        c != '.') {
      c = '_';
    }
  }
  return name + ".json";
}

absl::StatusOr<std::vector<CompareCell>> MakeGrid(const CompareFlags& flags) {
  EVENGRAD_RETURN_IF_ERROR(CheckLists(flags));
  EVENGRAD_RETURN_IF_ERROR(CheckChoices(flags));
  std::vector<CompareCell> cells;
  std::set<std::string> names;
  for (int64_t seed = 1; seed <= flags.seeds; ++seed) {
    for (const std::string& clip : flags.clips) {
      for (const std::string& batch_norm : flags.batch_norms) {
        for (const int64_t depth : flags.depths) {
          for (const std::string& initializer : flags.initializers) {
            for (const std::string& activation : flags.activations) {
              CompareCell cell = {.choice = {.activation = activation,
                                             .initializer = initializer,
                                             .depth = depth,
                                             .batch_norm = batch_norm,
                                             .clip = clip},
                                  .seed = seed};
              // What a list names twice is trained once.
              if (names.insert(cell.FileName()).second) {
                cells.push_back(std::move(cell));
              }
            }
          }
        }
      }
    }
  }
  return cells;
}

TrainFlags FlagsOf(const CompareCell& cell, const CompareFlags& flags) {
  TrainFlags train = flags.train;
  train.hidden = StrCat(cell.choice.depth, "x", flags.width);
  train.activation = cell.choice.activation;
  train.initializer = cell.choice.initializer;
  train.batch_norm = cell.choice.batch_norm;
  train.clip = cell.choice.clip;
  train.seed = static_cast<uint64_t>(cell.seed);
  train.threads = 1;
  return train;
}

std::string SharedText(const CompareFlags& flags) {
  const TrainFlags& train = flags.train;
  std::string text = StrCat(
      "width ", flags.width, ", ", train.epochs,
      train.epochs == 1 ? " epoch" : " epochs", " of batches of ",
      train.batch_size, ", ", train.optimizer.optimizer, " with learning rate ",
      Digits(train.optimizer.learning_rate.value_or(1e-3)));
  if (train.optimizer.momentum.has_value()) {
    text += StrCat(", momentum ", Digits(*train.optimizer.momentum));
  }
  if (!train.optimizer.weight_decay.empty()) {
    text += StrCat(", weight decay ", train.optimizer.weight_decay);
  }
  return StrCat(text, ", ", train.scale, ", validation ", train.validation,
                ", target ", Digits(flags.target), ", ", train.classes,
                " classes", ", data with the content ", flags.data_content);
}

}  // namespace evengrad::tools
