// NPY and NPZ, NumPy's files: one array with a header, and a ZIP archive of
// such files. https://numpy.org/doc/stable/reference/generated/numpy.lib.format
#ifndef EVENGRAD_FORMATS_NPY_H_
#define EVENGRAD_FORMATS_NPY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/formats/named_tensor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

struct NpyOptions {
  // Arrays that take more than this, together, are refused.
  int64_t max_bytes = int64_t{1} << 30;
};

// The array of an NPY file. Element types: float32, float64, int32, int64,
// uint8 and bool in either byte order; arrays in Fortran's order come out in
// C's.
//
// The header is checked against the file's size before anything is allocated.
// Errors name the file: it cannot be read, is no NPY file, has another element
// type (objects among them: nothing in a file is ever run), is truncated or
// holds more than its header announces.
EVENGRAD_EXPORT absl::StatusOr<Tensor> ReadNpy(const std::string& path,
                                               const NpyOptions& options = {});

// All arrays of an NPZ file (numpy.savez or savez_compressed) under their
// names, "x" of "x.npy". No more is inflated than an array's header announces,
// and checksums are checked. Errors name the file and the array.
EVENGRAD_EXPORT absl::StatusOr<std::vector<NamedTensor>> ReadNpz(
    const std::string& path, const NpyOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_NPY_H_
