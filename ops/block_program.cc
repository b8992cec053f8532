#include "evengrad/ops/block_program.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <numeric>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {
namespace {

// Elements of a block: a few kilobytes a register, so that a dozen registers
// stay in the L1 cache.
constexpr int64_t kBlock = 1024;
constexpr size_t kAlignment = 64;
constexpr size_t kSlot = 8;  // bytes of a scalar
constexpr size_t kMaxStores = 256;

size_t Aligned(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

int64_t Broadcast::At(int64_t f) const {
  switch (kind) {
    case Kind::kFull:
      return f;
    case Kind::kScalar:
      return 0;
    case Kind::kRow:
      return f % period;
    case Kind::kColumn:
      return f / repeat;
    case Kind::kGeneral:
      break;
  }
  int64_t element = 0;
  for (size_t axis = sizes.size(); axis-- > 0;) {
    element += f % sizes[axis] * strides[axis];
    f /= sizes[axis];
  }
  return element;
}

Broadcast FindBroadcast(const Shape& tensor, const Shape& loop) {
  const int rank = loop.rank();
  const int missing = rank - tensor.rank();
  std::vector<int64_t> sizes(rank, 1);
  for (int i = missing; i < rank; ++i) sizes[i] = tensor[i - missing].size();
  auto same = [&](int i) { return sizes[i] == loop[i].size(); };
  auto one = [&](int i) { return sizes[i] == 1; };
  int first = 0;  // leading axes of size 1
  while (first < rank && one(first)) ++first;
  int last = rank;  // trailing axes of size 1
  while (last > 0 && one(last - 1)) --last;
  auto all_same = [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      if (!same(i)) return false;
    }
    return true;
  };
  Broadcast result;
  if (all_same(0, rank)) return result;
  if (first == rank) {
    result.kind = Broadcast::Kind::kScalar;
  } else if (all_same(first, rank)) {
    result.kind = Broadcast::Kind::kRow;
    for (int i = first; i < rank; ++i) result.period *= sizes[i];
  } else if (all_same(0, last)) {
    result.kind = Broadcast::Kind::kColumn;
    for (int i = last; i < rank; ++i) result.repeat *= loop[i].size();
  } else {
    result.kind = Broadcast::Kind::kGeneral;
    result.strides.assign(rank, 0);
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; --i) {
      result.sizes.insert(result.sizes.begin(), loop[i].size());
      if (!one(i)) result.strides[i] = stride;
      stride *= sizes[i];
    }
  }
  return result;
}

absl::StatusOr<BlockProgram> BlockProgram::Prepare(
    const ElementwiseProgram& program, DType compute_type, const Shape& loop,
    std::span<const TensorType> inputs, std::span<const LoopOutput> outputs) {
  if (program.num_inputs != static_cast<int>(inputs.size()) ||
      program.outputs.size() != outputs.size() || outputs.size() > kMaxStores) {
    return absl::InternalError(
        "an elementwise program does not have the inputs and outputs it is "
        "prepared for");
  }
  BlockProgram prepared;
  prepared.compute_type_ = compute_type;
  prepared.element_ = SizeOf(compute_type);
  prepared.fill_ = FindFill(compute_type);
  prepared.sum_functions_ = FindSumFunctions(compute_type);
  EVENGRAD_ASSIGN_OR_RETURN(prepared.num_elements_, loop.NumElements());
  int num_statistics = 0;
  for (const LoopOutput& given : outputs) {
    Output output{.dtype = given.type.dtype, .ending = given.ending};
    if (given.ending == LoopEnding::kSum) {
      output.place = FindBroadcast(given.type.shape, loop);
      EVENGRAD_ASSIGN_OR_RETURN(output.elements,
                                given.type.shape.NumElements());
      prepared.has_sums_ = true;
    }
    if (given.ending == LoopEnding::kStatistics) {
      output.statistics = num_statistics++;
    }
    prepared.outputs_.push_back(std::move(output));
  }
  const ElementwiseProgram planned = prepared.TakeDifferences(program);
  prepared.output_registers_ = planned.outputs;
  prepared.registers_.resize(program.num_inputs + program.instructions.size());
  prepared.PlanInputs(planned, inputs, loop);
  prepared.PlanPeriod();
  prepared.PlanSteps(planned);
  prepared.PlanOutputs(planned);
  prepared.PlanScratch();
  return prepared;
}

