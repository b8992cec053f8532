// The input of a fuzz target as a file, for readers that take a path.
#ifndef EVENGRAD_TESTS_FUZZ_MEMORY_FILE_H_
#define EVENGRAD_TESTS_FUZZ_MEMORY_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace evengrad {

// The path of a file in memory with these bytes; it is the same each time.
inline const std::string& MemoryFile(const uint8_t* data, size_t size) {
  static const int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
  static const std::string* const path =
      new std::string("/proc/self/fd/" + std::to_string(descriptor));
  if (ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();  // no finding: the fuzzer itself cannot work
  }
  return *path;
}

// What must hold whatever the input is.
inline void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_FUZZ_MEMORY_FILE_H_
