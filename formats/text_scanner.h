// Reads a text token by token and knows the place of each, for messages.
#ifndef EVENGRAD_FORMATS_TEXT_SCANNER_H_
#define EVENGRAD_FORMATS_TEXT_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/status.h"

namespace evengrad {

// The tokens of formats/graph_text.h: words, strings, numbers and single
// characters. White space and comments from '#' to the end of the line are
// skipped before each.
class TextScanner {
 public:
  // Messages call the text `file`. Both must outlive the scanner.
  TextScanner(std::string_view text, std::string_view file)
      : text_(text), file_(file) {}

  // The offset of the next token; the text's size at its end.
  size_t Position();
  bool AtEnd() { return Position() == text_.size(); }
  // The next character; '\0' at the end.
  char Peek();
  // The word that is next; empty where none is. A string is no word here.
  std::string_view PeekWord();

  // Takes what is next when it is `c`, or the word `word`.
  bool Take(char c);
  bool TakeWord(std::string_view word);
  // The same, or an error: "expected '(' after the op, found …".
  absl::Status Expect(char c, std::string_view context);

  // A word or a string. `what` names it in messages: "a node's name".
  absl::StatusOr<std::string> ReadWord(std::string_view what);
  absl::StatusOr<std::string> ReadString(std::string_view what);
  absl::StatusOr<int64_t> ReadInteger(std::string_view what);
  // The characters of a number, not yet understood; empty where none are.
  std::string_view ReadNumber();

  // "model.eg:12:7: <message>" for the token at `offset`. Columns count bytes
  // from 1.
  template <typename... T>
  absl::Status ErrorAt(size_t offset, const T&... message) const {
    return InvalidArgument(PlaceOf(offset), ": ", message...);
  }
  // "…: expected <what>, found 'x'", for the next token.
  absl::Status Expected(std::string_view what);
  // "model.eg:12:7".
  std::string PlaceOf(size_t offset) const;
  int64_t LineOf(size_t offset) const;

  std::string_view text() const { return text_; }

 private:
  // The next token as it is shown in messages.
  std::string Found();

  std::string_view text_;
  std::string_view file_;
  size_t offset_ = 0;
};

// `text` in double quotes, with escapes: what ReadString reads.
std::string QuotedText(std::string_view text);
// `text` as it is where it is a word, else quoted: what ReadWord reads.
void AppendWord(std::string_view text, std::string& out);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_TEXT_SCANNER_H_
