#include "train_data.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace evengrad::tools {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// "<directory>/<name>.gz", or without .gz where only that exists.
std::string FindFile(const std::string& directory, std::string_view name) {
  const std::string plain = StrCat(directory, "/", name);
  return !Exists(plain + ".gz") && Exists(plain) ? plain : plain + ".gz";
}

// The part "train" or "test" of a folder.
absl::StatusOr<DataSet> ReadFolder(const TrainFlags& flags, bool test) {
  const DataSetOptions options = {.classes = flags.classes};
  if (Exists(flags.data + "/train-images.npy")) {
    const std::string part = StrCat(flags.data, test ? "/test-" : "/train-");
    return DataSet::ReadNpy(part + "images.npy", part + "labels.npy", options);
  }
  const std::string_view part = test ? "t10k" : "train";
  absl::StatusOr<DataSet> data = DataSet::ReadIdx(
      FindFile(flags.data, StrCat(part, "-images-idx3-ubyte")),
      FindFile(flags.data, StrCat(part, "-labels-idx1-ubyte")), options);
  if (absl::IsNotFound(data.status())) {
    return absl::NotFoundError(
        StrCat(Message(data.status()),
               "; install the package dataset-fashion-mnist, or name the "
               "data with --data: a folder, an .npz or a .csv file"));
  }
  return data;
}

bool IsFile(std::string_view path) {
  return path.ends_with(".npz") || path.ends_with(".csv");
}

absl::StatusOr<DataSet> ReadFile(const std::string& path,
                                 const TrainFlags& flags,
                                 const NpzNames& names = {}) {
  const DataSetOptions options = {.classes = flags.classes};
  return path.ends_with(".csv") ? DataSet::ReadCsv(path, options)
                                : DataSet::ReadNpz(path, options, names);
}

// The test part, or none.
absl::StatusOr<DataSet> ReadTest(const TrainFlags& flags,
                                 const DataSet& training) {
  if (!flags.test.empty()) return ReadFile(flags.test, flags);
  if (!IsFile(flags.data)) return ReadFolder(flags, true);
  if (flags.data.ends_with(".npz")) {
    absl::StatusOr<DataSet> data =
        ReadFile(flags.data, flags, {.inputs = "x_test", .labels = "y_test"});
    if (!absl::IsNotFound(data.status())) return data;
  }
  return training.Slice(0, 0);
}

// The examples as rows, whatever their shape.
absl::StatusOr<DataSet> AsRows(const absl::StatusOr<DataSet>& data) {
  EVENGRAD_RETURN_IF_ERROR(data.status());
  return data->Reshaped({data->num_features()});
}

}  // namespace

absl::StatusOr<Data> ReadData(const TrainFlags& flags,
                              const TrainOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(
      const DataSet all, AsRows(IsFile(flags.data) ? ReadFile(flags.data, flags)
                                                   : ReadFolder(flags, false)));
  EVENGRAD_ASSIGN_OR_RETURN(const DataSet test, AsRows(ReadTest(flags, all)));
  if (all.num_features() != test.num_features()) {
    return InvalidArgument(flags.data, ": training images have ",
                           all.num_features(), " pixels, test images ",
                           test.num_features());
  }
  absl::StatusOr<DataSplit> split = SplitValidation(all, options.validation);
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

}  // namespace evengrad::tools
