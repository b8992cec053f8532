// The list of built-in ops and the table of their rows.
#include "evengrad/ops/builtin_ops.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <string>

#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/status.h"
#include "op_cases.h"

namespace evengrad {
namespace {

TEST(BuiltinOpsTest, EveryOpHasOneRowAndEveryRowAnOp) {
  std::map<std::string, int> rows;
  for (const OpCase& row : BuiltinOpCases()) {
    ++rows[std::string(row.op->name)];
    EXPECT_EQ(BuiltinOps().Find(row.op->name), row.op) << row.op->name;
  }
  for (const OpDef* op : BuiltinOps().All()) {
    EXPECT_EQ(rows[std::string(op->name)], 1)
        << "op " << op->name << " wants one row in tests/ops/op_cases*.cc";
  }
}

TEST(BuiltinOpsTest, NamesAreSnakeCase) {
  for (const OpDef* op : BuiltinOps().All()) {
    for (char c : op->name) {
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(c)) ||
                  std::isdigit(static_cast<unsigned char>(c)) || c == '_')
          << op->name;
    }
  }
}

TEST(BuiltinOpsTest, ASmallMistakeInANameIsExplained) {
  EXPECT_EQ(BuiltinOps().Find("sellu"), nullptr);
  const absl::StatusOr<const OpDef*> op = BuiltinOps().Get("sellu");
  ASSERT_FALSE(op.ok());
  EXPECT_NE(Message(op.status()).find("did you mean 'selu'"),
            std::string_view::npos)
      << op.status();
}

}  // namespace
}  // namespace evengrad
