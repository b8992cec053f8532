#include "evengrad/formats/npy.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string Npy(const std::string& descr, const std::string& order,
                const std::string& shape, const std::string& data) {
  const std::string header = "{'descr': " + descr +
                             ", 'fortran_order': " + order +
                             ", 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY\1\0", 8) + LittleEndian(header.size(), 2) +
         header + data;
}

struct Member {
  std::string name;
  std::string content;
  bool deflate = false;
};

std::string Deflated(const std::string& content) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<unsigned>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<unsigned>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string Zip(const std::vector<Member>& members) {
  std::string file, directory;
  for (const Member& member : members) {
    const std::string stored =
        member.deflate ? Deflated(member.content) : member.content;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(member.content.data()),
              static_cast<unsigned>(member.content.size()));
    const std::string common =
        LittleEndian(member.deflate ? 8 : 0, 2) + std::string(4, '\0') +
        LittleEndian(crc, 4) + LittleEndian(stored.size(), 4) +
        LittleEndian(member.content.size(), 4) +
        LittleEndian(member.name.size(), 2) + LittleEndian(0, 2);
    directory += "PK\1\2" + LittleEndian(20, 2) + LittleEndian(20, 2) +
                 LittleEndian(0, 2) + common + std::string(10, '\0') +
                 LittleEndian(file.size(), 4) + member.name;
    file += "PK\3\4" + LittleEndian(20, 2) + LittleEndian(0, 2) + common +
            member.name + stored;
  }
  return file + directory + "PK\5\6" + std::string(4, '\0') +
         LittleEndian(members.size(), 2) + LittleEndian(members.size(), 2) +
         LittleEndian(directory.size(), 4) + LittleEndian(file.size(), 4) +
         std::string(2, '\0');
}

template <typename T>
std::string MessageOf(const absl::StatusOr<T>& result,
                      const std::string& path) {
  if (result.ok()) return "read without an error";
  std::string message(Message(result.status()));
  EXPECT_TRUE(message.starts_with(path + ": ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message.substr(std::min(message.size(), path.size() + 2));
}

std::string NpyError(const std::string& bytes, const NpyOptions& options = {}) {
  const std::string path = WriteContents(PathForTest("bad.npy"), bytes);
  return MessageOf(ReadNpy(path, options), path);
}

std::string NpzError(const std::string& bytes, const NpyOptions& options = {}) {
  const std::string path = WriteContents(PathForTest("bad.npz"), bytes);
  return MessageOf(ReadNpz(path, options), path);
}

TEST(NpyTest, ElementTypesAndOrders) {
  auto read = [](const std::string& bytes) {
    const auto tensor = ReadNpy(WriteContents(PathForTest("a.npy"), bytes));
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    return tensor.ok() ? *tensor : Tensor();
  };
  const Tensor bytes = read(Npy("'|u1'", "False", "(2, 3)", "abcdef"));
  EXPECT_EQ(bytes.ToString(), "u8[2,3]");
  EXPECT_EQ(bytes.ToDoubles(),
            (std::vector<double>{'a', 'b', 'c', 'd', 'e', 'f'}));
  const Tensor fortran = read(Npy("'|u1'", "True", "(2, 3)", "abcdef"));
  EXPECT_EQ(fortran.ToDoubles(),
            (std::vector<double>{'a', 'c', 'e', 'b', 'd', 'f'}));
  const Tensor big = read(Npy("'>i4'", "False", "(2,)",
                              std::string("\0\0\1\2\xff\xff\xff\xff", 8)));
  EXPECT_EQ(big.ToDoubles(), (std::vector<double>{258, -1}));
  const Tensor scalar = read(
      Npy("\"<f8\"", "False", "()", std::string("\0\0\0\0\0\0\xf8\x3f", 8)));
  EXPECT_EQ(scalar.ToString(), "f64[]");
  EXPECT_EQ(scalar.ToDoubles(), std::vector<double>{1.5});
  EXPECT_EQ(read(Npy("'|b1'", "False", "(0, 7L)", "")).ToString(), "bool[0,7]");
}

TEST(NpyTest, Errors) {
  EXPECT_TRUE(NpyError("").starts_with("truncated: "));
  EXPECT_EQ(NpyError("hello, world"),
            "no NPY file: it does not start with \\x93NUMPY and a version from "
            "1 to 3");
  EXPECT_EQ(
      NpyError(Npy("'|O'", "False", "(1,)", "")),
      "NPY header: byte 14: element type \"|O\" is not supported; convert "
      "the array with astype to float32, float64, int32, int64, uint8 or "
      "bool");
  EXPECT_EQ(NpyError(Npy("[('a', '<f4')]", "False", "(1,)", "")),
            "NPY header: byte 10: an array of records; save each field as an "
            "array");
  EXPECT_EQ(NpyError(Npy("'|u1'", "False", "(2,)", "a")),
            "truncated: u8[2] takes 2 bytes, 1 are there");
  EXPECT_EQ(NpyError(Npy("'|u1'", "False", "(2,)", "abc")),
            "holds more data than its header announces: u8[2] takes 2 bytes, 3 "
            "are there");
  EXPECT_EQ(NpyError(Npy("'|b1'", "False", "(1,)", "\2")),
            "a bool is neither 0 nor 1");
  EXPECT_EQ(NpyError(Npy("'<f4'", "False", "(1099511627776,)", "abc")),
            "its header announces f32[1099511627776], which is more than the "
            "limit of 1073741824 bytes");
  EXPECT_NE(NpyError(Npy("'<f4'", "False", "(4294967296, 4294967296)", ""))
                .find("more than the limit"),
            std::string::npos);
  for (const char* shape : {"(-1,)", "(1", "(1.5,)", "(99999999999999999999,)",
                            "(1,1,1,1,1,1,1,1,1)", "3"}) {
    EXPECT_TRUE(NpyError(Npy("'|u1'", "False", shape, "a"))
                    .starts_with("NPY header: byte "))
        << shape;
  }
  EXPECT_TRUE(NpyError(Npy("'|u1'", "Maybe", "(1,)", "a"))
                  .ends_with("expected True or False"));
  EXPECT_TRUE(NpyError(Npy("'|u1', 'descr': '|u1'", "False", "(1,)", "a"))
                  .ends_with("unknown or repeated key 'descr'"));
  const std::string whole = Npy("'|u1'", "False", "(2,)", "ab");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(NpyError(whole.substr(0, size)), "read without an error") << size;
  }
}

TEST(NpzTest, StoredAndDeflated) {
  const std::string numbers(5000, '\7');
  const std::string path = WriteContents(
      PathForTest("a.npz"),
      Zip({{"x.npy", Npy("'|u1'", "False", "(50, 100)", numbers), true},
           {"y.npy", Npy("'|u1'", "False", "(2,)", "ab")}}));
  const absl::StatusOr<std::vector<NamedTensor>> arrays = ReadNpz(path);
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  ASSERT_EQ(arrays->size(), 2u);
  EXPECT_EQ((*arrays)[0].name, "x");
  EXPECT_EQ((*arrays)[0].tensor.ToString(), "u8[50,100]");
  EXPECT_EQ((*arrays)[0].tensor.ToDoubles(), std::vector<double>(5000, 7));
  EXPECT_EQ((*arrays)[1].name, "y");
}

TEST(NpzTest, Errors) {
  const std::string array = Npy("'|u1'", "False", "(2,)", "ab");
  EXPECT_EQ(NpzError("hello"),
            "no ZIP archive, or a truncated one: it has no end record");
  EXPECT_EQ(NpzError(Zip({{"x.txt", "a"}})),
            "entry \"x.txt\" is no array: no NPZ file");
  EXPECT_EQ(NpzError(Zip({{"x.npy", array}, {"x.npy", array}})),
            "two ZIP entries are named \"x.npy\"");
  EXPECT_EQ(NpzError(Zip({{"x.npy", Npy("'|u1'", "False", "(3,)", "ab")}})),
            "entry \"x.npy\": truncated: u8[3] takes 3 bytes, 2 are there");
  for (const bool deflate : {false, true}) {
    const std::string whole = Zip({{"x.npy", array, deflate}});
    ASSERT_EQ(NpzError(whole), "read without an error");
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(NpzError(whole.substr(0, size)), "read without an error")
          << size;
    }
    std::string damaged = whole;
    damaged[30 + 5 + (deflate ? 20 : array.size() - 1)] ^= 1;
    EXPECT_NE(NpzError(damaged), "read without an error");
  }
  std::string encrypted = Zip({{"x.npy", array}});
  encrypted[encrypted.find("PK\1\2") + 8] = 1;
  EXPECT_EQ(NpzError(encrypted), "entry \"x.npy\" is encrypted");
}

