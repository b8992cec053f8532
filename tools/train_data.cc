#include "train_data.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "file_content.h"

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

bool IsFile(std::string_view path) {
  return path.ends_with(".npz") || path.ends_with(".csv");
}

// The files of one part of a folder.
struct FolderPart {
  std::string images;
  std::string labels;
  bool is_npy = false;
};
FolderPart FilesOf(const std::string& folder, bool test) {
  if (Exists(folder + "/train-images.npy")) {
    const std::string part = StrCat(folder, test ? "/test-" : "/train-");
    return {part + "images.npy", part + "labels.npy", true};
  }
  const std::string_view part = test ? "t10k" : "train";
  return {FindFile(folder, StrCat(part, "-images-idx3-ubyte")),
          FindFile(folder, StrCat(part, "-labels-idx1-ubyte"))};
}

// The error of a folder's file, and where data comes from where there is none.
absl::Status WithHint(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      StrCat(Message(status),
             "; install the package dataset-fashion-mnist, or name the data "
             "with --data: a folder, an .npz or a .csv file"));
}

// The part "train" or "test" of a folder.
absl::StatusOr<DataSet> ReadFolder(const TrainFlags& flags, bool test) {
  const DataSetOptions options = {.classes = flags.classes};
  const FolderPart part = FilesOf(flags.data, test);
  if (part.is_npy) return DataSet::ReadNpy(part.images, part.labels, options);
  absl::StatusOr<DataSet> data =
      DataSet::ReadIdx(part.images, part.labels, options);
  return data.ok() ? data : WithHint(data.status());
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

absl::StatusOr<std::string> DataContent(const TrainFlags& flags) {
  if (IsFile(flags.data)) return ContentOf({&flags.data, 1});
  const FolderPart part = FilesOf(flags.data, false);
  const std::string paths[] = {part.images, part.labels};
  absl::StatusOr<std::string> content = ContentOf(paths);
  return content.ok() || part.is_npy ? content : WithHint(content.status());
}

absl::StatusOr<Data> ReadData(const TrainFlags& flags,
                              const TrainOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(
      const DataSet all, AsRows(IsFile(flags.data) ? ReadFile(flags.data, flags)
                                                   : ReadFolder(flags, false)));
  if (all.size() == 0) {
    return InvalidArgument("--data=", flags.data,
                           ": there are no images to train on");
  }
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
