#include "elf_file.h"

#include <elf.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad::tools {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t kLargestFile = uint64_t{1} << 32;
// Of program headers, section headers and symbols: far above any real one.
constexpr uint64_t kMostEntries = 1 << 24;

// A file of which parts are read, each one only when it lies inside.
class ElfFile {
 public:
  static absl::StatusOr<ElfFile> Open(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
      return absl::NotFoundError("there is no such file");
    }
    if (status.type() == std::filesystem::file_type::directory) {
      return InvalidArgument("is a folder");
    }
    if (status.type() != std::filesystem::file_type::regular) {
      return InvalidArgument("is no regular file");
    }
    const uint64_t size = std::filesystem::file_size(path, error);
    ElfFile file;
    file.stream_.open(path, std::ios::binary);
    if (error || !file.stream_) {
      return InvalidArgument("cannot be read: ", std::strerror(errno));
    }
    if (size > kLargestFile) return InvalidArgument("is larger than 4 GB");
    file.size_ = size;
    EVENGRAD_RETURN_IF_ERROR(file.ReadHeaders());
    return file;
  }

  absl::StatusOr<std::optional<uint32_t>> Find(std::string_view symbol) {
    for (const Elf64_Shdr& section : sections_) {
      if (section.sh_type != SHT_DYNSYM) continue;
      EVENGRAD_ASSIGN_OR_RETURN(
          const auto symbols,
          Table<Elf64_Sym>(section.sh_offset,
                           section.sh_size / sizeof(Elf64_Sym)));
      if (section.sh_link >= sections_.size()) return Truncated();
      const Elf64_Shdr& strings = sections_[section.sh_link];
      EVENGRAD_ASSIGN_OR_RETURN(
          const auto names, Table<char>(strings.sh_offset, strings.sh_size));
      for (const Elf64_Sym& candidate : symbols) {
        if (candidate.st_shndx == SHN_UNDEF ||
            NameAt(names, candidate.st_name) != symbol) {
          continue;
        }
        EVENGRAD_ASSIGN_OR_RETURN(const uint32_t value,
                                  ReadMapped(candidate.st_value));
        return std::optional<uint32_t>(value);
      }
    }
    return std::optional<uint32_t>();
  }

 private:
  static absl::Status Truncated() {
    return InvalidArgument("is a truncated or damaged shared library");
  }

  absl::Status ReadHeaders() {
    const absl::StatusOr<std::vector<Elf64_Ehdr>> header =
        Table<Elf64_Ehdr>(0, 1);
    if (!header.ok() ||
        std::memcmp((*header)[0].e_ident, ELFMAG, SELFMAG) != 0) {
      return InvalidArgument("is no shared library (no ELF file)");
    }
    const Elf64_Ehdr& elf = (*header)[0];
    if (elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_type != ET_DYN ||
        elf.e_phentsize != sizeof(Elf64_Phdr) ||
        (elf.e_shnum > 0 && elf.e_shentsize != sizeof(Elf64_Shdr))) {
      return InvalidArgument(
          "is an ELF file, but no 64-bit shared library for this machine");
    }
    EVENGRAD_ASSIGN_OR_RETURN(segments_,
                              Table<Elf64_Phdr>(elf.e_phoff, elf.e_phnum));
    EVENGRAD_ASSIGN_OR_RETURN(sections_,
                              Table<Elf64_Shdr>(elf.e_shoff, elf.e_shnum));
    // The loader maps segments without looking whether the file has them.
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_offset > size_ ||
          segment.p_filesz > size_ - segment.p_offset) {
        return Truncated();
      }
    }
    return absl::OkStatus();
  }

  template <typename T>
  absl::StatusOr<std::vector<T>> Table(uint64_t offset, uint64_t count) {
    if (count > kMostEntries || offset > size_ ||
        count * sizeof(T) > size_ - offset) {
      return Truncated();
    }
    std::vector<T> table(count);
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(reinterpret_cast<char*>(table.data()),
                 static_cast<std::streamsize>(count * sizeof(T)));
    if (!stream_) return Truncated();
    return table;
  }

  static std::string_view NameAt(const std::vector<char>& names,
                                 uint64_t offset) {
    if (offset >= names.size()) return "";
    const char* const begin = names.data() + offset;
    return {begin, strnlen(begin, names.size() - offset)};
  }

  // What the file holds for an address of the loaded library.
  absl::StatusOr<uint32_t> ReadMapped(uint64_t address) {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const uint64_t within = address - segment.p_vaddr;
      if (segment.p_filesz < sizeof(uint32_t) ||
          within > segment.p_filesz - sizeof(uint32_t)) {
        continue;
      }
      EVENGRAD_ASSIGN_OR_RETURN(const auto value,
                                Table<uint32_t>(segment.p_offset + within, 1));
      return value[0];
    }
    return Truncated();
  }

  std::ifstream stream_;
  uint64_t size_ = 0;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
};

}  // namespace

absl::StatusOr<std::optional<uint32_t>> ReadExportedUint32(
    const std::string& path, std::string_view symbol) {
  EVENGRAD_ASSIGN_OR_RETURN(ElfFile file, ElfFile::Open(path));
  return file.Find(symbol);
}

}  // namespace evengrad::tools