// ---- Preparation ------------------------------------------------------------

// Statistics subtract as they read: a difference in the loop that is only
// watched is not stored. What it is taken from becomes the output, what is
// taken an output more.
ElementwiseProgram BlockProgram::TakeDifferences(ElementwiseProgram program) {
  const int first_watching =
      static_cast<int>(program.instructions.size()) - program.num_watching;
  for (Output& output : outputs_) {
    if (output.ending != LoopEnding::kStatistics) continue;
    const auto o = static_cast<size_t>(&output - outputs_.data());
    const int index = program.outputs[o] - program.num_inputs;
    if (index < first_watching || index < 0) continue;
    const Instruction& instruction = program.instructions[index];
    if (instruction.primitive != Primitive::kSubtract) continue;
    program.outputs[o] = instruction.inputs[0];
    output.minus = instruction.inputs[1];
    program.only_watched.resize(program.outputs.size(), false);
    program.outputs.push_back(output.minus);
    program.only_watched.push_back(true);
  }
  return program;
}

void BlockProgram::PlanInputs(const ElementwiseProgram& program,
                              std::span<const TensorType> inputs,
                              const Shape& loop) {
  for (int i = 0; i < program.num_inputs; ++i) {
    const DType dtype = inputs[i].dtype;
    const Broadcast broadcast = FindBroadcast(inputs[i].shape, loop);
    Register& target = registers_[i];
    const bool one_element = inputs[i].shape.NumElements().value_or(0) == 1;
    if (one_element) {
      target = {Place::kScalar, static_cast<int>(immediates_.size())};
      scalar_inputs_.push_back(i);
      scalar_slots_.push_back(target.index);
      scalar_loads_.push_back(FindConversion(dtype, compute_type_));
      immediates_.push_back(0);
    } else if (broadcast.kind == Broadcast::Kind::kFull &&
               dtype == compute_type_) {
      target = {Place::kInput, i};
      in_place_inputs_.push_back(i);
    } else {
      target = {Place::kBuffer, num_buffers_++};
      loads_.push_back({.input = i,
                        .register_index = i,
                        .dtype = dtype,
                        .broadcast = broadcast,
                        .convert = FindConversion(dtype, compute_type_)});
    }
  }
}

// Blocks hold whole periods, so that what rows repeat is laid out once; periods
// longer than a block are cut, and blocks do not cross their ends.
void BlockProgram::PlanPeriod() {
  block_ = kBlock;
  if (num_elements_ == 0) return;
  auto include = [&](const Broadcast& broadcast) {
    if (broadcast.kind == Broadcast::Kind::kRow) {
      period_ = std::lcm(period_, broadcast.period);
    }
  };
  int64_t longest = 1;
  for (const Load& load : loads_) {
    if (load.broadcast.kind != Broadcast::Kind::kRow) continue;
    longest = std::max(longest, load.broadcast.period);
    if (period_ <= kBlock) include(load.broadcast);
  }
  for (const Output& output : outputs_) {
    if (output.ending != LoopEnding::kSum ||
        output.place.kind != Broadcast::Kind::kRow) {
      continue;
    }
    longest = std::max(longest, output.place.period);
    if (period_ <= kBlock) include(output.place);
  }
  if (period_ <= kBlock) {
    block_ = kBlock / period_ * period_;
    for (Load& load : loads_) {
      load.once = load.broadcast.kind == Broadcast::Kind::kRow;
    }
  } else {
    period_ = longest;
    row_ = longest;
  }
}

