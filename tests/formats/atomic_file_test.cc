#include "evengrad/formats/atomic_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "evengrad/formats/crc32c.h"
#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

TEST(AtomicFileTest, AppearsWhenCommitted) {
  const std::string path = PathForTest("file");
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("one ").ok());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(file->Write("two").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ContentsOf(path), "one two");
  EXPECT_FALSE(fs::exists(path + ".partial"));
  EXPECT_TRUE(file->Commit().ok());
  EXPECT_FALSE(file->Write("three").ok());
}

TEST(AtomicFileTest, TheOldFileStaysUntilThen) {
  const std::string path = WriteContents(PathForTest("file"), "old");
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Write("new").ok());
    EXPECT_EQ(ContentsOf(path), "old");
  }
  EXPECT_EQ(ContentsOf(path), "old");
  EXPECT_FALSE(fs::exists(path + ".partial"));
}

TEST(AtomicFileTest, KeepsTheModeAndFollowsLinks) {
  const std::string path = WriteContents(PathForTest("file"), "old");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const std::string link = PathForTest("link");
  fs::create_symlink(path, link);
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(link);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->path(), link);
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(ContentsOf(path), "new");
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST(AtomicFileTest, WhatAKilledWriterLeftIsWrittenOver) {
  const std::string path = PathForTest("file");
  WriteContents(path + ".partial", std::string(1000, 'x'));
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ContentsOf(path), "new");
}

TEST(AtomicFileTest, TwoWritersDoNotMix) {
  const std::string path = PathForTest("file");
  absl::StatusOr<AtomicFile> first = AtomicFile::Create(path);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(first->Write("first").ok());
  const absl::StatusOr<AtomicFile> second = AtomicFile::Create(path);
  EXPECT_EQ(Message(second.status()),
            path + ": cannot be written: another writer has " +
                fs::weakly_canonical(path).string() + ".partial open");
  ASSERT_TRUE(first->Commit().ok());
  EXPECT_EQ(ContentsOf(path), "first");
}

TEST(AtomicFileTest, ErrorsNameThePathAndTheCause) {
  const std::string missing = PathForTest("no/such/folder");
  EXPECT_EQ(Message(AtomicFile::Create(missing).status()),
            missing + ": cannot be written: No such file or directory");
  const std::string folder = PathForTest("folder");
  fs::create_directory(folder);
  EXPECT_EQ(Message(AtomicFile::Create(folder).status()),
            folder + ": cannot be written: Is a directory");
  const std::string path = PathForTest("file");
  fs::create_symlink("/nowhere", path + ".partial");
  EXPECT_EQ(Message(AtomicFile::Create(path).status()),
            path + ": cannot be written: Too many levels of symbolic links");
  if (!fs::exists("/dev/full")) return;
  absl::StatusOr<AtomicFile> full = AtomicFile::Create("/dev/full");
  ASSERT_TRUE(full.ok()) << full.status();
  const absl::Status status = full->Write("x");
  EXPECT_EQ(Message(status),
            "/dev/full: cannot be written: No space left on device");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST(AtomicFileTest, AFileThatBecomesTooLargeLeavesTheOldOne) {
  const std::string path = WriteContents(PathForTest("file"), "old");
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = 100'000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  absl::Status status;
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
    status = file.ok() ? file->Write(std::string(200'000, 'x')) : file.status();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(Message(status), path + ": cannot be written: File too large");
  EXPECT_EQ(ContentsOf(path), "old");
  EXPECT_FALSE(fs::exists(path + ".partial"));
}

TEST(MakeFolderTest, MakesParentsAndAcceptsAnExistingOne) {
  const std::string folder = PathForTest("a");
  EXPECT_TRUE(MakeFolder(folder + "/b/c/").ok());
  EXPECT_TRUE(fs::is_directory(folder + "/b/c"));
  EXPECT_TRUE(MakeFolder(folder + "/b/c").ok());
  WriteContents(folder + "/file", "x");
  EXPECT_EQ(Message(MakeFolder(folder + "/file")),
            folder + "/file: cannot be written: File exists");
}

TEST(Crc32cTest, PublishedValues) {
  EXPECT_EQ(Crc32c(0, "123456789"), 0xe3069283u);
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending(32, '\0');
  for (int i = 0; i < 32; ++i) ascending[i] = static_cast<char>(i);
  EXPECT_EQ(Crc32c(0, ascending), 0x46dd794eu);
}

TEST(Crc32cTest, InPartsAsInOne) {
  std::string bytes(1000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 7 + i / 13);
  }
  const std::string_view all = bytes;
  for (size_t cut = 0; cut < 20; ++cut) {
    EXPECT_EQ(Crc32c(Crc32c(0, all.substr(0, cut)), all.substr(cut)),
              Crc32c(0, all));
  }
}

}  // namespace
}  // namespace evengrad
