// The adapter to oneDNN, the only file pair that knows it: single-threaded
// matrix products of f32 or bf16 factors, with f32 outputs. Compiles against
// oneDNN 2.6 and 3.x.
//
// Threads. The runtime's workers are the only threads; a primitive must run on
// the worker that calls it. oneDNN fixes a primitive's decomposition when it is
// created and runs it with OpenMP threads (in most builds), so both creation
// and execution happen while the calling thread's OpenMP thread count is 1. The
// count belongs to the calling thread alone and is put back afterwards.
//
// Scratchpads are the caller's (user mode): oneDNN's own ones are kept for each
// primitive, and sharing them between threads is unsafe.
#ifndef EVENGRAD_OPS_ONEDNN_H_
#define EVENGRAD_OPS_ONEDNN_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "evengrad/graph/dtype.h"
#include "evengrad/graph/export.h"
#include "evengrad/ops/matrix_product.h"

namespace evengrad {

// A prepared product. One object runs on one thread at a time.
class EVENGRAD_EXPORT OneDnnMatMul {
 public:
  // The product of factors of that type, f32 or bf16; sizes are positive.
  // Error: oneDNN has no implementation but its plain reference, or failed;
  // bf16 that the CPU does not have (HasBFloat16Products).
  static absl::StatusOr<std::unique_ptr<OneDnnMatMul>> Create(
      const MatrixProduct& product, DType factors);
  ~OneDnnMatMul();
  OneDnnMatMul(const OneDnnMatMul&) = delete;
  OneDnnMatMul& operator=(const OneDnnMatMul&) = delete;

  // Bytes of 64-byte aligned scratch memory that Run needs.
  size_t scratch_bytes() const;
  // "onednn:brg:avx512_core".
  const std::string& implementation() const;
  // False where oneDNN reports a failure; the output is undefined then.
  [[nodiscard]] bool Run(const void* input, const void* weights, float* output,
                         std::byte* scratch);

 private:
  struct Body;
  explicit OneDnnMatMul(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_ONEDNN_H_
