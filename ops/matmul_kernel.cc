#include "evengrad/ops/matmul_kernel.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "evengrad/graph/dtype.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/elementwise_kernel.h"
#include "evengrad/ops/onednn.h"
#include "evengrad/ops/plain_matmul.h"
#include "evengrad/ops/shared_blocks.h"
#include "evengrad/ops/vector_matmul.h"

namespace evengrad {
namespace {

// One part of the kernel: a panel of the output.
struct Panel {
  MatrixProduct product = {};
  Range rows = {};
  Range columns = {};
  // Of the panel's first element, in elements.
  int64_t input_offset = 0;
  int64_t weights_offset = 0;
  int64_t output_offset = 0;
  // Where both are missing the plain loop runs.
  std::optional<VectorMatMul> vector = {};
  bool transposed = false;  // `vector` computes product.Transposed()
  std::unique_ptr<OneDnnMatMul> onednn = {};
  // Elements that the product needs where it is left in scratch memory.
  int64_t scratch_elements = 0;

  size_t product_scratch_bytes() const {
    if (vector.has_value()) return vector->scratch_bytes();
    return onednn == nullptr ? 0 : onednn->scratch_bytes();
  }
};

// Panels narrower than this lose speed: 64, and more for long sides, because
// each panel walks the whole other matrix.
int64_t MinimumPanel(int64_t length) {
  return std::clamp<int64_t>(length / 4, 64, 512);
}

// Ranges of a side of that length. Where there are more than a few, the last
// two are cut again: a core that is slower than another, or shared with
// somebody, then leaves little for the end, where one waits for the other.
std::vector<Range> CutSide(int64_t length, int num_parts) {
  constexpr int64_t kLongSide = 2048;
  // Whole cache lines, and whole tiles of three vectors.
  const int64_t grain = length < kLongSide ? 16 : 48;
  std::vector<Range> ranges;
  ranges.reserve(static_cast<size_t>(num_parts));
  for (int part = 0; part < num_parts; ++part) {
    ranges.push_back(PartRange(length, part, num_parts, grain));
  }
  if (length < kLongSide || num_parts < 4) return ranges;
  const Range tail = {ranges[num_parts - 2].begin, length};
  ranges.resize(static_cast<size_t>(num_parts - 2));
  int64_t begin = tail.begin;
  for (int eighths : {3, 6, 7, 8}) {
    const int64_t end =
        eighths == 8
            ? length
            : tail.begin + (length - tail.begin) * eighths / 8 / grain * grain;
    ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

// Panels of few rows, for products that are too small to be cut otherwise: each
// reads all weights, which costs little where these are few and our own loops
// read both factors as they lie.
std::vector<Range> CutFewRows(const MatrixProduct& whole, DType factors,
                              int64_t work) {
  constexpr int64_t kFewRows = 16;
  constexpr int64_t kWorkOfOnePanel = 8192;  // some 2 µs
  constexpr int64_t kMaxPanels = 4;
  constexpr int64_t kGrain = 4;
  std::vector<Range> uncut = {{0, whole.rows}};
  const int64_t panels =
      std::min({work / kWorkOfOnePanel, whole.rows / kFewRows, kMaxPanels});
  if (panels < 2 || factors != DType::kF32 || !VectorMatMul::Available() ||
      whole.input.column != 1 || whole.weights.column != 1) {
    return uncut;
  }
  MatrixProduct panel = whole;
  panel.rows = whole.rows / panels;
  if (VectorMatMul(panel).weights_blocks() > 0) return uncut;  // copies them
  std::vector<Range> ranges;
  ranges.reserve(static_cast<size_t>(panels));
  for (int part = 0; part < panels; ++part) {
    ranges.push_back(
        PartRange(whole.rows, part, static_cast<int>(panels), kGrain));
  }
  return ranges;
}

std::vector<Panel> CutIntoPanels(const MatrixProduct& whole, DType factors) {
  bool by_rows = whole.rows >= whole.columns;
  const int64_t length = by_rows ? whole.rows : whole.columns;
  const int64_t limit = std::max<int64_t>(1, length / MinimumPanel(length));
  // In the units of NumParts.
  const auto work = static_cast<int64_t>(
      2.0 / 32 * static_cast<double>(whole.rows) *
      static_cast<double>(whole.depth) * static_cast<double>(whole.columns));
  std::vector<Range> ranges = CutSide(length, NumParts(work, limit));
  if (ranges.size() == 1) {
    by_rows = true;
    ranges = CutFewRows(whole, factors, work);
  }
  std::vector<Panel> panels(ranges.size());
  for (size_t part = 0; part < panels.size(); ++part) {
    Panel& panel = panels[part];
    const Range range = ranges[part];
    panel.rows = by_rows ? range : Range{0, whole.rows};
    panel.columns = by_rows ? Range{0, whole.columns} : range;
    panel.product = whole;
    panel.product.rows = panel.rows.end - panel.rows.begin;
    panel.product.columns = panel.columns.end - panel.columns.begin;
    panel.input_offset = panel.rows.begin * whole.input.row;
    panel.weights_offset = panel.columns.begin * whole.weights.column;
    panel.output_offset =
        panel.rows.begin * whole.output.row + panel.columns.begin;
  }
  return panels;
}

// What panels pack in common. Null where they don't, and where copies would not
// repay their memory.
std::unique_ptr<SharedBlocks> SharePacked(
    std::span<const Panel> panels, int64_t Panel::*offset,
    int64_t (VectorMatMul::*num_blocks)() const,
    int64_t (VectorMatMul::*block_elements)() const) {
  constexpr size_t kFewPanels = 2;
  constexpr int64_t kMostElements = int64_t{1} << 20;  // 4 MB
  if (panels.size() <= kFewPanels || panels.back().*offset != 0) return nullptr;
  if (panels.front().transposed) return nullptr;  // then all of them
  int64_t blocks = 0;
  int64_t elements = 0;
  for (const Panel& panel : panels) {
    if (!panel.vector.has_value()) return nullptr;
    if (((*panel.vector).*num_blocks)() == 0) continue;
    blocks = ((*panel.vector).*num_blocks)();
    elements = ((*panel.vector).*block_elements)();
  }
  if (blocks == 0 || blocks * elements > kMostElements) return nullptr;
  return std::make_unique<SharedBlocks>(blocks, elements);
}

// A product of less depth is over too soon: asking for what follows it costs
// more than it saves.
constexpr int64_t kDepthWorthFetching = 128;

constexpr size_t RoundUp(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Factors of type T, an output of type Out.
template <typename T, typename Out = T>
class MatMulKernel : public Kernel {
 public:
  // `epilogue` may be null. Without `keeps_output` the product is left in
  // scratch memory for the epilogue.
  MatMulKernel(const KernelRequest& request, std::vector<Panel> panels,
               std::unique_ptr<PreparedEpilogue> epilogue, bool keeps_output)
      : input_(request.input_buffers[0]),
        weights_(request.input_buffers[1]),
        output_(keeps_output ? request.output_buffers[0] : -1),
        columns_(request.outputs[0].shape[1].size()),
        reads_ahead_(request.reads_ahead),
        panels_(std::move(panels)),
        epilogue_(std::move(epilogue)) {
    shared_input_ =
        SharePacked(panels_, &Panel::input_offset, &VectorMatMul::input_blocks,
                    &VectorMatMul::input_block_elements);
    shared_weights_ = SharePacked(panels_, &Panel::weights_offset,
                                  &VectorMatMul::weights_blocks,
                                  &VectorMatMul::weights_block_elements);
    parts_left_ = num_parts();
    if (reads_ahead_.size() > MatMulAhead::kMax) {
      reads_ahead_.resize(MatMulAhead::kMax);
    }
    for (const Panel& panel : panels_) {
      library_bytes_ =
          std::max(library_bytes_, RoundUp(panel.product_scratch_bytes()));
      if (output_ >= 0) continue;
      product_bytes_ = std::max(
          product_bytes_,
          RoundUp(static_cast<size_t>(panel.scratch_elements) * sizeof(Out)));
    }
  }

  int num_parts() const override { return static_cast<int>(panels_.size()); }
  size_t scratch_bytes() const override {
    return library_bytes_ + product_bytes_ +
           (epilogue_ == nullptr ? 0 : epilogue_->scratch_bytes());
  }
  size_t kept_bytes() const override {
    return (shared_input_ == nullptr ? 0 : shared_input_->bytes()) +
           (shared_weights_ == nullptr ? 0 : shared_weights_->bytes());
  }
  std::string implementation() const override {
    if (panels_[0].vector.has_value()) return VectorMatMul::implementation();
    const OneDnnMatMul* const onednn = panels_[0].onednn.get();
    return onednn == nullptr ? "loop" : onednn->implementation();
  }

  void Run(int part, const KernelContext& context) const override {
    if (epilogue_ != nullptr) epilogue_->Begin(part);
    if (!panels_[part].product.empty()) RunPanel(part, context);
    if (epilogue_ != nullptr) epilogue_->End(context);
    ForgetPacked();
  }

 private:
  // When all panels have run: the next run packs anew.
  void ForgetPacked() const {
    if (shared_input_ == nullptr && shared_weights_ == nullptr) return;
    if (parts_left_.fetch_sub(1) > 1) return;
    parts_left_ = num_parts();
    if (shared_input_ != nullptr) shared_input_->Clear();
    if (shared_weights_ != nullptr) shared_weights_->Clear();
  }

  void RunPanel(int part, const KernelContext& context) const {
    const Panel& panel = panels_[part];
    Out* const output =
        output_ >= 0 ? context.output<Out>(output_) + panel.output_offset
                     : reinterpret_cast<Out*>(context.scratch + library_bytes_);
    if constexpr (std::is_same_v<T, float>) {
      if (panel.vector.has_value()) return RunVector(part, output, context);
    }
    Multiply(panel, context.input<T>(input_) + panel.input_offset,
             context.input<T>(weights_) + panel.weights_offset, output,
             context.scratch);
    if constexpr (std::is_same_v<Out, float>) {
      if (epilogue_ == nullptr) return;
      epilogue_->Run(part, output, panel.product.output.row,
                     {panel.rows.begin, panel.rows.end, panel.columns.begin,
                      panel.columns.end},
                     context.scratch + library_bytes_ + product_bytes_,
                     context);
    }
  }

  // The epilogue runs on each block of the product.
  void RunVector(int part, float* output, const KernelContext& context) const {
    const Panel& panel = panels_[part];
    struct Call {
      const MatMulKernel* kernel;
      int part;
      const float* output;
      const KernelContext* context;
    } call = {this, part, output, &context};
    MatMulCall product = {
        .input = context.input<float>(input_) + panel.input_offset,
        .weights = context.input<float>(weights_) + panel.weights_offset,
        .output = output,
        .scratch = context.scratch,
        .shared_input =
            panel.vector->input_blocks() > 0 ? shared_input_.get() : nullptr,
        .shared_weights = panel.vector->weights_blocks() > 0
                              ? shared_weights_.get()
                              : nullptr};
    if (epilogue_ != nullptr) {
      product.done.argument = &call;
      product.done.function = [](void* argument, const MatrixBlock& block) {
        const Call& c = *static_cast<const Call*>(argument);
        c.kernel->FinishBlock(c.part, c.output, block, *c.context);
      };
      const std::span<const int> companions = epilogue_->companions();
      MatMulCompanions& fetched = product.companions;
      fetched.row = columns_;
      if (panel.product.depth >= kDepthWorthFetching) {
        fetched.count = std::min(static_cast<int>(companions.size()),
                                 MatMulCompanions::kMax);
      }
      const int64_t first = panel.rows.begin * columns_ + panel.columns.begin;
      for (int i = 0; i < fetched.count; ++i) {
        fetched.data[i] = context.input<float>(companions[i]) + first;
      }
    }
    if (panel.transposed) std::swap(product.input, product.weights);
    MatMulAhead& ahead = product.ahead;
    for (const AheadRead& read : reads_ahead_) {
      const Range share = PartRange(
          read.bytes / static_cast<int64_t>(sizeof(float)), part, num_parts());
      ahead.data[ahead.count] = context.input<float>(read.buffer) + share.begin;
      ahead.elements[ahead.count++] = share.end - share.begin;
    }
    panel.vector->Run(product);
  }

  void FinishBlock(int part, const float* output, MatrixBlock block,
                   const KernelContext& context) const {
    const Panel& panel = panels_[part];
    if (panel.transposed) {
      std::swap(block.row_begin, block.column_begin);
      std::swap(block.row_end, block.column_end);
    }
    int64_t stride = panel.vector->block_row();
    if (!panel.vector->transient()) {
      stride = panel.product.output.row;
      output += block.row_begin * stride + block.column_begin;
    }
    epilogue_->Run(
        part, output, stride,
        {panel.rows.begin + block.row_begin, panel.rows.begin + block.row_end,
         panel.columns.begin + block.column_begin,
         panel.columns.begin + block.column_end},
        context.scratch + library_bytes_ + product_bytes_, context);
  }

  static void Multiply(const Panel& panel, const T* input, const T* weights,
                       Out* output, std::byte* scratch) {
    if constexpr (std::is_same_v<Out, float>) {
      if (panel.onednn != nullptr &&
          panel.onednn->Run(input, weights, output, scratch)) {
        return;
      }
    }
    MultiplyPlain(panel.product, input, weights, output);
  }

  int input_;
  int weights_;
  int output_;  // -1: in scratch memory
  int64_t columns_;
  std::vector<AheadRead> reads_ahead_;
  std::vector<Panel> panels_;
  std::unique_ptr<PreparedEpilogue> epilogue_;
  // What panels pack in common: of two of them one at most.
  std::unique_ptr<SharedBlocks> shared_input_;
  std::unique_ptr<SharedBlocks> shared_weights_;
  mutable std::atomic<int> parts_left_{0};  // of a run
  size_t library_bytes_ = 0;  // of scratch memory; the product follows
  size_t product_bytes_ = 0;
};

// Transposed weights are copied before they are read by rows. Where the input
// has few rows, copying these for each panel, and the output, takes less.
bool IsBetterTransposed(const MatrixProduct& whole, int64_t num_panels) {
  constexpr int64_t kFewRows = 64;
  return VectorMatMul::IsShallow(whole) && whole.rows <= kFewRows &&
         whole.input.column == 1 && whole.weights.row == 1 &&
         whole.rows * (whole.depth * num_panels + whole.columns) <
             whole.depth * whole.columns;
}

// Gives the panel the best implementation of its product, of factors in f32 or
// bf16; none where the plain loop is all there is.
void ChooseImplementation(Panel& panel, DType factors, bool keeps_output,
                          bool transposed) {
  const MatrixProduct& product = panel.product;
  if (product.empty() || product.depth == 0) return;
  if (factors == DType::kF32 && VectorMatMul::Available()) {
    const bool transient = !keeps_output && VectorMatMul::IsShallow(product);
    panel.transposed = transposed;
    panel.vector.emplace(transposed ? product.Transposed() : product,
                         transient);
    if (transient) panel.scratch_elements = panel.vector->block_elements();
    return;
  }
  absl::StatusOr<std::unique_ptr<OneDnnMatMul>> onednn =
      OneDnnMatMul::Create(product, factors);
  if (onednn.ok()) panel.onednn = std::move(*onednn);
}

// For an output in f32.
absl::StatusOr<std::unique_ptr<Kernel>> MakeFloatKernel(
    const KernelRequest& request, std::vector<Panel> panels,
    const MatrixProduct& whole) {
  const DType factors = request.inputs[0].dtype;
  const bool keeps_output =
      request.epilogue == nullptr || request.epilogue->keeps_output;
  const bool transposed =
      IsBetterTransposed(whole, static_cast<int64_t>(panels.size()));
  for (Panel& panel : panels) {
    if (!keeps_output) panel.product.output.row = panel.product.columns;
    panel.scratch_elements = panel.product.rows * panel.product.columns;
    ChooseImplementation(panel, factors, keeps_output, transposed);
  }
  std::unique_ptr<PreparedEpilogue> epilogue;
  if (request.epilogue != nullptr) {
    EVENGRAD_ASSIGN_OR_RETURN(
        epilogue, PrepareEpilogue(*request.epilogue, whole.rows, whole.columns,
                                  static_cast<int>(panels.size())));
  }
  if (factors == DType::kBF16) {
    return std::make_unique<MatMulKernel<BFloat16, float>>(
        request, std::move(panels), std::move(epilogue), keeps_output);
  }
  return std::make_unique<MatMulKernel<float>>(
      request, std::move(panels), std::move(epilogue), keeps_output);
}

}  // namespace

absl::StatusOr<MatrixProduct> WholeProduct(const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> input,
                            request.inputs[0].shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> weights,
                            request.inputs[1].shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<int64_t> output,
                            request.outputs[0].shape.Sizes());
  for (std::vector<int64_t>* sizes : {&input, &weights, &output}) {
    sizes->erase(sizes->begin(), sizes->end() - 2);
  }
  const bool transpose_input = request.attribute<bool>("transpose_input");
  const bool transpose_weights = request.attribute<bool>("transpose_weights");
  auto strides = [](const std::vector<int64_t>& sizes, bool transposed) {
    return transposed ? MatrixStrides{1, sizes[1]} : MatrixStrides{sizes[1], 1};
  };
  return MatrixProduct{.rows = output[0],
                       .depth = input[transpose_input ? 0 : 1],
                       .columns = output[1],
                       .input = strides(input, transpose_input),
                       .weights = strides(weights, transpose_weights),
                       .output = {output[1], 1}};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeMatMulKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const MatrixProduct whole, WholeProduct(request));
  std::vector<Panel> panels = CutIntoPanels(whole, request.inputs[0].dtype);
  const DType dtype = request.outputs[0].dtype;
  if (dtype == DType::kF32) {
    return MakeFloatKernel(request, std::move(panels), whole);
  }
  if (request.epilogue != nullptr) {
    return InvalidArgument(
        "matmul takes a trailing program in f32 only, found ",
        request.outputs[0].ToString());
  }
  if (dtype == DType::kF64) {
    return std::make_unique<MatMulKernel<double>>(request, std::move(panels),
                                                  nullptr, true);
  }
  if (dtype == DType::kBF16) {
    return std::make_unique<MatMulKernel<BFloat16>>(request, std::move(panels),
                                                    nullptr, true);
  }
  return InvalidArgument("matmul has no kernel for ",
                         request.outputs[0].ToString());
}

}  // namespace evengrad
