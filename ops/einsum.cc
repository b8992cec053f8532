// Einstein summation, composed of transposes, reshapes, sums and products.
#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// A value and the letter of each axis.
struct Term {
  Value value = {};
  std::string letters = {};

  Dimension size(char letter) const {
    return value.shape()[static_cast<int>(letters.find(letter))];
  }
};

bool Has(std::string_view letters, char letter) {
  return letters.find(letter) != std::string_view::npos;
}

// The letters of `letters` for which `keep` is true, in order.
template <typename Predicate>
std::string Those(std::string_view letters, Predicate keep) {
  std::string those;
  std::copy_if(letters.begin(), letters.end(), std::back_inserter(those), keep);
  return those;
}

// ---- Reading the equation ---------------------------------------------------

struct Equation {
  std::vector<std::string> terms = {};
  std::string output = {};
};

absl::StatusOr<Equation> Parse(std::string_view text) {
  Equation equation = {.terms = {""}};
  bool has_arrow = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      (has_arrow ? equation.output : equation.terms.back()) += c;
    } else if (c == ',' && !has_arrow) {
      equation.terms.emplace_back();
    } else if (c == '-' && !has_arrow && text.substr(i, 2) == "->") {
      has_arrow = true;
      ++i;
    } else {
      return InvalidArgument("unexpected '", std::string(1, c),
                             "' at position ", i, " of '", text,
                             "'; an equation has letters, commas and at most "
                             "one '->', such as \"bij,bjk->bik\"");
    }
  }
  if (has_arrow) return equation;
  std::map<char, int> count;
  for (const std::string& term : equation.terms) {
    for (char letter : term) ++count[letter];
  }
  for (const auto& [letter, times] : count) {
    if (times == 1) equation.output += letter;
  }
  return equation;
}

// The letter that stands twice, or 0.
char Repeated(std::string_view letters) {
  for (size_t i = 1; i < letters.size(); ++i) {
    if (Has(letters.substr(0, i), letters[i])) return letters[i];
  }
  return 0;
}

absl::Status CheckOutput(const Equation& equation) {
  if (const char twice = Repeated(equation.output); twice != 0) {
    return InvalidArgument("'", std::string(1, twice),
                           "' stands twice in the output '", equation.output,
                           "'");
  }
  for (char letter : equation.output) {
    const bool known =
        std::any_of(equation.terms.begin(), equation.terms.end(),
                    [&](const std::string& term) { return Has(term, letter); });
    if (known) continue;
    return InvalidArgument("the output has '", std::string(1, letter),
                           "', which no input has");
  }
  return absl::OkStatus();
}

// The terms of `equation` with their values, which agree with it.
absl::StatusOr<std::vector<Term>> Match(const Equation& equation,
                                        std::span<const Value> inputs) {
  if (equation.terms.size() != inputs.size()) {
    return InvalidArgument("the equation has ", equation.terms.size(),
                           " term(s), ", inputs.size(), " input(s) are given");
  }
  std::vector<Term> terms;
  std::map<char, size_t> first;  // the term in which a letter is first met
  for (size_t i = 0; i < inputs.size(); ++i) {
    Term term = {inputs[i], equation.terms[i]};
    const std::string type = term.value.type().ToString();
    if (static_cast<int>(term.letters.size()) != term.value.rank()) {
      return InvalidArgument("term '", term.letters, "' has ",
                             term.letters.size(), " letter(s), input ", i,
                             " of type ", type, " has ", term.value.rank(),
                             " dimension(s)");
    }
    if (const char twice = Repeated(term.letters); twice != 0) {
      return InvalidArgument("'", std::string(1, twice),
                             "' stands twice in term '", term.letters,
                             "'; diagonals are not supported");
    }
    terms.push_back(term);
    for (char letter : term.letters) {
      const auto [it, inserted] = first.emplace(letter, i);
      const Dimension before = terms[it->second].size(letter);
      if (MayBeEqual(before, term.size(letter))) continue;
      return InvalidArgument(
          "'", std::string(1, letter), "' is ", before.ToString(), " in input ",
          it->second, " of type ", terms[it->second].value.type().ToString(),
          " and ", term.size(letter).ToString(), " in input ", i, " of type ",
          type);
    }
  }
  return terms;
}

// ---- Building ---------------------------------------------------------------

// Sums away all letters but those of `kept`.
Term SumTo(const Term& term, std::string_view kept) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < term.letters.size(); ++i) {
    if (!Has(kept, term.letters[i])) axes.push_back(static_cast<int64_t>(i));
  }
  if (axes.empty()) return term;
  return {ReduceSum(term.value, {.axes = axes}),
          Those(term.letters, [&](char c) { return Has(kept, c); })};
}

// The term with its axes in the order of `letters`, the same ones.
Value Ordered(const Term& term, std::string_view letters) {
  if (term.letters == letters) return term.value;
  std::vector<int64_t> permutation;
  for (char letter : letters) {
    permutation.push_back(static_cast<int64_t>(term.letters.find(letter)));
  }
  return Transpose(term.value, permutation);
}

