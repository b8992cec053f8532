// The data of `evengrad train`.
#ifndef EVENGRAD_TOOLS_TRAIN_DATA_H_
#define EVENGRAD_TOOLS_TRAIN_DATA_H_

#include <string>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

struct Data {
  DataSet training;
  DataSet validation;  // may be empty
  DataSet test;        // may be empty
};

// Reads --data, splits off --validation and scales all parts by what --scale
// says about the training part. --data is
//   a folder of train-images-idx3-ubyte, train-labels-idx1-ubyte and the same
//     with t10k, each as it is or gzipped (.gz);
//   a folder of train-images.npy, train-labels.npy, test-images.npy and
//     test-labels.npy;
//   an .npz file with the arrays x and y, images and labels, or x_train and
//     y_train (and for the test x_test and y_test);
//   a .csv file with a column "label", or with the labels in the first column.
// --test, an .npz or .csv file, takes the place of the test part.
absl::StatusOr<Data> ReadData(const TrainFlags& flags,
                              const TrainOptions& options);

// What is in the files of the training part, in a word; see ContentOf.
absl::StatusOr<std::string> DataContent(const TrainFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_DATA_H_
