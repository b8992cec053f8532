#include "evengrad/formats/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "evengrad/formats/json_lines.h"

namespace evengrad {
namespace {

// Deflate expands a byte to at most 1032 (RFC 1951: 258 bytes in 2 bits).
constexpr int64_t kLargestRatio = 1032;
constexpr int64_t kMostEntries = 10'000;
constexpr int64_t kLargestDirectory = int64_t{1} << 24;

constexpr uint32_t kEndMagic = 0x06054b50;
constexpr int64_t kEndSize = 22;
constexpr uint32_t kEnd64LocatorMagic = 0x07064b50;
constexpr int64_t kEnd64LocatorSize = 20;
constexpr uint32_t kEnd64Magic = 0x06064b50;
constexpr int64_t kEnd64Size = 56;
constexpr uint32_t kEntryMagic = 0x02014b50;
constexpr size_t kEntrySize = 46;
constexpr uint32_t kLocalMagic = 0x04034b50;
constexpr int64_t kLocalSize = 30;
constexpr uint16_t kExtra64 = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // the number is in the 64-bit extra

// The little-endian number at `offset`, which must be within the bytes.
template <typename T>
T Number(std::string_view bytes, size_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<uint8_t>(bytes[offset + i])) << (8 * i);
  }
  return value;
}

// Where the table of contents is.
struct Place {
  uint64_t entries = 0;
  uint64_t size = 0;
  uint64_t offset = 0;
};

absl::StatusOr<std::string> ReadBytes(const InputFile& file, int64_t offset,
                                      int64_t size, std::string_view what) {
  std::string bytes(static_cast<size_t>(size), '\0');
  EVENGRAD_RETURN_IF_ERROR(file.ReadAt(offset, bytes.data(), size, what));
  return bytes;
}

// The 64-bit form of the end, which a locator before the usual one points at.
absl::StatusOr<Place> ReadEnd64(const InputFile& file, int64_t end_offset) {
  const int64_t locator_offset = end_offset - kEnd64LocatorSize;
  if (locator_offset < 0)
    return file.Error("damaged ZIP archive: no 64-bit end");
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string locator,
      ReadBytes(file, locator_offset, kEnd64LocatorSize, "the ZIP end"));
  const auto offset = Number<uint64_t>(locator, 8);
  if (Number<uint32_t>(locator, 0) != kEnd64LocatorMagic ||
      offset > static_cast<uint64_t>(locator_offset) ||
      locator_offset - static_cast<int64_t>(offset) < kEnd64Size) {
    return file.Error("damaged ZIP archive: no 64-bit end");
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string end,
      ReadBytes(file, static_cast<int64_t>(offset), kEnd64Size, "the ZIP end"));
  if (Number<uint32_t>(end, 0) != kEnd64Magic) {
    return file.Error("damaged ZIP archive: no 64-bit end");
  }
  return Place{.entries = Number<uint64_t>(end, 32),
               .size = Number<uint64_t>(end, 40),
               .offset = Number<uint64_t>(end, 48)};
}

absl::StatusOr<Place> FindDirectory(const InputFile& file) {
  // The end is followed by a comment of up to 64 KiB.
  const int64_t tail_size = std::min<int64_t>(file.size(), kEndSize + 0xffff);
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string tail,
      ReadBytes(file, file.size() - tail_size, tail_size, "the ZIP end"));
  for (int64_t at = tail_size - kEndSize; at >= 0; --at) {
    const auto end = static_cast<size_t>(at);
    if (Number<uint32_t>(tail, end) != kEndMagic ||
        Number<uint16_t>(tail, end + 20) != tail_size - at - kEndSize) {
      continue;
    }
    const Place place = {.entries = Number<uint16_t>(tail, end + 10),
                         .size = Number<uint32_t>(tail, end + 12),
                         .offset = Number<uint32_t>(tail, end + 16)};
    if (place.entries != 0xffff && place.size != kIn64 &&
        place.offset != kIn64) {
      return place;
    }
    return ReadEnd64(file, file.size() - tail_size + at);
  }
  return file.Error("no ZIP archive, or a truncated one: it has no end record");
}

