#include "evengrad/formats/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

absl::StatusOr<CsvExamples> Read(const std::string& text,
                                 const CsvOptions& options = {}) {
  return ReadCsv(WriteContents(PathForTest("a.csv"), text), options);
}

std::string ErrorOf(const std::string& text, const CsvOptions& options = {}) {
  const std::string path = WriteContents(PathForTest("bad.csv"), text);
  const absl::StatusOr<CsvExamples> examples = ReadCsv(path, options);
  if (examples.ok()) return "read without an error";
  std::string message(Message(examples.status()));
  EXPECT_TRUE(message.starts_with(path + ": ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message.substr(std::min(message.size(), path.size() + 2));
}

TEST(CsvTest, LabelsByNameOrInTheFirstColumn) {
  const absl::StatusOr<CsvExamples> named =
      Read("height,label,\"wide, th\"\n1.5,2,-3e2\n+4,0, 0.25 \n");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->feature_names,
            (std::vector<std::string>{"height", "wide, th"}));
  EXPECT_EQ(named->features.ToString(), "f32[2,2]");
  EXPECT_EQ(named->features.ToDoubles(),
            (std::vector<double>{1.5, -300, 4, 0.25}));
  EXPECT_EQ(named->labels.ToString(), "i64[2]");
  EXPECT_EQ(named->labels.ToDoubles(), (std::vector<double>{2, 0}));

  const absl::StatusOr<CsvExamples> bare = Read("7,1,2\r\n\r\n8,\"3\",4");
  ASSERT_TRUE(bare.ok()) << bare.status();
  EXPECT_TRUE(bare->feature_names.empty());
  EXPECT_EQ(bare->labels.ToDoubles(), (std::vector<double>{7, 8}));
  EXPECT_EQ(bare->features.ToDoubles(), (std::vector<double>{1, 2, 3, 4}));

  const absl::StatusOr<CsvExamples> other = Read(
      "\xef\xbb\xbf"
      "a,class\n1,5\n",
      {.label_column = "class"});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->feature_names, std::vector<std::string>{"a"});
}

TEST(CsvTest, FieldsThatCrossBlocks) {
  std::string text = "label,a\n";
  for (int i = 0; i < 30'000; ++i) {
    text += std::to_string(i % 10) + "," + std::to_string(i) + ".5\n";
  }
  ASSERT_GT(text.size(), size_t{200'000});
  const absl::StatusOr<CsvExamples> examples = Read(text);
  ASSERT_TRUE(examples.ok()) << examples.status();
  const std::vector<double> values = examples->features.ToDoubles();
  ASSERT_EQ(values.size(), 30'000u);
  for (int i = 0; i < 30'000; ++i) ASSERT_EQ(values[i], i + 0.5);
}

TEST(CsvTest, ErrorsSayWhere) {
  EXPECT_EQ(ErrorOf(""), "has no rows");
  EXPECT_EQ(ErrorOf("\n\n"), "has no rows");
  EXPECT_EQ(ErrorOf("label,a\n"), "has no rows after its header");
  EXPECT_EQ(ErrorOf("1\n2\n"), "has one column; expected a label and features");
  EXPECT_EQ(ErrorOf("a,lable\n1,2\n"),
            "line 1: no column is named \"label\", the first is \"a\"; did you "
            "mean 'lable'?");
  EXPECT_EQ(ErrorOf("label,a,label\n1,2,3\n"),
            "line 1: two columns are named \"label\"");
  EXPECT_EQ(ErrorOf("1,2\n3\n"), "line 2: has 1 fields, the first line has 2");
  EXPECT_EQ(ErrorOf("1,2\n3,4,\n"),
            "line 2: has 3 fields, the first line has 2");
  EXPECT_EQ(ErrorOf("1,2\n3,x\n"),
            "line 2, column 2: expected a finite number, found \"x\"");
  EXPECT_EQ(ErrorOf("1,2\n\n3,\n"),
            "line 3, column 2: expected a finite number, found nothing");
  EXPECT_EQ(ErrorOf("1,2\n3,nan\n"),
            "line 2, column 2: expected a finite number, found \"nan\"");
  EXPECT_EQ(ErrorOf("1,2\n3,1e39\n"),
            "line 2, column 2: expected a finite number, found \"1e39\"");
  for (const char* label : {"-1", "1.5", "1e30"}) {
    EXPECT_EQ(ErrorOf(std::string("1,2\n") + label + ",1\n"),
              std::string("line 2, column 1: expected a label, a whole number "
                          "from 0 on, found \"") +
                  label + "\"");
  }
  EXPECT_EQ(ErrorOf("1,\"2\n"),
            "line 1, column 2: a quoted field does not end");
  EXPECT_EQ(ErrorOf("1,2\"\n"), "line 1, column 2: a quote out of place");
  EXPECT_EQ(ErrorOf("1,\"2\"3\n"), "line 1, column 2: a quote out of place");
  EXPECT_EQ(ErrorOf("1,2\r3\n"),
            "line 1, column 2: a carriage return within a line");
  EXPECT_EQ(ErrorOf("1," + std::string(5000, '1')),
            "line 1, column 2: a field of more than 4096 bytes");
  EXPECT_EQ(ErrorOf("1,2\n", {.max_bytes = 3}),
            "has 4 bytes, more than the limit of 3");
}

}  // namespace
}  // namespace evengrad
