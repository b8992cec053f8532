#include "evengrad/ops/copy_kernel.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {
namespace {

// A longer row is cut, so that one long row can be shared among parts.
constexpr int64_t kLongRow = 4096;

// Row-major strides.
std::vector<int64_t> StridesOf(std::span<const int64_t> sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * sizes[i];
  }
  return strides;
}

// ---- Boxes as kernels want them ---------------------------------------------

// Axes of size 1 dropped and those that run on into each other merged; at least
// one is left.
void MergeAxes(CopyBox& box) {
  std::vector<CopyAxis> merged;
  for (const CopyAxis& axis : box.axes) {
    if (axis.size == 1) continue;
    if (!merged.empty() &&
        merged.back().from_stride == axis.size * axis.from_stride &&
        merged.back().to_stride == axis.size * axis.to_stride) {
      merged.back().size *= axis.size;
      merged.back().from_stride = axis.from_stride;
      merged.back().to_stride = axis.to_stride;
    } else {
      merged.push_back(axis);
    }
  }
  if (merged.empty()) merged.push_back({});
  box.axes = std::move(merged);
}

// Appends the box, in two where its rows are long, or nothing where it is
// empty.
void AppendPrepared(CopyBox box, std::vector<CopyBox>& boxes) {
  for (const CopyAxis& axis : box.axes) {
    if (axis.size == 0) return;
  }
  MergeAxes(box);
  const CopyAxis row = box.axes.back();
  const int64_t pieces = row.size / kLongRow;
  if (pieces >= 2) {
    CopyBox rest = box;
    rest.from += pieces * kLongRow * row.from_stride;
    rest.to += pieces * kLongRow * row.to_stride;
    rest.axes.back().size = row.size % kLongRow;
    if (rest.axes.back().size > 0) boxes.push_back(std::move(rest));
    box.axes.back() = {pieces, kLongRow * row.from_stride,
                       kLongRow * row.to_stride};
    box.axes.push_back({kLongRow, row.from_stride, row.to_stride});
  }
  boxes.push_back(std::move(box));
}

int64_t RowsOf(const CopyBox& box) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < box.axes.size(); ++i) rows *= box.axes[i].size;
  return rows;
}

// ---- The kernel -------------------------------------------------------------

// T is any type of the element's size. Rows of all boxes are counted through;
// a part owns a range of them.
template <typename T>
class CopyKernel : public Kernel {
 public:
  CopyKernel(std::vector<CopyBox> boxes, T fill, const KernelRequest& request)
      : boxes_(std::move(boxes)),
        fill_(fill),
        inputs_(request.input_buffers),
        output_(request.output_buffers[0]) {
    int64_t elements = 0;
    for (const CopyBox& box : boxes_) {
      first_rows_.push_back(rows_);
      rows_ += RowsOf(box);
      elements += RowsOf(box) * box.axes.back().size;
    }
    num_parts_ = NumParts(elements, std::max<int64_t>(rows_, 1));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const Range range = PartRange(rows_, part, num_parts_);
    for (size_t i = 0; i < boxes_.size(); ++i) {
      const int64_t rows = RowsOf(boxes_[i]);
      const int64_t begin = std::max<int64_t>(range.begin - first_rows_[i], 0);
      const int64_t end = std::min(range.end - first_rows_[i], rows);
      if (begin < end) RunRows(boxes_[i], begin, end, context);
    }
  }

 private:
  void RunRows(const CopyBox& box, int64_t begin, int64_t end,
               const KernelContext& context) const {
    const bool fill = box.input == CopyBox::kFill;
    const T* const from =
        fill ? nullptr : context.input<T>(inputs_[box.input]) + box.from;
    T* const to = context.output<T>(output_) + box.to;
    const CopyAxis& row = box.axes.back();
    for (int64_t r = begin; r < end; ++r) {
      int64_t from_offset = 0;
      int64_t to_offset = 0;
      int64_t left = r;
      for (size_t k = box.axes.size() - 1; k-- > 0;) {
        const CopyAxis& axis = box.axes[k];
        const int64_t index = k == 0 ? left : left % axis.size;
        left /= axis.size;
        from_offset += index * axis.from_stride;
        to_offset += index * axis.to_stride;
      }
      if (fill) {
        FillRow(to + to_offset, row);
      } else {
        CopyRow(from + from_offset, to + to_offset, row);
      }
    }
  }

  void FillRow(T* to, const CopyAxis& row) const {
    for (int64_t i = 0; i < row.size; ++i) to[i * row.to_stride] = fill_;
  }

  static void CopyRow(const T* from, T* to, const CopyAxis& row) {
    if (row.from_stride == 1 && row.to_stride == 1) {
      std::memcpy(to, from, static_cast<size_t>(row.size) * sizeof(T));
      return;
    }
    for (int64_t i = 0; i < row.size; ++i) {
      to[i * row.to_stride] = from[i * row.from_stride];
    }
  }