// One dimension for all of `letters`.
Dimension Merged(const Term& term, std::string_view letters) {
  if (letters.size() == 1) return term.size(letters[0]);
  int64_t product = 1;
  for (char letter : letters) {
    const Dimension size = term.size(letter);
    if (!size.is_integer()) return Dimension::Unknown();
    product *= size.size();
  }
  return product;
}

void AppendSizes(const Term& term, std::string_view letters, Shape& shape) {
  for (char letter : letters) shape.Append(term.size(letter));
}

Value ReshapeTo(const Value& value, const Shape& shape) {
  return value.shape() == shape ? value : Reshape(value, shape);
}

// What the letters of two terms are to their product.
struct Roles {
  std::string shared;      // in both and kept: one product each
  std::string left;        // of the first term alone
  std::string right;       // of the second alone
  std::string contracted;  // in both and summed
};

// Nothing is summed over both: elements are multiplied.
Term MultiplyTerms(const Term& a, const Term& b, const Roles& roles) {
  Shape a_shape;
  AppendSizes(a, roles.shared + roles.left, a_shape);
  for (size_t i = 0; i < roles.right.size(); ++i) a_shape.Append(1);
  Shape b_shape;
  AppendSizes(b, roles.shared, b_shape);
  for (size_t i = 0; i < roles.left.size(); ++i) b_shape.Append(1);
  AppendSizes(b, roles.right, b_shape);
  return {ReshapeTo(Ordered(a, roles.shared + roles.left), a_shape) *
              ReshapeTo(Ordered(b, roles.shared + roles.right), b_shape),
          roles.shared + roles.left + roles.right};
}

// As matrices [shared…, left, contracted] and [shared…, contracted, right],
// each transposed where it lies so already.
Term MatMulTerms(const Term& a, const Term& b, const Roles& roles) {
  auto matrices = [&](const Term& term, const std::string& rows,
                      const std::string& columns, bool transposed) {
    const std::string& first = transposed ? columns : rows;
    const std::string& second = transposed ? rows : columns;
    Shape shape;
    AppendSizes(term, roles.shared, shape);
    shape.Append(Merged(term, first));
    shape.Append(Merged(term, second));
    return ReshapeTo(Ordered(term, roles.shared + first + second), shape);
  };
  const bool a_transposed =
      a.letters == roles.shared + roles.contracted + roles.left;
  const bool b_transposed =
      b.letters == roles.shared + roles.right + roles.contracted;
  const Value product = MatMul(
      matrices(a, roles.left, roles.contracted, a_transposed),
      matrices(b, roles.contracted, roles.right, b_transposed),
      {.transpose_input = a_transposed, .transpose_weights = b_transposed});
  Shape shape;
  AppendSizes(a, roles.shared + roles.left, shape);
  AppendSizes(b, roles.right, shape);
  if (!product.valid()) return {product, ""};
  return {ReshapeTo(product, shape), roles.shared + roles.left + roles.right};
}

// The product of two terms, of whose letters `kept` are needed later.
Term Combine(Term a, Term b, const std::string& kept) {
  a = SumTo(a, kept + b.letters);
  b = SumTo(b, kept + a.letters);
  const Roles roles = {
      .shared = Those(
          a.letters, [&](char c) { return Has(b.letters, c) && Has(kept, c); }),
      .left = Those(a.letters, [&](char c) { return !Has(b.letters, c); }),
      .right = Those(b.letters, [&](char c) { return !Has(a.letters, c); }),
      .contracted = Those(a.letters, [&](char c) {
        return Has(b.letters, c) && !Has(kept, c);
      })};
  return roles.contracted.empty() ? MultiplyTerms(a, b, roles)
                                  : MatMulTerms(a, b, roles);
}

Value Build(const std::vector<Term>& terms, const Equation& equation) {
  Term result = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    std::string kept = equation.output;
    for (size_t k = i + 1; k < terms.size(); ++k) kept += terms[k].letters;
    result = Combine(result, terms[i], kept);
    if (!result.value.valid()) return result.value;
  }
  result = SumTo(result, equation.output);
  return result.value.valid() ? Ordered(result, equation.output) : result.value;
}

}  // namespace

Value Einsum(std::string_view equation, std::span<const Value> inputs,
             SourceLocation location) {
  std::optional<Graph> graph;
  bool valid = true;
  for (const Value& input : inputs) {
    if (!graph.has_value()) graph = Graph::Of(input);
    valid = valid && input.valid();
  }
  if (!graph.has_value()) return Value();
  if (!valid) return graph->Invalid();
  auto fail = [&](const absl::Status& status) {
    const std::string line = location.ToString();
    return graph
        ->Fail(status, StrCat(line, line.empty() ? "" : ": ", "einsum '",
                              equation, "': "))
        .output();
  };
  const absl::StatusOr<Equation> parsed = Parse(equation);
  if (!parsed.ok()) return fail(parsed.status());
  if (absl::Status status = CheckOutput(*parsed); !status.ok()) {
    return fail(status);
  }
  const absl::StatusOr<std::vector<Term>> terms = Match(*parsed, inputs);
  if (!terms.ok()) return fail(terms.status());
  LocationScope at(*graph, location);
  NameScope scope(*graph, "einsum");
  return Build(*terms, *parsed);
}

}  // namespace evengrad
