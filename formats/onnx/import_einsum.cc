// ONNX's Einsum: "..." and repeated letters, which ours has not, are taken out
// of the equation.
#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

constexpr std::string_view kDots = "...";

std::vector<std::string> SplitTerms(std::string_view terms) {
  std::vector<std::string> parts(1);
  for (const char c : terms) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// One letter for each axis that "..." can stand for, that the equation has not.
std::optional<std::string> FreeLetters(std::string_view equation) {
  std::string letters;
  for (char c = 'z'; c >= 'a' && letters.size() < Shape::kMaxRank; --c) {
    if (equation.find(c) == std::string_view::npos) letters += c;
  }
  if (letters.size() < Shape::kMaxRank) return std::nullopt;
  return letters;
}

// The axes of "..." are aligned at the last one.
void ReplaceDots(std::string& term, const std::string& letters, size_t count) {
  const size_t dots = term.find(kDots);
  if (dots != std::string::npos) {
    term.replace(dots, kDots.size(), letters.substr(letters.size() - count));
  }
}

// How many axes of `x` the dots of `term` stand for; 0 without dots.
absl::StatusOr<size_t> CountDots(const std::string& term, const Value& x) {
  const bool has_dots = term.find(kDots) != std::string::npos;
  const int named = static_cast<int>(term.size()) -
                    (has_dots ? static_cast<int>(kDots.size()) : 0);
  if (named == x.rank() || (has_dots && named < x.rank())) {
    return static_cast<size_t>(x.rank() - named);
  }
  return InvalidArgument("the term '", term, "' does not fit ",
                         x.type().ToString());
}

// Without repeated letters: `x` along the diagonals of those axes.
Value TakeDiagonals(Value x, std::string& term) {
  for (size_t i = 1; i < term.size() && x.valid(); ++i) {
    const size_t first = term.find(term[i]);
    if (first == i) continue;
    const Dimension size = x.shape()[static_cast<int>(i)];
    Value mask = Greater(Eye(*Graph::Of(x), F32({size, size})), 0);
    std::vector<int64_t> others;
    for (size_t k = 0; k < term.size(); ++k) {
      if (k != i && k != first) others.push_back(static_cast<int64_t>(k));
    }
    if (!others.empty()) mask = Unsqueeze(mask, others);
    x = ReduceSum(Select(mask, x, 0), {.axes = {static_cast<int64_t>(i)}});
    term.erase(i--, 1);
  }
  return x;
}

OnnxResult EinsumRule(Call& call) {
  std::string equation = call.Text("equation", "");
  std::erase_if(equation, [](unsigned char c) { return std::isspace(c) != 0; });
  const size_t arrow = equation.find("->");
  std::vector<std::string> terms = SplitTerms(equation.substr(0, arrow));
  if (terms.size() != static_cast<size_t>(call.num_inputs())) {
    return InvalidArgument("the equation '", equation, "' has ", terms.size(),
                           " terms for ", call.num_inputs(), " inputs");
  }
  const std::optional<std::string> letters = FreeLetters(equation);
  const bool has_dots = equation.find(kDots) != std::string::npos;
  if (!letters.has_value() || (has_dots && arrow == std::string::npos)) {
    return Call::Unsupported("the equation '", equation, "'");
  }
  std::vector<Value> inputs;
  std::string result;
  size_t most = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(static_cast<int>(i)));
    EVENGRAD_ASSIGN_OR_RETURN(const size_t count, CountDots(terms[i], x));
    ReplaceDots(terms[i], *letters, count);
    most = std::max(most, count);
    inputs.push_back(TakeDiagonals(x, terms[i]));
    result += StrCat(i == 0 ? "" : ",", terms[i]);
  }
  if (arrow != std::string::npos) {
    std::string output = equation.substr(arrow + 2);
    ReplaceDots(output, *letters, most);
    result += StrCat("->", output);
  }
  return One(Einsum(result, inputs));
}

constexpr OnnxImport kRules[] = {{"Einsum", 12, EinsumRule}};

}  // namespace

std::span<const OnnxImport> OnnxEinsumImports() { return kRules; }

}  // namespace evengrad
