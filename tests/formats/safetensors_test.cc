#include "evengrad/formats/safetensors.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

std::string WithHeader(const std::string& header, size_t data_bytes) {
  const auto length = static_cast<uint64_t>(header.size());
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(data_bytes, '\1');
}

// The message of the error of reading a file of these bytes, after its path.
std::string ErrorOf(const std::string& bytes,
                    const SafetensorsOptions& options = {}) {
  const std::string path = WriteContents(PathForTest("bad"), bytes);
  const absl::StatusOr<std::vector<NamedTensor>> tensors =
      ReadSafetensors(path, options);
  if (tensors.ok()) return "read without an error";
  std::string message(Message(tensors.status()));
  EXPECT_TRUE(message.starts_with(path + ": ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message.substr(std::min(message.size(), path.size() + 2));
}

std::string HeaderErrorOf(const std::string& header, size_t data_bytes = 0) {
  const std::string message = ErrorOf(WithHeader(header, data_bytes));
  const std::string prefix = "safetensors header: ";
  EXPECT_TRUE(message.starts_with(prefix)) << message;
  return message.substr(std::min(prefix.size(), message.size()));
}

std::string Entry(const std::string& name, const std::string& dtype,
                  const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + offsets + "]}";
}

// A tensor of each type, one without elements and a scalar.
std::vector<NamedTensor> AllTypes() {
  Tensor flags = *Tensor::Zeros(Bool({3}));
  static_cast<uint8_t*>(flags.mutable_data())[1] = 1;
  return {{"flags", flags},
          {"hidden1/weights", *Tensor::Of<float>({2, 2}, {1, -2, 3.5f, 1e-9f})},
          {"bytes", *Tensor::Of<uint8_t>({5}, {1, 2, 3, 4, 255})},
          {"wide", *Tensor::Of<double>({1}, {0.1})},
          {"half", *Tensor::Of<BFloat16>({3}, {{0x3f80}, {0}, {0xbf80}})},
          {"step", *Tensor::Of<int64_t>({}, {1234567890123})},
          {"none", *Tensor::Of<float>({2, 0}, {})},
          {"int", *Tensor::Of<int32_t>({2}, {-1, 7})}};
}

TEST(SafetensorsTest, WhatIsWrittenReadsBack) {
  for (const bool checksums : {false, true}) {
    const std::string path = PathForTest("all");
    const std::vector<NamedTensor> tensors = AllTypes();
    const SafetensorsMetadata metadata = {{"made by", "a \"test\"\n\x01 é"}};
    const absl::Status status =
        WriteSafetensors(path, tensors, metadata, {.checksums = checksums});
    ASSERT_TRUE(status.ok()) << status;
    const absl::StatusOr<SafetensorsReader> reader =
        SafetensorsReader::Open(path, {.checksums = checksums});
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ(reader->tensors().size(), tensors.size());
    EXPECT_EQ(reader->metadata().find("made by")->second,
              metadata.find("made by")->second);
    EXPECT_TRUE(reader->Verify().ok());
    for (const NamedTensor& tensor : tensors) {
      const SafetensorsEntry* entry = reader->Find(tensor.name);
      ASSERT_NE(entry, nullptr) << tensor.name;
      const absl::StatusOr<Tensor> read = reader->Read(*entry);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_TRUE(*read == tensor.tensor) << tensor.name;
    }
    EXPECT_EQ(reader->Find("nothing"), nullptr);
  }
}

TEST(SafetensorsTest, EachTensorStartsAtAMultipleOfItsElement) {
  const std::string path = PathForTest("aligned");
  ASSERT_TRUE(WriteSafetensors(path, AllTypes()).ok());
  const absl::StatusOr<SafetensorsReader> reader =
      SafetensorsReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto data = static_cast<int64_t>(std::filesystem::file_size(path)) -
                    reader->tensors().back().end;
  EXPECT_EQ(data % 64, 0);
  for (const SafetensorsEntry& entry : reader->tensors()) {
    EXPECT_EQ(entry.begin % static_cast<int64_t>(SizeOf(entry.type.dtype)), 0)
        << entry.name;
  }
}

TEST(SafetensorsTest, ReadsTensorsThatAreNotAlignedAndInAnyOrder) {
  const std::string header = "{" + Entry("late", "F32", "1", "3,7") + "," +
                             Entry("early", "U8", "3", "0,3") + " , " +
                             Entry("empty", "I64", "0,5", "3,3") + "}  \n";
  std::string bytes = WithHeader(header, 0) + "abc";
  const float value = 2.5f;
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  const absl::StatusOr<std::vector<NamedTensor>> tensors =
      ReadSafetensors(WriteContents(PathForTest("odd"), bytes));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "early");
  EXPECT_EQ((*tensors)[2].name, "late");
  EXPECT_EQ((*tensors)[2].tensor.ToDoubles(), std::vector<double>{2.5});
}

TEST(SafetensorsTest, ReadIntoWantsTheSameType) {
  const std::string path = PathForTest("into");
  ASSERT_TRUE(
      WriteSafetensors(path, {{"w", *Tensor::Of<float>({2}, {1, 2})}}).ok());
  const absl::StatusOr<SafetensorsReader> reader =
      SafetensorsReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  Tensor target = *Tensor::Zeros(F32({2}));
  ASSERT_TRUE(reader->ReadInto(reader->tensors()[0], target).ok());
  EXPECT_EQ(target.ToDoubles(), (std::vector<double>{1, 2}));
  Tensor other = *Tensor::Zeros(F32({3}));
  EXPECT_EQ(Message(reader->ReadInto(reader->tensors()[0], other)),
            path + ": tensor \"w\" has type f32[2], expected f32[3]");
}

TEST(SafetensorsTest, WritingRefuses) {
  const Tensor one = *Tensor::Of<float>({1}, {1});
  const std::string path = PathForTest("refused");
  EXPECT_FALSE(WriteSafetensors(path, {{"a", one}, {"a", one}}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {{"__metadata__", one}}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {{"\xff", one}}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {{"a", Tensor()}}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {{"a", one}}, {{"k", "\xc3"}}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {{"a", one}}, {{"crc32c", ""}},
                                {.checksums = true})
                   .ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SafetensorsTest, BadHeaders) {
  const std::string one = Entry("a", "F32", "1", "0,4");
  EXPECT_EQ(HeaderErrorOf(" {}"), "byte 0: expected '{'");
  EXPECT_EQ(HeaderErrorOf("{"), "byte 1: expected a string");
  EXPECT_EQ(HeaderErrorOf("{" + one, 4), "byte 53: expected '}'");
  EXPECT_EQ(HeaderErrorOf("{" + one + "} x", 4),
            "byte 55: more text after the end");
  EXPECT_EQ(HeaderErrorOf("{" + one + ",}", 4), "byte 54: expected a string");
  EXPECT_EQ(HeaderErrorOf("{" + one + "," + one + "}", 4),
            "byte 58: two tensors are named \"a\"");
  EXPECT_EQ(HeaderErrorOf("{" + Entry("a", "F16", "1", "0,2") + "}", 2),
            "byte 19: element type \"F16\" is not supported; known are F32, "
            "F64, BF16, I32, I64, U8 and BOOL");
  EXPECT_EQ(HeaderErrorOf("{" + Entry("a", "F32", "2", "0,4") + "}", 4),
            "byte 53: tensor \"a\" of type f32[2] takes 8 bytes, but has the "
            "data_offsets [0,4]");
  EXPECT_EQ(HeaderErrorOf("{" + Entry("a", "F32", "1", "4,0") + "}", 4),
            "byte 53: tensor \"a\" of type f32[1] takes 4 bytes, but has the "
            "data_offsets [4,0]");
  EXPECT_EQ(HeaderErrorOf("{" + one + "}", 3),
            "truncated: the tensors take 4 bytes, only 3 are in the file");
  EXPECT_EQ(HeaderErrorOf("{" + one + "}", 5),
            "the last 1 bytes of the file belong to no tensor");
  EXPECT_EQ(
      HeaderErrorOf("{" + one + "," + Entry("b", "F32", "1", "2,6") + "}", 6),
      "tensors \"a\" [0,4] and \"b\" [2,6] overlap");
  EXPECT_EQ(
      HeaderErrorOf("{" + one + "," + Entry("b", "F32", "1", "5,9") + "}", 9),
      "bytes 4 to 5 of the data, before tensor \"b\", belong to no tensor");
  EXPECT_EQ(HeaderErrorOf("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1),
            "byte 31: tensor \"a\" has no 'data_offsets'");
  EXPECT_EQ(HeaderErrorOf("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 1),
            "byte 27: tensor \"a\" has two members 'dtype'");
  EXPECT_EQ(HeaderErrorOf("{\"a\":{\"kind\":1}}", 1),
            "byte 13: tensor \"a\" has an unknown member \"kind\"; known are "
            "dtype, shape and data_offsets");
  EXPECT_EQ(HeaderErrorOf("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"),
            "byte 30: __metadata__ has two members \"a\"");
  EXPECT_EQ(HeaderErrorOf("{\"__metadata__\":{\"a\":1}}"),
            "byte 21: expected a string");
  EXPECT_EQ(HeaderErrorOf("{\"__metadata__\":{},\"__metadata__\":{}}"),
            "byte 34: two members __metadata__");
}

TEST(SafetensorsTest, AbsurdSizes) {
  const std::string big = "1099511627776";  // 2^40
  EXPECT_EQ(
      HeaderErrorOf("{" + Entry("a", "F32", big, "0,4398046511104") + "}", 10),
      "truncated: the tensors take 4398046511104 bytes, only 10 are in "
      "the file");
  EXPECT_NE(HeaderErrorOf("{" + Entry("a", "F32", big + "," + big, "0,4") + "}")
                .find("overflow"),
            std::string::npos);
  for (const char* number : {"-1", "1.0", "1e3", "01", "9223372036854775808"}) {
    EXPECT_EQ(HeaderErrorOf("{" + Entry("a", "U8", number, "0,1") + "}", 1),
              "byte 28: expected a whole number from 0 to 2^63 - 1")
        << number;
  }
  EXPECT_EQ(
      HeaderErrorOf("{" + Entry("a", "U8", "1,1,1,1,1,1,1,1,1", "0,1") + "}"),
      "byte 44: a shape of more than 8 dimensions is not supported");
  EXPECT_TRUE(ErrorOf("").starts_with("truncated: "));
  EXPECT_EQ(ErrorOf(std::string(8, '\xff')),
            "no safetensors file: it announces a header of "
            "18446744073709551615 bytes; at most 100000000 are allowed");
  std::string announced = WithHeader("{}", 0);
  announced[0] = 3;
  EXPECT_EQ(ErrorOf(announced),
            "truncated: its header has 3 bytes, only 2 are in the file");
}

TEST(SafetensorsTest, BoolsAreZeroOrOne) {
  std::string bytes = WithHeader("{" + Entry("a", "BOOL", "1", "0,1") + "}", 0);
  EXPECT_EQ(ErrorOf(bytes + "\1"), "read without an error");
  EXPECT_EQ(ErrorOf(bytes + "\2"),
            "tensor \"a\" is of bools, but a byte is neither 0 nor 1");
}

TEST(SafetensorsTest, EveryCutAndEveryFlippedBitIsNoticed) {
  const std::string path = PathForTest("whole");
  ASSERT_TRUE(WriteSafetensors(path,
                               {{"w", *Tensor::Of<float>({2}, {1, 2})},
                                {"b", *Tensor::Of<uint8_t>({1}, {7})}},
                               {{"step", "12"}}, {.checksums = true})
                  .ok());
  const std::string whole = ContentsOf(path);
  EXPECT_EQ(ErrorOf(whole, {.checksums = true}), "read without an error");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(ErrorOf(whole.substr(0, size), {.checksums = true}),
              "read without an error")
        << size;
  }
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(ErrorOf(flipped, {.checksums = true}), "read without an error")
        << bit;
  }
  EXPECT_EQ(ErrorOf(WithHeader("{}", 0), {.checksums = true}),
            "has no checksums: it was not written by Evengrad");
}

// The Python package safetensors, which others use, is the oracle.
class SafetensorsPythonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Python("import numpy, safetensors.numpy") != 0) {
      GTEST_SKIP() << "python3 has no packages numpy and safetensors";
    }
  }
  int Python(const std::string& program) {
    const std::string script =
        WriteContents(PathForTest("script.py"), program + "\n");
    const int status = std::system(
        ("python3 " + script + " 2> " + PathForTest("log")).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(SafetensorsPythonTest, ReadsOurs) {
  for (const bool checksums : {false, true}) {
    std::vector<NamedTensor> tensors = AllTypes();
    std::erase_if(tensors, [](const NamedTensor& tensor) {
      return tensor.name == "half";  // NumPy has no bf16
    });
    const std::string path = PathForTest("ours.safetensors");
    ASSERT_TRUE(WriteSafetensors(path, tensors, {{"key", "valué"}},
                                 {.checksums = checksums})
                    .ok());
    EXPECT_EQ(
        Python(
            "import numpy as np\n"
            "from safetensors import safe_open\n"
            "with safe_open('" +
            path +
            "', 'np') as file:\n"
            "  assert file.metadata()['key'] == 'valu\\u00e9'\n"
            "  t = {k: file.get_tensor(k) for k in file.keys()}\n"
            "assert len(t) == 7\n"
            "w = t['hidden1/weights']\n"
            "assert w.dtype == np.float32 and w.shape == (2, 2)\n"
            "assert w.tolist() == [[1, -2], [3.5, float(np.float32(1e-9))]]\n"
            "assert t['flags'].tolist() == [False, True, False]\n"
            "assert t['bytes'].tolist() == [1, 2, 3, 4, 255]\n"
            "assert t['wide'].tolist() == [0.1]\n"
            "assert t['step'].tolist() == 1234567890123\n"
            "assert t['step'].shape == ()\n"
            "assert t['none'].shape == (2, 0)\n"
            "assert t['int'].dtype == np.int32\n"),
        0);
  }
}

TEST_F(SafetensorsPythonTest, WritesWhatWeRead) {
  const std::string path = PathForTest("theirs.safetensors");
  ASSERT_EQ(
      Python("import numpy as np\n"
             "from safetensors.numpy import save_file\n"
             "save_file({'w': np.arange(6, dtype=np.float32).reshape(2, 3),"
             "'n': np.array(5, dtype=np.int64),"
             "'e': np.zeros((0, 4), dtype=np.float64),"
             "'b': np.array([True, False]),"
             "'u': np.array([1, 255], dtype=np.uint8)}, '" +
             path + "', metadata={'who': 'th\\u00e9m \\\"q\\\"'})\n"),
      0);
  const absl::StatusOr<SafetensorsReader> reader =
      SafetensorsReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->metadata().find("who")->second, "thém \"q\"");
  ASSERT_EQ(reader->tensors().size(), 5u);
  const Tensor w = *reader->Read(*reader->Find("w"));
  EXPECT_EQ(w.ToString(), "f32[2,3]");
  EXPECT_EQ(w.ToDoubles(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(reader->Read(*reader->Find("n"))->ToDoubles(),
            std::vector<double>{5});
  EXPECT_EQ(reader->Read(*reader->Find("e"))->ToString(), "f64[0,4]");
  EXPECT_EQ(reader->Read(*reader->Find("b"))->ToDoubles(),
            (std::vector<double>{1, 0}));
  EXPECT_EQ(reader->Read(*reader->Find("u"))->ToDoubles(),
            (std::vector<double>{1, 255}));
}

}  // namespace
}  // namespace evengrad
