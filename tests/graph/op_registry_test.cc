#include "evengrad/graph/op_registry.h"

#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

// A definition that CheckOpDef accepts.
OpDef GoodOp(std::string_view name = "twice") {
  return {.name = name,
          .inputs = {"input"},
          .attributes = {{.name = "scale", .fallback = 1.0}},
          .infer_type = SameAsInput,
          .alias = true};
}

std::string ErrorOf(const OpDef& op) {
  return std::string(Message(CheckOpDef(op)));
}

TEST(OpRegistryTest, IncompleteDefinitionsAreRefused) {
  EXPECT_EQ(ErrorOf(GoodOp()), "");
  OpDef op = GoodOp("");
  EXPECT_EQ(ErrorOf(op), "an op has no name");
  op = GoodOp();
  op.infer_type = {};
  EXPECT_EQ(ErrorOf(op), "op 'twice': no type rule (infer_type)");
  op = GoodOp();
  op.outputs = {};
  EXPECT_EQ(ErrorOf(op), "op 'twice': no output");
  op = GoodOp();
  op.alias = false;
  EXPECT_EQ(ErrorOf(op),
            "op 'twice': no way to compute it: give elementwise, make_kernel "
            "or decompose");
  op = GoodOp();
  op.inputs = {"input", "input"};
  EXPECT_EQ(ErrorOf(op), "op 'twice': two inputs are named 'input'");
  op = GoodOp();
  op.attributes.push_back(op.attributes[0]);
  EXPECT_EQ(ErrorOf(op), "op 'twice': two attributes are named 'scale'");
  op = GoodOp();
  op.type_only_inputs = {1};
  EXPECT_EQ(ErrorOf(op),
            "op 'twice': type_only_inputs names an input that does not exist");
}

TEST(OpRegistryTest, StructuralOpsAreComplete) {
  for (const OpDef* op :
       {&PlaceholderOp(), &StateOp(), &ConstantOp(), &TypeTokenOp()}) {
    EXPECT_EQ(ErrorOf(*op), "");
  }
}

TEST(OpRegistryTest, FindsByName) {
  static const OpDef* const op = new OpDef(GoodOp());
  static const OpDef* const same_name = new OpDef(GoodOp());
  static const OpDef* const another = new OpDef(GoodOp("half"));
  OpRegistry registry;
  EXPECT_TRUE(registry.Register(*op).ok());
  EXPECT_TRUE(registry.Register(*op).ok());
  EXPECT_TRUE(registry.Register(*another).ok());
  EXPECT_EQ(Message(registry.Register(*same_name)),
            "op 'twice' is already registered; choose another name");
  EXPECT_FALSE(registry.Register(GoodOp("")).ok());
  EXPECT_EQ(registry.Find("twice"), op);
  EXPECT_EQ(registry.Find("thrice"), nullptr);
  EXPECT_EQ(*registry.Get("half"), another);
  EXPECT_EQ(Message(registry.Get("twise").status()),
            "unknown op 'twise'; did you mean 'twice'?");
  const std::vector<const OpDef*> all = registry.All();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], another);
}

}  // namespace
}  // namespace evengrad
