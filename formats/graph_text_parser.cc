#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/graph_text_nodes.h"
#include "evengrad/formats/text_scanner.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const GraphTextOptions& options)
      : scanner_(text, options.file),
        nodes_(scanner_, options.ops == nullptr ? BuiltinOps() : *options.ops) {
  }

  absl::StatusOr<Program> Parse() {
    EVENGRAD_RETURN_IF_ERROR(ParseHeader());
    EVENGRAD_RETURN_IF_ERROR(ParseKind());
    EVENGRAD_RETURN_IF_ERROR(scanner_.Expect(
        '{', is_program_ ? "after the mode of the program" : "after 'graph'"));
    while (!scanner_.Take('}')) EVENGRAD_RETURN_IF_ERROR(ParseStatement());
    EVENGRAD_RETURN_IF_ERROR(nodes_.SetInitializers());
    if (!scanner_.AtEnd()) {
      return scanner_.Expected("the end of the text after '}'");
    }
    program_.graph = nodes_.graph();
    return std::move(program_);
  }

  bool is_program() const { return is_program_; }
  // Where the text says "program".
  std::string PlaceOfKind() const { return scanner_.PlaceOf(kind_offset_); }

 private:
  absl::Status ParseHeader() {
    if (!scanner_.TakeWord("evengrad")) {
      return scanner_.Expected(
          StrCat("'evengrad ", kGraphTextVersion, "' at the beginning"));
    }
    const size_t offset = scanner_.Position();
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t version,
                              scanner_.ReadInteger("the version of the text"));
    if (version >= 1 && version <= kGraphTextVersion) return absl::OkStatus();
    if (version > kGraphTextVersion) {
      return scanner_.ErrorAt(
          offset, "the text has version ", version,
          ", which is newer than this program; expected at most ",
          kGraphTextVersion, ": update Evengrad");
    }
    return scanner_.ErrorAt(offset, "there is no version ", version,
                            "; expected 1 to ", kGraphTextVersion);
  }

  absl::Status ParseKind() {
    kind_offset_ = scanner_.Position();
    if (scanner_.TakeWord("graph")) return absl::OkStatus();
    if (!scanner_.TakeWord("program")) {
      return ExpectedOneOf("'graph' or 'program'", {"graph", "program"});
    }
    is_program_ = true;
    for (const Mode mode :
         {Mode::kTraining, Mode::kInference, Mode::kMonteCarlo}) {
      if (!scanner_.TakeWord(Name(mode))) continue;
      program_.mode = mode;
      return absl::OkStatus();
    }
    return ExpectedOneOf("the mode, 'training', 'inference' or 'monte_carlo'",
                         {"training", "inference", "monte_carlo"});
  }

  absl::Status ParseStatement() {
    if (scanner_.Take('%')) return nodes_.ReadNode();
    if (is_program_) {
      if (scanner_.TakeWord("return")) return ParseReturn();
      if (scanner_.TakeWord("update")) return ParseUpdate();
      if (scanner_.TakeWord("observe")) return ParseObserve();
      if (scanner_.TakeWord("guard")) return ParseGuard();
      if (scanner_.TakeWord("non_finite")) return ParsePolicy();
      return ExpectedOneOf(
          "a node (%name: …), return, update, observe, guard, non_finite or "
          "'}'",
          {"return", "update", "observe", "guard", "non_finite", "initialized",
           "updated", "gradient_of", "loc"});
    }
    const std::string_view word = scanner_.PeekWord();
    constexpr std::string_view kOfPrograms[] = {"return", "update", "observe",
                                                "guard", "non_finite"};
    if (std::ranges::find(kOfPrograms, word) != std::end(kOfPrograms)) {
      return scanner_.ErrorAt(scanner_.Position(), "'", word,
                              "' belongs to a program: expected 'program "
                              "training' or 'program inference' instead of "
                              "'graph' at ",
                              PlaceOfKind());
    }
    return ExpectedOneOf("a node (%name: …) or '}'",
                         {"initialized", "updated", "gradient_of", "loc"});
  }

  // ---- Results --------------------------------------------------------------

  absl::Status ParseReturn() {
    do {
      NamedValue fetch;
      EVENGRAD_ASSIGN_OR_RETURN(fetch.name,
                                scanner_.ReadWord("a result's name"));
      EVENGRAD_RETURN_IF_ERROR(scanner_.Expect('=', "after the result's name"));
      EVENGRAD_ASSIGN_OR_RETURN(fetch.value, nodes_.ReadValue());
      program_.fetches.push_back(std::move(fetch));
    } while (scanner_.Take(','));
    return absl::OkStatus();
  }

  absl::Status ParseUpdate() {
    const size_t state_offset = scanner_.Position();
    StateUpdate update;
    EVENGRAD_ASSIGN_OR_RETURN(update.state, nodes_.ReadValue());
    const Node state = update.state.node();
    if (!IsState(state)) {
      return scanner_.ErrorAt(state_offset, "only states are updated, %",
                              update.state.name(), " is made by op '",
                              state.op().name, "'");
    }
    if (!updated_.insert(state.id()).second) {
      return scanner_.ErrorAt(state_offset, "%", state.name(),
                              " is updated twice");
    }
    EVENGRAD_RETURN_IF_ERROR(scanner_.Expect('=', "after the state"));
    const size_t value_offset = scanner_.Position();
    EVENGRAD_ASSIGN_OR_RETURN(update.value, nodes_.ReadValue());
    if (update.value.dtype() != update.state.dtype() ||
        !MayBeEqual(update.value.shape(), update.state.shape())) {
      return scanner_.ErrorAt(value_offset, "the state %", state.name(),
                              " has type ", update.state.type().ToString(),
                              ", its new value has type ",
                              update.value.type().ToString());
    }
    program_.updates.push_back(std::move(update));
    return absl::OkStatus();
  }

  absl::Status ParseObserve() {
    ObservedValues observed;
    EVENGRAD_ASSIGN_OR_RETURN(observed.name,
                              scanner_.ReadWord("an observation's name"));
    EVENGRAD_RETURN_IF_ERROR(
        scanner_.Expect('(', "after the observation's name"));
    if (!scanner_.Take(')')) {
      do {
        EVENGRAD_ASSIGN_OR_RETURN(Value value, nodes_.ReadValue());
        observed.values.push_back(std::move(value));
      } while (scanner_.Take(','));
      EVENGRAD_RETURN_IF_ERROR(scanner_.Expect(')', "or ',' after a value"));
    }
    for (const auto& [word, steps] :
         {std::pair{"every", &observed.every_n_steps},
          std::pair{"first", &observed.first_step}}) {
      if (!scanner_.TakeWord(word)) continue;
      const size_t offset = scanner_.Position();
      EVENGRAD_ASSIGN_OR_RETURN(*steps,
                                scanner_.ReadInteger("the number of steps"));
      if (*steps < 1) {
        return scanner_.ErrorAt(offset, "an observation is due ", word, " ",
                                *steps, " steps; expected at least 1");
      }
    }
    program_.observations.push_back(std::move(observed));
    return absl::OkStatus();
  }

  absl::Status ParseGuard() {
    FiniteGuard guard;
    EVENGRAD_ASSIGN_OR_RETURN(guard.description,
                              scanner_.ReadWord("what the guard is for"));
    EVENGRAD_RETURN_IF_ERROR(
        scanner_.Expect('=', "after what the guard is for"));
    const size_t offset = scanner_.Position();
    EVENGRAD_ASSIGN_OR_RETURN(guard.value, nodes_.ReadValue());
    if (!IsFloating(guard.value.dtype()) || guard.value.rank() != 0) {
      return scanner_.ErrorAt(offset, "a guard's value is a floating scalar, %",
                              guard.value.name(), " has type ",
                              guard.value.type().ToString());
    }
    guard.subject = guard.value;
    if (scanner_.TakeWord("of")) {
      EVENGRAD_ASSIGN_OR_RETURN(guard.subject, nodes_.ReadValue());
    }
    guard.before_updates = scanner_.TakeWord("before_updates");
    program_.guards.push_back(std::move(guard));
    return absl::OkStatus();
  }

  absl::Status ParsePolicy() {
    constexpr NonFinitePolicy kPolicies[] = {NonFinitePolicy::kError,
                                             NonFinitePolicy::kSkipStep,
                                             NonFinitePolicy::kPropagate};
    const auto policy =
        std::ranges::find_if(kPolicies, [&](NonFinitePolicy candidate) {
          return scanner_.TakeWord(Name(candidate));
        });
    if (policy == std::end(kPolicies)) {
      return ExpectedOneOf("error, skip_step or propagate",
                           {"error", "skip_step", "propagate"});
    }
    program_.non_finite.policy = *policy;
    if (!scanner_.TakeWord("exempt")) return absl::OkStatus();
    do {
      EVENGRAD_ASSIGN_OR_RETURN(std::string pattern,
                                scanner_.ReadWord("a pattern of names"));
      program_.non_finite.exempt.push_back(std::move(pattern));
    } while (scanner_.Take(','));
    return absl::OkStatus();
  }

  absl::Status ExpectedOneOf(std::string_view what,
                             const std::vector<std::string_view>& words) {
    const std::string hint = DidYouMean(scanner_.PeekWord(), words);
    const absl::Status error = scanner_.Expected(what);
    return InvalidArgument(Message(error), hint);
  }

  TextScanner scanner_;
  GraphTextNodes nodes_;
  bool is_program_ = false;
  size_t kind_offset_ = 0;
  Program program_;
  absl::flat_hash_set<int> updated_;  // states
};

absl::Status CheckSize(std::string_view text, const std::string& file) {
  if (static_cast<int64_t>(text.size()) <= kMaxGraphTextBytes) {
    return absl::OkStatus();
  }
  return InvalidArgument(file, ": the text has ", text.size(),
                         " bytes; at most ", kMaxGraphTextBytes, " are read");
}

}  // namespace

absl::StatusOr<Graph> ParseGraph(std::string_view text,
                                 const GraphTextOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(CheckSize(text, options.file));
  Parser parser(text, options);
  EVENGRAD_ASSIGN_OR_RETURN(Program program, parser.Parse());
  if (!parser.is_program()) return program.graph;
  return InvalidArgument(parser.PlaceOfKind(),
                         ": expected 'graph', found 'program': read it with "
                         "ParseProgram or LoadProgram");
}

absl::StatusOr<Program> ParseProgram(std::string_view text,
                                     const GraphTextOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(CheckSize(text, options.file));
  return Parser(text, options).Parse();
}

}  // namespace evengrad
