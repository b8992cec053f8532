// Graphs and programs as text: for files, for reading, and for tests of passes.
//
//   evengrad 1
//   graph {
//     %images: f32[batch,784] = placeholder() loc("model.cc":27)
//     %hidden1/start: f32[784,100] = auto_initializer()
//     %hidden1/weights: f32[784,100] = parameter() initialized %hidden1/start
//     %hidden1/matmul: f32[batch,100] = matmul(%images, %hidden1/weights)
//     %hidden1/leaky_relu: f32[batch,100] =
//         leaky_relu(%hidden1/matmul, slope=0.3)
//   }
//
// What prints parses back to the same graph: the same ids, names, types,
// attributes to the last bit, source lines, gradient links, initializers and
// training updates; and for programs the mode, the named results, updates,
// observations (but not the hooks that asked for them), guards and what is done
// about numbers that are not finite. The parser calls the same builders as C++
// code and refuses a type that is not what the op's rule infers.
//
// The grammar. White space, and comments from '#' to the end of the line, may
// stand between any two tokens.
//
//   text        = "evengrad" version ( graph | program )
//   version     = "1"
//   graph       = "graph" "{" { node } "}"
//   program     = "program" ( "training" | "inference" | "monte_carlo" )
//                 "{" { node | return | update | observe | guard | policy }
//                 "}"
//   node        = "%" word ":" type { "," type } "=" op
//                 "(" [ argument { "," argument } ] ")" { clause }
//   op          = word                 a registered op; "parameter" is a
//                                      "state" with trainable=true
//   argument    = value | word "=" attribute
//   clause      = "initialized" value  of a state; may be a value below
//               | "updated" value      likewise: what training makes of it
//               | "gradient_of" "%" word
//               | "loc" "(" string ":" integer ")"
//   return      = "return" word "=" value { "," word "=" value }
//   update      = "update" value "=" value
//   observe     = "observe" word "(" [ value { "," value } ] ")"
//                 [ "every" integer ] [ "first" integer ]
//   guard       = "guard" word "=" value [ "of" value ] [ "before_updates" ]
//   policy      = "non_finite" ( "error" | "skip_step" | "propagate" )
//                 [ "exempt" word { "," word } ]     without it: propagate
//   value       = "%" word [ ":" integer ]     output 0, or the one given
//   type        = dtype shape
//   dtype       = "f32" | "f64" | "bf16" | "i32" | "i64" | "u8" | "bool"
//               | "opaque"
//   shape       = "[" [ size { "," size } ] "]"
//   size        = integer | symbol | "?"
//   attribute   = "true" | "false" | integer | number | string | dtype | shape
//               | "[" [ number { "," number } ] "]" | tensor
//                                      of the kind that the op asks for
//   tensor      = "empty" | [ type ] "{" [ number { "," number } ] "}"
//                                      in row-major order; bools are words
//   number      = decimal | [ "-" ] "inf" | "nan" | "nan" "(" bits ")"
//   word        = one or more of A-Z a-z 0-9 _ . / -, or a string
//   symbol      = a letter or _, then letters, digits and _
//   string      = '"' { character | \" | \\ | \n | \t | \r
//                     | \x two digits } '"'
//
// A node reads only nodes above it. An attribute at its default is left out;
// so is a required dtype or shape that is the first output's, and the type of a
// tensor that has the first output's type.
//
// Errors name the place and what was expected: "model.eg:12:7: unknown op
// 'slu'; did you mean 'selu'?". No text, however broken, makes the parser crash
// or need more memory than a small multiple of the text's size.
#ifndef EVENGRAD_FORMATS_GRAPH_TEXT_H_
#define EVENGRAD_FORMATS_GRAPH_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_registry.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// The version that is written. All from 1 to it are read.
inline constexpr int kGraphTextVersion = 1;
// Longer texts and larger graphs are neither read nor saved.
inline constexpr int64_t kMaxGraphTextBytes = int64_t{1} << 28;
inline constexpr int kMaxGraphTextNodes = 1 << 21;

struct GraphTextOptions {
  // What messages call the text.
  std::string file = "text";
  // The ops that it may name; null for BuiltinOps().
  const OpRegistry* ops = nullptr;
};

// A broken graph is printed as far as it goes, with its error as a comment.
EVENGRAD_EXPORT std::string PrintGraph(const Graph& graph);
EVENGRAD_EXPORT std::string PrintProgram(const Program& program);

// ParseProgram takes a graph too: a training program without results.
// ParseGraph refuses a program, whose results it could not keep.
EVENGRAD_EXPORT absl::StatusOr<Graph> ParseGraph(
    std::string_view text, const GraphTextOptions& options = {});
EVENGRAD_EXPORT absl::StatusOr<Program> ParseProgram(
    std::string_view text, const GraphTextOptions& options = {});

// To and from files. Saving replaces the file in one step: it holds the whole
// text, or what it held before. Nothing invalid is saved (see VerifyGraph and
// VerifyProgram). In messages the text is called by its path.
EVENGRAD_EXPORT absl::Status SaveGraph(const Graph& graph,
                                       const std::string& path);
EVENGRAD_EXPORT absl::Status SaveProgram(const Program& program,
                                         const std::string& path);
EVENGRAD_EXPORT absl::StatusOr<Graph> LoadGraph(
    const std::string& path, const OpRegistry* ops = nullptr);
EVENGRAD_EXPORT absl::StatusOr<Program> LoadProgram(
    const std::string& path, const OpRegistry* ops = nullptr);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_TEXT_H_
