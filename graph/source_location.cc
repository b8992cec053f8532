#include "evengrad/graph/source_location.h"

#include <mutex>
#include <set>

#include "evengrad/graph/status.h"

namespace evengrad {

std::string SourceLocation::ToString() const {
  if (!known()) return "";
  std::string_view name = file;
  if (size_t slash = name.rfind('/'); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  return StrCat(name, ":", line);
}

SourceLocation SourceLocation::Interned(std::string_view file, int line) {
  static std::mutex* const mutex = new std::mutex;
  static std::set<std::string, std::less<>>* const names =
      new std::set<std::string, std::less<>>;
  std::lock_guard<std::mutex> lock(*mutex);
  auto it = names->find(file);
  if (it == names->end()) it = names->emplace(file).first;
  return SourceLocation{it->c_str(), line};
}

}  // namespace evengrad