  std::vector<CopyBox> boxes_;
  std::vector<int64_t> first_rows_;  // of each box, among all rows
  T fill_;
  std::vector<int> inputs_;
  int output_;
  int64_t rows_ = 0;
  int num_parts_ = 1;
};

template <typename T>
std::unique_ptr<Kernel> MakeTyped(std::vector<CopyBox> boxes, double fill,
                                  const KernelRequest& request) {
  T bits;
  StoreFromDouble(request.outputs[0].dtype, &bits, 0, fill);
  return std::make_unique<CopyKernel<T>>(std::move(boxes), bits, request);
}

}  // namespace

// ---- Plans ------------------------------------------------------------------

CopyPlan PlanReading(std::span<const AxisPlaces> axes) {
  std::vector<int64_t> from_sizes;
  std::vector<int64_t> to_sizes;
  for (const AxisPlaces& axis : axes) {
    from_sizes.push_back(axis.size);
    to_sizes.push_back(axis.count);
  }
  const std::vector<int64_t> from = StridesOf(from_sizes);
  const std::vector<int64_t> to = StridesOf(to_sizes);
  CopyBox box;
  for (size_t i = 0; i < axes.size(); ++i) {
    box.from += axes[i].first * from[i];
    box.axes.push_back({axes[i].count, axes[i].step * from[i], to[i]});
  }
  return {.boxes = {std::move(box)}};
}

CopyPlan PlanPlacing(std::span<const AxisPlaces> axes, double fill) {
  std::vector<int64_t> sizes;
  for (const AxisPlaces& axis : axes) sizes.push_back(axis.size);
  const std::vector<int64_t> strides = StridesOf(sizes);
  // Reading the input from the output is the inverse of what is wanted.
  CopyPlan plan = PlanReading(axes);
  plan.fill = fill;
  CopyBox& placed = plan.boxes[0];
  std::swap(placed.from, placed.to);
  for (CopyAxis& axis : placed.axes) {
    std::swap(axis.from_stride, axis.to_stride);
  }
  // Around axis i: where the earlier axes have places, all of the later ones.
  CopyBox around = {.input = CopyBox::kFill};
  for (size_t i = 0; i < axes.size(); ++i) {
    around.axes.push_back({axes[i].size, 0, strides[i]});
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto [size, first, step, count] = axes[i];
    const int64_t distance = std::abs(step);
    const int64_t lowest =
        count == 0 ? size : std::min(first, first + (count - 1) * step);
    const int64_t gaps = std::max<int64_t>(count - 1, 0);
    const int64_t end = lowest + gaps * distance + 1;
    auto add = [&](int64_t begin, std::vector<CopyAxis> loops) {
      CopyBox box = around;
      box.to += begin * strides[i];
      box.axes.erase(box.axes.begin() + static_cast<int64_t>(i));
      box.axes.insert(box.axes.begin() + static_cast<int64_t>(i), loops.begin(),
                      loops.end());
      plan.boxes.push_back(std::move(box));
    };
    add(0, {{lowest, 0, strides[i]}});
    if (end < size) add(end, {{size - end, 0, strides[i]}});
    if (distance > 1 && gaps > 0) {
      add(lowest + 1,
          {{gaps, 0, distance * strides[i]}, {distance - 1, 0, strides[i]}});
    }
    around.to += lowest * strides[i];
    around.axes[i] = {count, 0, distance * strides[i]};
  }
  return plan;
}

CopyPlan PlanJoining(std::span<const std::vector<int64_t>> inputs, int axis) {
  int64_t outer = 1;
  for (int i = 0; i < axis; ++i) outer *= inputs[0][i];
  std::vector<int64_t> rows;  // elements of each input in a row of the output
  int64_t total = 0;
  for (const std::vector<int64_t>& sizes : inputs) {
    int64_t row = 1;
    for (size_t i = static_cast<size_t>(axis); i < sizes.size(); ++i) {
      row *= sizes[i];
    }
    rows.push_back(row);
    total += row;
  }
  CopyPlan plan;
  int64_t begin = 0;
  for (size_t k = 0; k < rows.size(); ++k) {
    plan.boxes.push_back({.input = static_cast<int>(k),
                          .to = begin,
                          .axes = {{outer, rows[k], total}, {rows[k], 1, 1}}});
    begin += rows[k];
  }
  return plan;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeCopyKernel(
    const CopyPlan& plan, const KernelRequest& request) {
  std::vector<CopyBox> boxes;
  for (const CopyBox& box : plan.boxes) AppendPrepared(box, boxes);
  switch (SizeOf(request.outputs[0].dtype)) {
    case 1:
      return MakeTyped<uint8_t>(std::move(boxes), plan.fill, request);
    case 2:
      return MakeTyped<uint16_t>(std::move(boxes), plan.fill, request);
    case 4:
      return MakeTyped<uint32_t>(std::move(boxes), plan.fill, request);
    default:
      return MakeTyped<uint64_t>(std::move(boxes), plan.fill, request);
  }
}

}  // namespace evengrad