void BlockProgram::PlanSteps(const ElementwiseProgram& program) {
  const std::vector<ElementwisePass> passes =
      PlanPasses(program, compute_type_);
  // The last step that reads each register; outputs are read at the end.
  const int num_steps = static_cast<int>(passes.size());
  std::vector<int> last_read(registers_.size(), -1);
  for (int s = 0; s < num_steps; ++s) {
    for (int input : passes[s].inputs) {
      if (input >= 0) last_read[input] = s;
    }
  }
  for (int output : program.outputs) last_read[output] = num_steps;
  std::vector<int> free_buffers;
  for (int s = 0; s < num_steps; ++s) {
    const ElementwisePass& pass = passes[s];
    const bool joined = pass.joined != JoinedPrimitive::kNone;
    if (!joined && pass.primitive == Primitive::kImmediate) {
      AddImmediate(pass);
      continue;
    }
    unsigned scalars = 0;
    const int arity = pass.num_inputs();
    Step step{.result = pass.result};
    for (int i = 0; i < arity; ++i) {
      step.inputs[i] = pass.inputs[i];
      if (registers_[step.inputs[i]].place == Place::kScalar) {
        scalars |= 1u << i;
      }
    }
    if (scalars == (1u << arity) - 1) {
      AddScalarStep(pass, step);
      continue;
    }
    step.function = FindPass(pass, compute_type_, scalars);
    // A buffer read for the last time here may be written here.
    for (int i = 0; i < arity; ++i) {
      const int input = step.inputs[i];
      const bool owned = input >= program.num_inputs &&
                         registers_[input].place == Place::kBuffer;
      if (owned && last_read[input] == s) {
        free_buffers.push_back(registers_[input].index);
        last_read[input] = -1;  // freed once, though read twice
      }
    }
    if (free_buffers.empty()) free_buffers.push_back(num_buffers_++);
    registers_[pass.result] = {Place::kBuffer, free_buffers.back()};
    free_buffers.pop_back();
    steps_.push_back(step);
  }
}

void BlockProgram::AddImmediate(const ElementwisePass& pass) {
  registers_[pass.result] = {Place::kScalar,
                             static_cast<int>(immediates_.size())};
  int64_t bits = 0;
  StoreFromDouble(compute_type_, &bits, 0, pass.immediate);
  immediates_.push_back(bits);
}

// A step on single elements, done once a part. The loops for arrays take one
// element too.
void BlockProgram::AddScalarStep(const ElementwisePass& pass, Step step) {
  registers_[pass.result] = {Place::kScalar,
                             static_cast<int>(immediates_.size())};
  immediates_.push_back(0);
  step.function = FindPass(pass, compute_type_, 0);
  scalar_steps_.push_back(step);
}

// An output is written by the step that computes it, unless it is the memory of
// an input that a later step reads, which shows when the program runs: then it
// takes the way through a buffer.
void BlockProgram::PlanOutputs(const ElementwiseProgram& program) {
  // The last step (an index into steps_) that reads each input in its own
  // memory; num_steps where an output is that input.
  const int num_steps = static_cast<int>(steps_.size());
  std::vector<int> last_read(registers_.size(), -1);
  for (int s = 0; s < num_steps; ++s) {
    for (int input : steps_[s].inputs) {
      if (input >= 0) last_read[input] = s;
    }
  }
  for (int output : program.outputs) last_read[output] = num_steps;
  std::vector<bool> direct(registers_.size(), false);
  for (size_t o = 0; o < outputs_.size(); ++o) {
    if (outputs_[o].ending != LoopEnding::kNone) continue;
    const int source = program.outputs[o];
    Store store = {.output = static_cast<int>(o),
                   .register_index = source,
                   .convert = FindConversion(compute_type_, outputs_[o].dtype)};
    auto step = std::find_if(steps_.begin(), steps_.end(),
                             [&](const Step& s) { return s.result == source; });
    if (step != steps_.end() && outputs_[o].dtype == compute_type_ &&
        !direct[source]) {
      direct[source] = true;
      store.direct = true;
      for (int i = 0; i < program.num_inputs; ++i) {
        if (registers_[i].place == Place::kInput &&
            last_read[i] > step - steps_.begin()) {
          store.read_later.push_back(i);
        }
      }
    }
    stores_.push_back(std::move(store));
  }
}

