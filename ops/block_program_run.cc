#include <algorithm>
#include <cstring>

#include "evengrad/graph/dtype.h"
#include "evengrad/ops/block_program.h"

namespace evengrad {

void BlockProgram::Begin(const void* const* inputs, std::byte* scratch) const {
  auto slot = [&](int register_index) {
    return scratch + registers_[register_index].index * kSlot;
  };
  for (size_t i = 0; i < immediates_.size(); ++i) {
    std::memcpy(scratch + i * kSlot, &immediates_[i], kSlot);
  }
  for (size_t i = 0; i < scalar_inputs_.size(); ++i) {
    scalar_loads_[i](inputs[scalar_inputs_[i]], nullptr, nullptr,
                     scratch + scalar_slots_[i] * kSlot, 1);
  }
  for (const Step& step : scalar_steps_) {
    const void* arguments[3] = {};
    for (int i = 0; i < 3; ++i) {
      if (step.inputs[i] >= 0) arguments[i] = slot(step.inputs[i]);
    }
    step.function(arguments[0], arguments[1], arguments[2], slot(step.result),
                  1);
  }
  if (has_sums_) {
    std::memset(scratch + sums_offset_, 0, scratch_bytes_ - sums_offset_);
  }
}

int64_t BlockProgram::BlockEnd(int64_t begin, int64_t end) const {
  end = std::min(end, begin + block_);
  if (row_ > 0) end = std::min(end, (begin / row_ + 1) * row_);
  return end;
}

void BlockProgram::LoadBlock(const Load& load, int64_t begin, int64_t n,
                             const void* const* inputs,
                             std::byte* scratch) const {
  const Broadcast& broadcast = load.broadcast;
  const size_t size = SizeOf(load.dtype);
  const auto* source = static_cast<const std::byte*>(inputs[load.input]);
  std::byte* target = scratch + buffers_offset_ +
                      registers_[load.register_index].index * kBufferBytes;
  auto convert = [&](int64_t from, int64_t to, int64_t count) {
    load.convert(source + from * size, nullptr, nullptr, target + to * element_,
                 static_cast<size_t>(count));
  };
  switch (broadcast.kind) {
    case Broadcast::Kind::kFull:
      return convert(begin, 0, n);
    case Broadcast::Kind::kRow:
      for (int64_t done = 0; done < n;) {
        const int64_t from = (begin + done) % broadcast.period;
        const int64_t run = std::min(n - done, broadcast.period - from);
        convert(from, done, run);
        done += run;
      }
      return;
    case Broadcast::Kind::kColumn: {
      for (int64_t done = 0; done < n;) {
        const int64_t position = begin + done;
        const int64_t run =
            std::min(n - done, broadcast.repeat - position % broadcast.repeat);
        alignas(8) std::byte element[kSlot];
        load.convert(source + position / broadcast.repeat * size, nullptr,
                     nullptr, element, 1);
        fill_(element, nullptr, nullptr, target + done * element_,
              static_cast<size_t>(run));
        done += run;
      }
      return;
    }
    case Broadcast::Kind::kScalar:
    case Broadcast::Kind::kGeneral:
      for (int64_t i = 0; i < n; ++i) {
        convert(broadcast.At(begin + i), i, 1);
      }
      return;
  }
}

void BlockProgram::AddToSum(const Output& output, int64_t offset,
                            const void* values, int64_t begin, int64_t n,
                            std::byte* scratch) const {
  const SumFunctions& sums = sum_functions_;
  std::byte* totals = scratch + sums_offset_ + offset;
  const auto* from = static_cast<const std::byte*>(values);
  const Broadcast& place = output.place;
  if (place.kind == Broadcast::Kind::kScalar) {
    return sums.sum(values, static_cast<size_t>(n), totals);
  }
  if (place.kind == Broadcast::Kind::kFull) {
    return sums.accumulate(values, static_cast<size_t>(n),
                           totals + begin * kSlot);
  }
  if (place.kind == Broadcast::Kind::kColumn) {
    for (int64_t done = 0; done < n;) {
      const int64_t position = begin + done;
      const int64_t run =
          std::min(n - done, place.repeat - position % place.repeat);
      sums.sum(from + done * element_, static_cast<size_t>(run),
               totals + position / place.repeat * kSlot);
      done += run;
    }
    return;
  }
  const bool whole_rows = place.kind == Broadcast::Kind::kRow &&
                          begin % place.period == 0 && n % place.period == 0 &&
                          n > place.period;
  if (whole_rows) {
    std::byte* partial = scratch + partial_offset_;
    const auto columns = static_cast<size_t>(place.period);
    std::memset(partial, 0, columns * element_);
    sums.sum_rows(values, static_cast<size_t>(n) / columns, columns, partial);
    return sums.accumulate(partial, columns, totals);
  }
  // Part of a row, or elements by coordinates.
  for (int64_t done = 0; done < n;) {
    const int64_t at = place.At(begin + done);
    int64_t run = 1;
    if (place.kind == Broadcast::Kind::kRow) {
      run = std::min(n - done, place.period - at);
    }
    sums.accumulate(from + done * element_, static_cast<size_t>(run),
                    totals + at * kSlot);
    done += run;
  }
}

void BlockProgram::Run(int64_t begin, int64_t end, const void* const* inputs,
                       void* const* outputs, std::byte* scratch, int part,
                       const LoopTotals& totals) const {
  auto** pointers = reinterpret_cast<std::byte**>(scratch + pointers_offset_);
  for (size_t r = 0; r < registers_.size(); ++r) {
    const Register& place = registers_[r];
    pointers[r] = place.place == Place::kScalar
                      ? scratch + place.index * kSlot
                      : scratch + buffers_offset_ + place.index * kBufferBytes;
  }
  std::byte* spare = scratch + buffers_offset_ + num_buffers_ * kBufferBytes;
  std::byte* second_spare = spare + kBufferBytes;
  for (int64_t at = begin; at < end;) {
    const int64_t n = BlockEnd(at, end) - at;
    const auto count = static_cast<size_t>(n);
    const int64_t offset = at * static_cast<int64_t>(element_);
    for (const Load& load : loads_) {
      if (!load.once || at == begin) LoadBlock(load, at, n, inputs, scratch);
    }
    for (int r : in_place_inputs_) {
      pointers[r] = const_cast<std::byte*>(
          static_cast<const std::byte*>(inputs[r]) + offset);
    }
    for (int o : early_outputs_) {
      const Output& output = outputs_[o];
      std::byte* const copy = output.overwritten < 0
                                  ? nullptr
                                  : CopyOf(overwritten_[output.overwritten],
                                           inputs, outputs, scratch);
      totals.Add(part, output.total, pointers[output_registers_[o]], nullptr,
                 copy, at, n);
    }
    for (const Overwritten& overwritten : overwritten_) {
      std::byte* const copy = CopyOf(overwritten, inputs, outputs, scratch);
      if (copy == nullptr) continue;
      std::byte*& input = pointers[overwritten.input];
      if (!overwritten.copied_by_output) {
        std::memcpy(copy, input, count * element_);
      }
      input = copy;
    }
    for (const Store& store : direct_stores_) {
      pointers[store.register_index] =
          static_cast<std::byte*>(outputs[store.output]) + offset;
    }
    for (const Step& step : steps_) {
      step.function(step.inputs[0] < 0 ? nullptr : pointers[step.inputs[0]],
                    step.inputs[1] < 0 ? nullptr : pointers[step.inputs[1]],
                    step.inputs[2] < 0 ? nullptr : pointers[step.inputs[2]],
                    pointers[step.result], count);
    }
    for (int o : late_outputs_) {
      const Output& output = outputs_[o];
      const void* values =
          ElementsOf(output_registers_[o], pointers, spare, count);
      if (output.ending == LoopEnding::kSum) {
        AddToSum(output, sum_offsets_[o], values, at, n, scratch);
        continue;
      }
      const void* minus = output.minus < 0 ? nullptr
                                           : ElementsOf(output.minus, pointers,
                                                        second_spare, count);
      totals.Add(part, output.total, values, minus, nullptr, at, n);
    }
    for (const Store& store : stores_) {
      auto* to =
          static_cast<std::byte*>(outputs[store.output]) +
          at * static_cast<int64_t>(SizeOf(outputs_[store.output].dtype));
      const void* from =
          ElementsOf(store.register_index, pointers, spare, count);
      store.convert(from, nullptr, nullptr, to, count);
    }
    at += n;
  }
}

// The block of an input that is overwritten in this run; else null.
std::byte* BlockProgram::CopyOf(const Overwritten& overwritten,
                                const void* const* inputs, void* const* outputs,
                                std::byte* scratch) const {
  const void* const memory = inputs[overwritten.input];
  for (int output : overwritten.outputs) {
    if (outputs[output] == memory) {
      return scratch + buffers_offset_ + overwritten.buffer * kBufferBytes;
    }
  }
  return nullptr;
}

// The elements of a register in the block, those of a scalar in `spare`.
const void* BlockProgram::ElementsOf(int register_index,
                                     std::byte* const* pointers,
                                     std::byte* spare, size_t count) const {
  const void* const elements = pointers[register_index];
  if (registers_[register_index].place != Place::kScalar) return elements;
  fill_(elements, nullptr, nullptr, spare, count);
  return spare;
}

void BlockProgram::End(void* const* outputs, std::byte* scratch) const {
  const DType total_type = sum_functions_.total_type;
  for (size_t o = 0; o < outputs_.size(); ++o) {
    if (outputs_[o].ending != LoopEnding::kSum) continue;
    FindConversion(total_type, outputs_[o].dtype)(
        scratch + sums_offset_ + sum_offsets_[o], nullptr, nullptr, outputs[o],
        static_cast<size_t>(outputs_[o].elements));
  }
}

}  // namespace evengrad
