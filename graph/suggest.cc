#include "evengrad/graph/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Insertions, deletions, replacements and swaps of neighbours that turn `a`
// into `b` (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before;
  std::vector<size_t> above(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    std::vector<size_t> row(b.size() + 1, i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before = std::move(above);
    above = std::move(row);
  }
  return above.back();
}

// As people take it: in lower case, words in one.
std::string Plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '_' || c == '-') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

}  // namespace

std::string DidYouMean(std::string_view name,
                       const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongestName = 64;  // bounds the work on hostile input
  if (name.empty() || name.size() > kLongestName) return "";
  for (std::string_view candidate : candidates) {
    if (!candidate.empty() && Plain(candidate) == Plain(name)) {
      return StrCat("; did you mean '", candidate, "'?");
    }
  }
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > 2 * kLongestName) continue;
    const size_t distance = EditDistance(name, candidate);
    // People rarely mistype the first letter.
    const bool likelier = distance == best_distance && !best.empty() &&
                          best[0] != name[0] && candidate[0] == name[0];
    if (distance < best_distance || likelier) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : StrCat("; did you mean '", best, "'?");
}

}  // namespace evengrad
