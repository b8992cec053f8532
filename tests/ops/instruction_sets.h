// Tests that run on each instruction set that this CPU has.
#ifndef EVENGRAD_TESTS_OPS_INSTRUCTION_SETS_H_
#define EVENGRAD_TESTS_OPS_INSTRUCTION_SETS_H_

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace evengrad {

// Highway's numbers of those that the library is compiled for, the best first.
inline std::vector<int64_t> InstructionSets() {
  std::vector<int64_t> sets = hwy::SupportedAndGeneratedTargets();
  std::erase(sets, HWY_SSSE3);  // CMakeLists.txt leaves it out
  std::erase(sets, HWY_SCALAR);
  std::sort(sets.begin(), sets.end());
  return sets;
}

// Those of x86 that multiply and add in one rounding.
inline std::vector<int64_t> FusedInstructionSets() {
  std::vector<int64_t> sets = InstructionSets();
  std::erase_if(sets,
                [](int64_t set) { return !HWY_ARCH_X86 || set > HWY_AVX2; });
  return sets;
}

// All loops prepared and run while it lives are those of one instruction set.
class UseInstructionSet {
 public:
  explicit UseInstructionSet(int64_t set) { Choose(set); }
  ~UseInstructionSet() { Choose(0); }
  UseInstructionSet(const UseInstructionSet&) = delete;
  UseInstructionSet& operator=(const UseInstructionSet&) = delete;

 private:
  static void Choose(int64_t set) {
    hwy::SetSupportedTargetsForTest(set);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_OPS_INSTRUCTION_SETS_H_