TEST(NpzTest, BombsAreNotInflated) {
  // A hundred megabytes of zeros that no header announces.
  EXPECT_EQ(NpzError(Zip(
                {{"x.npy",
                  Npy("'|u1'", "False", "(2,)", std::string(100'000'000, '\0')),
                  true}})),
            "entry \"x.npy\": holds more data than its header announces: u8[2] "
            "takes 2 bytes, 100000000 are there");
  // Arrays that are each within the limit, and together beyond it.
  const std::string array =
      Npy("'|u1'", "False", "(600,)", std::string(600, 'a'));
  EXPECT_EQ(NpzError(Zip({{"x.npy", array, true}, {"y.npy", array, true}}),
                     {.max_bytes = 1000}),
            "entry \"y.npy\": its header announces u8[600], which is more than "
            "the limit of 400 bytes");
  // A size that the stored bytes cannot become.
  std::string lying = Zip({{"x.npy", array, true}});
  const size_t size_at = lying.find("PK\1\2") + 24;
  lying.replace(size_at, 4, LittleEndian(1 << 30, 4));
  EXPECT_NE(NpzError(lying).find("stored ones cannot become so many"),
            std::string::npos);
}

TEST(NpyPythonTest, ReadsWhatNumPyWrites) {
  const std::string npz = PathForTest("a.npz"), packed = PathForTest("b.npz");
  const std::string script = WriteContents(
      PathForTest("script.py"),
      "import numpy as np\n"
      "x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)\n"
      "a = dict(x=x, f=np.asfortranarray(x), b=x.astype('>f8'),\n"
      "         y=np.array([1, 2]), t=np.array([True]), s=np.float32(3))\n"
      "np.savez('" +
          npz +
          "', **a)\n"
          "np.savez_compressed('" +
          packed + "', **a)\n");
  const int status =
      std::system(("python3 " + script + " 2> /dev/null").c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    GTEST_SKIP() << "python3 has no package numpy";
  }
  std::vector<double> counting(24);
  for (int i = 0; i < 24; ++i) counting[i] = i;
  for (const std::string& path : {npz, packed}) {
    const absl::StatusOr<std::vector<NamedTensor>> arrays = ReadNpz(path);
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    ASSERT_EQ(arrays->size(), 6u);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ((*arrays)[i].tensor.ToDoubles(), counting) << i;
    }
    EXPECT_EQ((*arrays)[2].tensor.ToString(), "f64[2,3,4]");
    EXPECT_EQ((*arrays)[3].tensor.ToString(), "i64[2]");
    EXPECT_EQ((*arrays)[4].tensor.ToString(), "bool[1]");
    EXPECT_EQ((*arrays)[5].tensor.ToString(), "f32[]");
  }
}

}  // namespace
}  // namespace evengrad
