// Every built-in op against every generic check.
#include <gtest/gtest.h>

#include <string>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/testing/check_op.h"
#include "op_cases.h"

namespace evengrad {
namespace {

class OpChecksTest : public ::testing::TestWithParam<const OpCase*> {};

TEST_P(OpChecksTest, Passes) {
  for (const testing::OpCheck& check : testing::OpChecks()) {
    const absl::Status status = check.run(*GetParam());
    EXPECT_TRUE(status.ok()) << check.name << ": " << status;
  }
}

std::vector<const OpCase*> Rows() {
  std::vector<const OpCase*> rows;
  for (const OpCase& row : BuiltinOpCases()) rows.push_back(&row);
  return rows;
}

INSTANTIATE_TEST_SUITE_P(BuiltinOps, OpChecksTest, ::testing::ValuesIn(Rows()),
                         [](const auto& info) {
                           return std::string(info.param->op->name);
                         });

}  // namespace
}  // namespace evengrad
