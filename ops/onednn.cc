#include "evengrad/ops/onednn.h"

#include <dlfcn.h>

#include <exception>
#include <string_view>
#include <utility>

#include "dnnl.hpp"
#include "evengrad/graph/status.h"
#include "evengrad/ops/precision.h"

namespace evengrad {
namespace {

// The thread count of the OpenMP runtime that oneDNN is linked with.
struct OpenMp {
  int (*max_threads)() = nullptr;  // both null: oneDNN does not use OpenMP
  void (*set_threads)(int) = nullptr;
};

// Looks the two functions up from oneDNN's own library, so that they are those
// it calls, whichever OpenMP runtime that is. (Linking one by name could bring
// in a second.)
OpenMp FindOpenMp() {
  OpenMp result;
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
  Dl_info info = {};
  void* library = nullptr;
  if (dladdr(reinterpret_cast<void*>(&dnnl_primitive_execute), &info) != 0) {
    library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  }
  void* const scope = library == nullptr ? RTLD_DEFAULT : library;
  void* const get = dlsym(scope, "omp_get_max_threads");
  void* const set = dlsym(scope, "omp_set_num_threads");
  if (get != nullptr && set != nullptr) {
    result.max_threads = reinterpret_cast<int (*)()>(get);
    result.set_threads = reinterpret_cast<void (*)(int)>(set);
  }
#endif
  return result;
}

// While it lives, oneDNN calls of this thread stay on this thread.
class OnThisThread {
 public:
  OnThisThread() {
    if (openmp().max_threads == nullptr) return;
    previous_ = openmp().max_threads();
    if (previous_ != 1) openmp().set_threads(1);
  }
  ~OnThisThread() {
    if (previous_ > 1) openmp().set_threads(previous_);
  }
  OnThisThread(const OnThisThread&) = delete;
  OnThisThread& operator=(const OnThisThread&) = delete;

 private:
  static const OpenMp& openmp() {
    static const OpenMp found = FindOpenMp();
    return found;
  }
  int previous_ = 1;
};

const dnnl::engine& Cpu() {
  static const auto* const engine =
      new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

using DataType = dnnl::memory::data_type;

dnnl::memory::desc Describe(int64_t rows, int64_t columns,
                            const MatrixStrides& strides, DataType type) {
  return dnnl::memory::desc({rows, columns}, type,
                            dnnl::memory::dims{strides.row, strides.column});
}

dnnl::matmul::primitive_desc DescribeProduct(const dnnl::memory::desc& input,
                                             const dnnl::memory::desc& weights,
                                             const dnnl::memory::desc& output) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul::primitive_desc(Cpu(), input, weights, output,
                                      attributes);
#else
  return dnnl::matmul::primitive_desc(
      dnnl::matmul::desc(input, weights, output), attributes, Cpu());
#endif
}

}  // namespace

bool HasBFloat16Products() {
  // Later instruction sets have the bits of those before.
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (has & wanted) == wanted;
}

struct OneDnnMatMul::Body {
  dnnl::stream stream;
  dnnl::matmul primitive;
  dnnl::memory input;
  dnnl::memory weights;
  dnnl::memory output;
  dnnl::memory scratch;
  dnnl_exec_arg_t arguments[4] = {};
  size_t scratch_bytes = 0;
  std::string implementation = {};
};

OneDnnMatMul::OneDnnMatMul(std::unique_ptr<Body> body)
    : body_(std::move(body)) {}
OneDnnMatMul::~OneDnnMatMul() = default;

absl::StatusOr<std::unique_ptr<OneDnnMatMul>> OneDnnMatMul::Create(
    const MatrixProduct& product, DType factors) try {
  if (factors == DType::kBF16 && !HasBFloat16Products()) {
    return absl::UnimplementedError("the CPU has no products in bf16");
  }
  const OnThisThread guard;
  const DataType type =
      factors == DType::kBF16 ? DataType::bf16 : DataType::f32;
  const auto input = Describe(product.rows, product.depth, product.input, type);
  const auto weights =
      Describe(product.depth, product.columns, product.weights, type);
  const auto output =
      Describe(product.rows, product.columns, product.output, DataType::f32);
  const auto description = DescribeProduct(input, weights, output);
  const std::string name = description.impl_info_str();
  if (name.starts_with("ref")) {
    return absl::UnimplementedError("oneDNN has only a reference for a matmul");
  }
  // No memory of its own: Run sets the four addresses.
  auto unbound = [](const dnnl::memory::desc& type) {
    return dnnl::memory(type, Cpu(), nullptr);
  };
  auto body = std::make_unique<Body>();
  body->stream = dnnl::stream(Cpu());
  body->primitive = dnnl::matmul(description);
  body->input = unbound(input);
  body->weights = unbound(weights);
  body->output = unbound(output);
  body->scratch = unbound(description.scratchpad_desc());
  body->arguments[0] = {DNNL_ARG_SRC, body->input.get()};
  body->arguments[1] = {DNNL_ARG_WEIGHTS, body->weights.get()};
  body->arguments[2] = {DNNL_ARG_DST, body->output.get()};
  body->arguments[3] = {DNNL_ARG_SCRATCHPAD, body->scratch.get()};
  body->scratch_bytes = description.scratchpad_desc().get_size();
  body->implementation = StrCat("onednn:", name);
  return std::unique_ptr<OneDnnMatMul>(new OneDnnMatMul(std::move(body)));
} catch (const std::exception& error) {  // dnnl::error, std::bad_alloc
  return absl::UnimplementedError(
      StrCat("oneDNN cannot prepare a matmul: ", error.what()));
}

size_t OneDnnMatMul::scratch_bytes() const { return body_->scratch_bytes; }

const std::string& OneDnnMatMul::implementation() const {
  return body_->implementation;
}

bool OneDnnMatMul::Run(const void* input, const void* weights, float* output,
                       std::byte* scratch) {
  const OnThisThread guard;
  auto bind = [](dnnl::memory& memory, const void* data) {
    return dnnl_memory_set_data_handle(memory.get(), const_cast<void*>(data)) ==
           dnnl_success;
  };
  return bind(body_->input, input) && bind(body_->weights, weights) &&
         bind(body_->output, output) && bind(body_->scratch, scratch) &&
         dnnl_primitive_execute(body_->primitive.get(), body_->stream.get(), 4,
                                body_->arguments) == dnnl_success;
}

}  // namespace evengrad