// Replaces sizes and offset that are marked as too large for 32 bits.
absl::Status ReadExtra64(const InputFile& file, std::string_view extra,
                         std::array<uint64_t*, 3> numbers) {
  while (extra.size() >= 4) {
    const size_t size = Number<uint16_t>(extra, 2);
    if (size > extra.size() - 4) break;
    std::string_view field = extra.substr(4, size);
    if (Number<uint16_t>(extra, 0) == kExtra64) {
      for (uint64_t* number : numbers) {
        if (*number != kIn64 || field.size() < 8) continue;
        *number = Number<uint64_t>(field, 0);
        field.remove_prefix(8);
      }
      return absl::OkStatus();
    }
    extra.remove_prefix(4 + size);
  }
  for (const uint64_t* number : numbers) {
    if (*number == kIn64) {
      return file.Error("damaged ZIP archive: a 64-bit size is missing");
    }
  }
  return absl::OkStatus();
}

// The entry at the start of `directory`, which is moved past it.
absl::StatusOr<ZipEntry> TakeEntry(const InputFile& file,
                                   std::string_view& directory) {
  const std::string_view text = directory;
  if (text.size() < kEntrySize || Number<uint32_t>(text, 0) != kEntryMagic) {
    return file.Error("damaged ZIP archive: its table of contents is broken");
  }
  const size_t name_size = Number<uint16_t>(text, 28);
  const size_t extra_size = Number<uint16_t>(text, 30);
  const size_t whole =
      kEntrySize + name_size + extra_size + Number<uint16_t>(text, 32);
  if (text.size() < whole) {
    return file.Error("damaged ZIP archive: its table of contents is broken");
  }
  directory.remove_prefix(whole);
  ZipEntry entry;
  entry.name = text.substr(kEntrySize, name_size);
  const std::string name = QuotedJson(entry.name);
  const auto flags = Number<uint16_t>(text, 8);
  const auto method = Number<uint16_t>(text, 10);
  entry.crc32 = Number<uint32_t>(text, 16);
  uint64_t stored = Number<uint32_t>(text, 20);
  uint64_t size = Number<uint32_t>(text, 24);
  uint64_t offset = Number<uint32_t>(text, 42);
  EVENGRAD_RETURN_IF_ERROR(
      ReadExtra64(file, text.substr(kEntrySize + name_size, extra_size),
                  {&size, &stored, &offset}));
  if ((flags & 1) != 0) return file.Error("entry ", name, " is encrypted");
  if (method != 0 && method != Z_DEFLATED) {
    return file.Error("entry ", name, " is compressed by method ", method,
                      "; known are 0 (stored) and 8 (deflated)");
  }
  const auto file_size = static_cast<uint64_t>(file.size());
  entry.deflated = method != 0;
  if (offset > file_size || stored > file_size - offset) {
    return file.Error("truncated: entry ", name, " has ", stored,
                      " bytes from byte ", offset, " on, the file has ",
                      file_size);
  }
  if (entry.deflated ? size / kLargestRatio > stored : size != stored) {
    return file.Error("damaged: entry ", name, " announces ", size, " bytes, ",
                      stored, " stored ones cannot become so many");
  }
  entry.stored_size = static_cast<int64_t>(stored);
  entry.size = static_cast<int64_t>(size);
  entry.header_offset = static_cast<int64_t>(offset);
  return entry;
}

}  // namespace

absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(const InputFile& file) {
  EVENGRAD_ASSIGN_OR_RETURN(const Place place, FindDirectory(file));
  const auto file_size = static_cast<uint64_t>(file.size());
  if (place.offset > file_size || place.size > file_size - place.offset) {
    return file.Error("truncated: the ZIP table of contents has ", place.size,
                      " bytes from byte ", place.offset, " on, the file has ",
                      file_size);
  }
  if (place.entries > kMostEntries || place.size > kLargestDirectory) {
    return file.Error("has ", place.entries, " ZIP entries in a table of ",
                      place.size, " bytes; at most ", kMostEntries, " in ",
                      kLargestDirectory, " are read");
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string bytes,
      ReadBytes(file, static_cast<int64_t>(place.offset),
                static_cast<int64_t>(place.size), "the ZIP table of contents"));
  std::vector<ZipEntry> entries;
  std::set<std::string> names;
  std::string_view directory = bytes;
  for (uint64_t i = 0; i < place.entries; ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(ZipEntry entry, TakeEntry(file, directory));
    if (!names.insert(entry.name).second) {
      return file.Error("two ZIP entries are named ", QuotedJson(entry.name));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

struct ZipEntryReader::State {
  State(const InputFile& input, const ZipEntry& zip_entry)
      : file(input), entry(zip_entry) {}
  ~State() {
    if (inflating) inflateEnd(&stream);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return file.Error("entry ", QuotedJson(entry.name), ": ", parts...);
  }
  absl::Status Fill();
  absl::Status Inflate(char* bytes, int64_t size, std::string_view what);

  const InputFile& file;
  ZipEntry entry;
  int64_t offset = 0;  // of the next stored byte
  int64_t left = 0;    // stored bytes that were not read
  int64_t given = 0;   // bytes handed out
  uint32_t crc = 0;
  bool inflating = false;
  bool ended = false;  // the deflated data
  z_stream stream = {};
  std::array<unsigned char, size_t{1} << 16> buffer;
};

// Gives zlib more stored bytes where it has none.
absl::Status ZipEntryReader::State::Fill() {
  if (stream.avail_in > 0 || left == 0) return absl::OkStatus();
  const int64_t size = std::min<int64_t>(left, buffer.size());
  EVENGRAD_RETURN_IF_ERROR(
      file.ReadAt(offset, buffer.data(), size, "a ZIP entry"));
  offset += size;
  left -= size;
  stream.next_in = buffer.data();
  stream.avail_in = static_cast<unsigned>(size);
  return absl::OkStatus();
}

absl::Status ZipEntryReader::State::Inflate(char* bytes, int64_t size,
                                            std::string_view what) {
  constexpr int64_t kChunk = int64_t{1} << 24;
  for (int64_t done = 0; done < size;) {
    EVENGRAD_RETURN_IF_ERROR(Fill());
    const auto wanted = static_cast<unsigned>(std::min(size - done, kChunk));
    stream.next_out = reinterpret_cast<unsigned char*>(bytes + done);
    stream.avail_out = wanted;
    const int code = ended ? Z_STREAM_END : inflate(&stream, Z_NO_FLUSH);
    const int64_t count = wanted - stream.avail_out;
    done += count;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return Error("damaged: ", stream.msg != nullptr
                                    ? stream.msg
                                    : "it cannot be inflated");
    }
    ended = code == Z_STREAM_END;
    if (done < size &&
        (ended || (count == 0 && left == 0 && stream.avail_in == 0))) {
      return Error("truncated: ", what, " has ", size, " bytes, only ", done,
                   " are there");
    }
  }
  return absl::OkStatus();
}

ZipEntryReader::ZipEntryReader(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
ZipEntryReader::ZipEntryReader(ZipEntryReader&&) noexcept = default;
ZipEntryReader::~ZipEntryReader() = default;

absl::StatusOr<ZipEntryReader> ZipEntryReader::Open(const InputFile& file,
                                                    const ZipEntry& entry) {
  auto state = std::make_unique<State>(file, entry);
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::string header,
      ReadBytes(file, entry.header_offset, kLocalSize, "a ZIP entry's header"));
  if (Number<uint32_t>(header, 0) != kLocalMagic) {
    return state->Error("damaged: no ZIP entry starts at byte ",
                        entry.header_offset);
  }
  state->offset = entry.header_offset + kLocalSize +
                  Number<uint16_t>(header, 26) + Number<uint16_t>(header, 28);
  state->left = entry.stored_size;
  if (entry.deflated) {
    if (inflateInit2(&state->stream, -MAX_WBITS) != Z_OK) {
      return absl::ResourceExhaustedError(
          StrCat(file.path(), ": no memory to inflate"));
    }
    state->inflating = true;
  }
  return ZipEntryReader(std::move(state));
}

absl::Status ZipEntryReader::Read(void* bytes, int64_t size,
                                  std::string_view what) {
  State& state = *state_;
  if (size > state.entry.size - state.given) {
    return state.Error("truncated: ", what, " has ", size, " bytes, only ",
                       state.entry.size - state.given, " are there");
  }
  auto* target = static_cast<char*>(bytes);
  if (state.entry.deflated) {
    EVENGRAD_RETURN_IF_ERROR(state.Inflate(target, size, what));
  } else {
    EVENGRAD_RETURN_IF_ERROR(
        state.file.ReadAt(state.offset, target, size, what));
    state.offset += size;
  }
  state.given += size;
  state.crc = static_cast<uint32_t>(
      crc32_z(state.crc, reinterpret_cast<const unsigned char*>(target),
              static_cast<size_t>(size)));
  return absl::OkStatus();
}

absl::Status ZipEntryReader::ExpectEnd() {
  State& state = *state_;
  if (state.given != state.entry.size) {
    return state.Error("holds ", state.entry.size - state.given,
                       " bytes more than it should");
  }
  if (state.crc != state.entry.crc32) {
    return state.Error("damaged: its checksum is wrong");
  }
  return absl::OkStatus();
}

}  // namespace evengrad
