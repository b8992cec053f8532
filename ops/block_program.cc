#include "evengrad/ops/block_program.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

absl::StatusOr<BlockProgram> BlockProgram::Prepare(
    const ElementwiseProgram& program, DType compute_type, const Shape& loop,
    std::span<const TensorType> inputs, std::span<const LoopOutput> outputs) {
  if (program.num_inputs != static_cast<int>(inputs.size()) ||
      program.outputs.size() != outputs.size()) {
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
  int num_totals = 0;
  for (const LoopOutput& given : outputs) {
    Output output{.dtype = given.type.dtype, .ending = given.ending};
    if (given.ending == LoopEnding::kSum) {
      output.place = FindBroadcast(given.type.shape, loop);
      EVENGRAD_ASSIGN_OR_RETURN(output.elements,
                                given.type.shape.NumElements());
      prepared.has_sums_ = true;
    }
    if (IsCounted(given.ending)) output.total = num_totals++;
    prepared.outputs_.push_back(std::move(output));
  }
  const ElementwiseProgram planned = prepared.TakeDifferences(program);
  prepared.output_registers_ = planned.outputs;
  prepared.registers_.resize(program.num_inputs + program.instructions.size());
  prepared.PlanInputs(planned, inputs, loop);
  prepared.PlanPeriod();
  prepared.PlanSteps(planned);
  prepared.PlanOutputs(planned);
  prepared.PlanOverwritten(planned);
  prepared.PlanScratch();
  return prepared;
}

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
  const int64_t longest_block =
      has_sums_ ? kSummedBlock : static_cast<int64_t>(kBufferBytes / element_);
  block_ = longest_block;
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
    if (period_ <= longest_block) include(load.broadcast);
  }
  for (const Output& output : outputs_) {
    if (output.ending != LoopEnding::kSum ||
        output.place.kind != Broadcast::Kind::kRow) {
      continue;
    }
    longest = std::max(longest, output.place.period);
    if (period_ <= longest_block) include(output.place);
  }
  if (period_ <= longest_block) {
    block_ = longest_block / period_ * period_;
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

// An output is written by the step that computes it, where one does.
void BlockProgram::PlanOutputs(const ElementwiseProgram& program) {
  std::vector<bool> direct(registers_.size(), false);
  for (int o = 0; o < static_cast<int>(outputs_.size()); ++o) {
    const Output& output = outputs_[o];
    const int source = program.outputs[o];
    if (output.ending != LoopEnding::kNone) {
      const bool early = IsCounted(output.ending) && output.minus < 0 &&
                         registers_[source].place == Place::kInput;
      (early ? early_outputs_ : late_outputs_).push_back(o);
      continue;
    }
    if (output.dtype == compute_type_ && !direct[source] &&
        std::ranges::count(steps_, source, &Step::result) > 0) {
      direct[source] = true;
      direct_stores_.push_back({.output = o, .register_index = source});
      continue;
    }
    stores_.push_back({.output = o,
                       .register_index = source,
                       .convert = FindConversion(compute_type_, output.dtype)});
  }
}

// Whether an output has the memory of an input shows only when the program
// runs. Its block is read and written in this order: by the steps, by what is
// counted and summed after them, by one store after the other.
void BlockProgram::PlanOverwritten(const ElementwiseProgram& program) {
  const int after_steps = static_cast<int>(steps_.size());
  auto time_of_store = [&](size_t s) {
    return after_steps + 1 + static_cast<int>(s);
  };
  std::vector<int> last_read(registers_.size(), -1);
  auto read = [&](int register_index, int time) {
    if (register_index < 0) return;
    last_read[register_index] = std::max(last_read[register_index], time);
  };
  for (int s = 0; s < after_steps; ++s) {
    for (int input : steps_[s].inputs) read(input, s);
  }
  for (int o : late_outputs_) {
    read(program.outputs[o], after_steps);
    read(outputs_[o].minus, after_steps);
  }
  for (size_t s = 0; s < stores_.size(); ++s) {
    read(stores_[s].register_index, time_of_store(s));
  }
  for (int input : in_place_inputs_) {
    Overwritten overwritten = {.input = input};
    for (const Store& store : direct_stores_) {
      const auto step =
          std::ranges::find(steps_, store.register_index, &Step::result);
      if (last_read[input] > step - steps_.begin()) {
        overwritten.outputs.push_back(store.output);
      }
    }
    for (size_t s = 0; s < stores_.size(); ++s) {
      if (last_read[input] > time_of_store(s)) {
        overwritten.outputs.push_back(stores_[s].output);
      }
    }
    if (overwritten.outputs.empty()) continue;
    overwritten.buffer = num_buffers_++;
    for (int o : early_outputs_) {
      if (program.outputs[o] != input ||
          outputs_[o].ending != LoopEnding::kStatistics) {
        continue;
      }
      outputs_[o].overwritten = static_cast<int>(overwritten_.size());
      overwritten.copied_by_output = true;
      break;
    }
    overwritten_.push_back(std::move(overwritten));
  }
}

void BlockProgram::PlanScratch() {
  auto aligned = [](size_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
  };
  size_t bytes = aligned(immediates_.size() * kSlot);
  pointers_offset_ = bytes;
  bytes += aligned(registers_.size() * sizeof(void*));
  buffers_offset_ = bytes;
  // Two more, for scalars that are stored, summed or counted.
  bytes += (num_buffers_ + 2) * kBufferBytes;
  partial_offset_ = bytes;
  if (has_sums_) bytes += kBufferBytes;
  sums_offset_ = bytes;
  size_t sums = 0;
  for (const Output& output : outputs_) {
    sum_offsets_.push_back(static_cast<int64_t>(sums));
    if (output.ending == LoopEnding::kSum) {
      sums += aligned(static_cast<size_t>(output.elements) * kSlot);
    }
  }
  scratch_bytes_ = bytes + sums;
}

}  // namespace evengrad
