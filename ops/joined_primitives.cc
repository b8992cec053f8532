#include "evengrad/ops/joined_primitives.h"

#include <optional>
#include <utility>

namespace evengrad {
namespace {

class Planner {
 public:
  Planner(const ElementwiseProgram& program, DType compute_type)
      : program_(program),
        is_f32_(compute_type == DType::kF32),
        num_trained_(program.instructions.size() -
                     static_cast<size_t>(program.num_watching)),
        uses_(program.num_inputs + program.instructions.size(), 0) {
    for (const Instruction& instruction : program.instructions) {
      const bool watching = passes_.size() >= num_trained_;
      for (int input : instruction.inputs) {
        if (input >= 0 && !watching) ++uses_[input];
      }
      passes_.push_back(
          {.primitive = instruction.primitive,
           .inputs = {instruction.inputs[0], instruction.inputs[1],
                      instruction.inputs[2]},
           .result = program.num_inputs + static_cast<int>(passes_.size()),
           .immediate = instruction.immediate});
    }
    for (size_t i = 0; i < program.outputs.size(); ++i) {
      const bool watched =
          i < program.only_watched.size() && program.only_watched[i];
      if (!watched) ++uses_[program.outputs[i]];
    }
    joins_ = is_f32_ || compute_type == DType::kF64;
  }

  std::vector<ElementwisePass> Plan() {
    if (joins_) {
      for (size_t i = 0; i < num_trained_; ++i) Join(passes_[i]);
    }
    const std::vector<bool> needed = NeededRegisters();
    std::vector<ElementwisePass> kept;
    for (const ElementwisePass& pass : passes_) {
      const bool immediate = pass.joined == JoinedPrimitive::kNone &&
                             pass.primitive == Primitive::kImmediate;
      if (needed[pass.result] || immediate) kept.push_back(pass);
    }
    return kept;
  }

 private:
  // What outputs depend on. A watched one may need a pass that another has
  // absorbed.
  std::vector<bool> NeededRegisters() const {
    std::vector<bool> needed(uses_.size(), false);
    for (int output : program_.outputs) needed[output] = true;
    for (auto pass = passes_.rbegin(); pass != passes_.rend(); ++pass) {
      if (!needed[pass->result]) continue;
      for (int i = 0; i < pass->num_inputs(); ++i) {
        needed[pass->inputs[i]] = true;
      }
    }
    return needed;
  }

  void Join(ElementwisePass& pass) {
    switch (pass.primitive) {
      case Primitive::kAdd:
        if (is_f32_) JoinAdd(pass);
        return;
      case Primitive::kSubtract:
        if (is_f32_) JoinSubtract(pass);
        return;
      case Primitive::kSelect:
        return JoinSelect(pass);
      default:
        return;
    }
  }

  // The pass of `primitive` that makes `reg` for one reader only, or null.
  ElementwisePass* SoleUse(int reg, Primitive primitive) {
    if (reg < program_.num_inputs || uses_[reg] != 1) return nullptr;
    ElementwisePass& pass = passes_[reg - program_.num_inputs];
    const bool plain = pass.joined == JoinedPrimitive::kNone;
    return plain && pass.primitive == primitive ? &pass : nullptr;
  }

  std::optional<double> ImmediateOf(int reg) const {
    if (reg < program_.num_inputs) return std::nullopt;
    const ElementwisePass& pass = passes_[reg - program_.num_inputs];
    if (pass.primitive != Primitive::kImmediate) return std::nullopt;
    return pass.immediate;
  }

  // `pass` now does the work of `other` too.
  void Absorb(ElementwisePass& pass, const ElementwisePass& other, int a, int b,
              int c) {
    uses_[other.result] = 0;
    pass.inputs[0] = a;
    pass.inputs[1] = b;
    pass.inputs[2] = c;
  }

  void JoinAdd(ElementwisePass& pass) {
    for (int side : {0, 1}) {
      const ElementwisePass* product =
          SoleUse(pass.inputs[side], Primitive::kMultiply);
      if (product == nullptr) continue;
      pass.primitive = Primitive::kMultiplyAdd;
      return Absorb(pass, *product, product->inputs[0], product->inputs[1],
                    pass.inputs[1 - side]);
    }
  }

  void JoinSubtract(ElementwisePass& pass) {
    for (int side : {1, 0}) {
      const ElementwisePass* product =
          SoleUse(pass.inputs[side], Primitive::kMultiply);
      if (product == nullptr) continue;
      pass.joined = side == 1 ? JoinedPrimitive::kNegativeMultiplyAdd
                              : JoinedPrimitive::kMultiplySubtract;
      return Absorb(pass, *product, product->inputs[0], product->inputs[1],
                    pass.inputs[1 - side]);
    }
  }

  void JoinSelect(ElementwisePass& pass) {
    const ElementwisePass* condition =
        SoleUse(pass.inputs[0], Primitive::kLess);
    if (condition == nullptr || ImmediateOf(condition->inputs[0]) != 0.0) {
      return;
    }
    pass.joined = JoinedPrimitive::kSelectPositive;
    Absorb(pass, *condition, condition->inputs[1], pass.inputs[1],
           pass.inputs[2]);
    if (is_f32_) JoinElu(pass);
  }

  // The factor of a product with `reg` that is an immediate, or -1.
  int ImmediateFactor(const ElementwisePass& product, int reg) const {
    for (int side : {0, 1}) {
      if (product.inputs[1 - side] == reg &&
          ImmediateOf(product.inputs[side]).has_value()) {
        return product.inputs[side];
      }
    }
    return -1;
  }

  void JoinElu(ElementwisePass& pass) {
    const int x = pass.inputs[0];
    const ElementwisePass* positive =
        SoleUse(pass.inputs[1], Primitive::kMultiply);
    const ElementwisePass* negative =
        SoleUse(pass.inputs[2], Primitive::kMultiply);
    if (positive == nullptr || negative == nullptr) return;
    const int slope = ImmediateFactor(*positive, x);
    for (int side : {0, 1}) {
      const ElementwisePass* power =
          SoleUse(negative->inputs[side], Primitive::kExpm1);
      const int scale = negative->inputs[1 - side];
      if (power == nullptr || power->inputs[0] != x || slope < 0 ||
          !ImmediateOf(scale).has_value()) {
        continue;
      }
      uses_[positive->result] = 0;
      uses_[power->result] = 0;
      pass.joined = JoinedPrimitive::kScaledElu;
      return Absorb(pass, *negative, x, slope, scale);
    }
  }

  const ElementwiseProgram& program_;
  const bool is_f32_;
  bool joins_ = false;
  size_t num_trained_;     // instructions, before those that watch
  std::vector<int> uses_;  // by register, of those
  std::vector<ElementwisePass> passes_;
};

}  // namespace

std::vector<ElementwisePass> PlanPasses(const ElementwiseProgram& program,
                                        DType compute_type) {
  return Planner(program, compute_type).Plan();
}

VectorFunction FindPass(const ElementwisePass& pass, DType compute_type,
                        unsigned scalars) {
  return pass.joined == JoinedPrimitive::kNone
             ? FindPrimitive(pass.primitive, compute_type, scalars)
             : FindJoined(pass.joined, compute_type, scalars);
}

}  // namespace evengrad
