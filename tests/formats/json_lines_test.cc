#include "evengrad/formats/json_lines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

std::string PathFor(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/json_lines_test_" + name;
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".partial");
  return path;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(JsonObjectTest, MembersInOrder) {
  EXPECT_EQ(JsonObject().ToString(), "{}");
  EXPECT_EQ(JsonObject()
                .Add("epoch", 3)
                .Add("loss", 0.1)
                .Add("done", true)
                .Add("name", "a\"b\\c\nd\x01")
                .AddNull("none")
                .ToString(),
            "{\"epoch\":3,\"loss\":0.1,\"done\":true,"
            "\"name\":\"a\\\"b\\\\c\\u000ad\\u0001\",\"none\":null}");
}

TEST(JsonObjectTest, NumbersReadBackAndNonFiniteOnesAreNull) {
  const double third = 1.0 / 3;
  const std::string text = JsonObject().Add("x", third).ToString();
  EXPECT_EQ(std::stod(text.substr(5)), third);
  EXPECT_EQ(JsonObject().Add("x", std::nan("")).ToString(), "{\"x\":null}");
  EXPECT_EQ(JsonObject().Add("x", -INFINITY).ToString(), "{\"x\":null}");
  EXPECT_EQ(JsonObject().Add("x", 1e-7).ToString(), "{\"x\":1e-07}");
}

TEST(JsonLinesWriterTest, TheFileAppearsWhenFinished) {
  const std::string path = PathFor("finished");
  absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->Write(JsonObject().Add("epoch", 1)).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(Contents(path + ".partial"), "{\"epoch\":1}\n");
  ASSERT_TRUE(writer->Write(JsonObject().Add("epoch", 2)).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_EQ(Contents(path), "{\"epoch\":1}\n{\"epoch\":2}\n");
  EXPECT_FALSE(writer->Write(JsonObject()).ok());
}

TEST(JsonLinesWriterTest, NothingIsLeftAndTheOldFileStaysWhenAbandoned) {
  const std::string path = PathFor("abandoned");
  std::ofstream(path) << "old\n";
  {
    absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE(writer->Write(JsonObject().Add("epoch", 1)).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_EQ(Contents(path), "old\n");
}

TEST(JsonLinesWriterTest, ALinkIsFollowed) {
  const std::string target = PathFor("target");
  const std::string link = PathFor("link");
  std::ofstream(target) << "old\n";
  std::filesystem::create_symlink(target, link);
  absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open(link);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(Contents(target), "");
}

TEST(JsonLinesWriterTest, ErrorsNameThePath) {
  const std::string missing = PathFor("no/such/folder");
  const absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open(missing);
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(Message(writer.status()),
            missing + ": cannot be written: No such file or directory");
  const absl::StatusOr<JsonLinesWriter> folder =
      JsonLinesWriter::Open(::testing::TempDir());
  ASSERT_FALSE(folder.ok());
  EXPECT_TRUE(Message(folder.status()).ends_with("Is a directory"));
}

TEST(JsonLinesWriterTest, ADeviceIsWrittenDirectly) {
  absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open("/dev/null");
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE(writer->Write(JsonObject()).ok());
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  if (!std::filesystem::exists("/dev/full")) return;
  absl::StatusOr<JsonLinesWriter> full = JsonLinesWriter::Open("/dev/full");
  ASSERT_TRUE(full.ok()) << full.status();
  const absl::Status status = full->Write(JsonObject());
  EXPECT_EQ(Message(status),
            "/dev/full: cannot be written: No space left on device");
}

}  // namespace
}  // namespace evengrad
