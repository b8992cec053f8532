// IDX, the file format of MNIST and its kin: a big-endian header (two zero
// bytes, element type, rank, sizes) and the elements in row-major order.
// http://yann.lecun.com/exdb/mnist/
#ifndef EVENGRAD_FORMATS_IDX_H_
#define EVENGRAD_FORMATS_IDX_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

struct IdxOptions {
  // A file that announces more elements than fit into this is refused.
  int64_t max_bytes = int64_t{1} << 30;
};

// The tensor in the file at `path`, which may be compressed with gzip. Element
// types: u8 (0x08), i32 (0x0C), f32 (0x0D), f64 (0x0E).
//
// The header is checked against the file's size before anything is allocated,
// and no more is inflated than it announces. Errors name the file: it cannot be
// read, is no IDX file, has an unknown element type, is truncated or damaged,
// or holds more than its header announces.
EVENGRAD_EXPORT absl::StatusOr<Tensor> ReadIdx(const std::string& path,
                                               const IdxOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_IDX_H_