void BlockProgram::PlanScratch() {
  size_t bytes = Aligned(immediates_.size() * kSlot);
  pointers_offset_ = bytes;
  bytes += Aligned(registers_.size() * sizeof(void*));
  buffers_offset_ = bytes;
  // Two more, for scalars that are stored, summed or counted.
  bytes += (num_buffers_ + 2) * Aligned(kBlock * sizeof(double));
  partial_offset_ = bytes;
  if (has_sums_) bytes += Aligned(kBlock * sizeof(double));
  sums_offset_ = bytes;
  size_t sums = 0;
  for (const Output& output : outputs_) {
    sum_offsets_.push_back(static_cast<int64_t>(sums));
    if (output.ending == LoopEnding::kSum) {
      sums += Aligned(static_cast<size_t>(output.elements) * kSlot);
    }
  }
  scratch_bytes_ = bytes + sums;
}

// ---- Running ----------------------------------------------------------------

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
  std::byte* target =
      scratch + buffers_offset_ +
      registers_[load.register_index].index * Aligned(kBlock * sizeof(double));
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
                       const LoopStatistics& statistics) const {
  auto** pointers = reinterpret_cast<std::byte**>(scratch + pointers_offset_);
  const size_t stride = Aligned(kBlock * sizeof(double));
  for (size_t r = 0; r < registers_.size(); ++r) {
    const Register& place = registers_[r];
    pointers[r] = place.place == Place::kScalar
                      ? scratch + place.index * kSlot
                      : scratch + buffers_offset_ + place.index * stride;
  }
  // Bit s: stores_[s] is not done by the step that computes it.
  std::bitset<kMaxStores> copied;
  for (size_t s = 0; s < stores_.size(); ++s) {
    copied[s] = !stores_[s].direct || IsReadLater(stores_[s], inputs, outputs);
  }
  std::byte* spare = scratch + buffers_offset_ + num_buffers_ * stride;
  std::byte* second_spare = spare + stride;
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
    for (size_t s = 0; s < stores_.size(); ++s) {
      if (copied[s]) continue;
      pointers[stores_[s].register_index] =
          static_cast<std::byte*>(outputs[stores_[s].output]) + offset;
    }
    for (const Step& step : steps_) {
      step.function(step.inputs[0] < 0 ? nullptr : pointers[step.inputs[0]],
                    step.inputs[1] < 0 ? nullptr : pointers[step.inputs[1]],
                    step.inputs[2] < 0 ? nullptr : pointers[step.inputs[2]],
                    pointers[step.result], count);
    }
    for (size_t o = 0; o < outputs_.size(); ++o) {
      const Output& output = outputs_[o];
      if (output.ending == LoopEnding::kNone) continue;
      const void* values =
          ElementsOf(output_registers_[o], pointers, spare, count);
      if (output.ending == LoopEnding::kSum) {
        AddToSum(output, sum_offsets_[o], values, at, n, scratch);
        continue;
      }
      const void* minus = output.minus < 0 ? nullptr
                                           : ElementsOf(output.minus, pointers,
                                                        second_spare, count);
      statistics.Add(part, output.statistics, values, minus, at, n);
    }
    for (size_t s = 0; s < stores_.size(); ++s) {
      if (!copied[s]) continue;
      const Store& store = stores_[s];
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

// The elements of a register in the block, those of a scalar in `spare`.
const void* BlockProgram::ElementsOf(int register_index,
                                     std::byte* const* pointers,
                                     std::byte* spare, size_t count) const {
  const void* const elements = pointers[register_index];
  if (registers_[register_index].place != Place::kScalar) return elements;
  fill_(elements, nullptr, nullptr, spare, count);
  return spare;
}

bool BlockProgram::IsReadLater(const Store& store, const void* const* inputs,
                               void* const* outputs) {
  return std::any_of(
      store.read_later.begin(), store.read_later.end(),
      [&](int input) { return inputs[input] == outputs[store.output]; });
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
