// The table of the built-in ops: one row an op, which feeds every check of
// evengrad/testing/check_op.h. A registered op without a row fails the suite.
#ifndef EVENGRAD_TESTS_OPS_OP_CASES_H_
#define EVENGRAD_TESTS_OPS_OP_CASES_H_

#include <vector>

#include "evengrad/testing/op_case.h"

namespace evengrad {

using testing::OpCase;

// All rows, in the order of the families below.
const std::vector<OpCase>& BuiltinOpCases();

std::vector<OpCase> SourceCases();
std::vector<OpCase> ArithmeticCases();
std::vector<OpCase> ComparisonCases();
std::vector<OpCase> ActivationCases();
std::vector<OpCase> ShapeCases();
std::vector<OpCase> PartCases();
std::vector<OpCase> GatherCases();
std::vector<OpCase> ReductionCases();
std::vector<OpCase> NormCases();
std::vector<OpCase> LinearCases();
std::vector<OpCase> RandomCases();
std::vector<OpCase> StatisticsCases();
std::vector<OpCase> TrainingCases();
std::vector<OpCase> FunctionCases();

// ---- What rows have in common -----------------------------------------------

inline const std::vector<DType> kSignedTypes = {
    DType::kF32, DType::kF64, DType::kBF16, DType::kI32, DType::kI64};
inline const std::vector<DType> kNumberTypes = {DType::kF32,  DType::kF64,
                                                DType::kBF16, DType::kI32,
                                                DType::kI64,  DType::kU8};
inline const std::vector<DType> kAllTypes = {
    DType::kF32, DType::kF64, DType::kBF16, DType::kI32,
    DType::kI64, DType::kU8,  DType::kBool};

// One input: square, of rank 0 and 3, and large enough for several threads.
std::vector<testing::OpSample> UnarySamples(const testing::Domain& domain = {},
                                            const Attributes& attributes = {});
// Two inputs: square, and broadcast in every way.
std::vector<testing::OpSample> BinarySamples(const testing::Domain& a = {},
                                             const testing::Domain& b = {});
// The samples with elements that are all different.
std::vector<testing::OpSample> Distinct(std::vector<testing::OpSample> samples);
// The samples of both.
std::vector<testing::OpSample> Join(std::vector<testing::OpSample> a,
                                    const std::vector<testing::OpSample>& b);

// One input reduced over all kinds of axes, kept and not.
std::vector<testing::OpSample> ReductionSamples(
    const testing::Domain& domain = {});
// Axes out of range and named twice, and a wrong element type.
std::vector<testing::OpError> ReductionErrors(const std::string& expected);

// A size of which two overflow 64 bits when they meet in a shape or a sum.
inline constexpr int64_t kHuge = int64_t{1} << 40;

// The errors of both.
std::vector<testing::OpError> JoinErrors(
    std::vector<testing::OpError> a, const std::vector<testing::OpError>& b);
// Errors of the op with that name, in addition to those of its row: what all
// ops of its kind refuse.
std::vector<testing::OpError> MoreErrors(std::string_view op);

// A wrong element type and a wrong number of inputs, for ops of one and two
// inputs of the kind that `expected` describes.
std::vector<testing::OpError> UnaryErrors(std::string_view expected);
std::vector<testing::OpError> BinaryErrors(std::string_view expected);

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_OPS_OP_CASES_H_
