#include <algorithm>
#include <utility>
#include <variant>

#include "evengrad/formats/graph_text.h"
#include "evengrad/formats/text_file.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/verifier.h"

namespace evengrad {
namespace {

bool HoldsHostObject(const Node& node) {
  return std::ranges::any_of(node.attributes(), [](const auto& attribute) {
    return std::holds_alternative<HostObject>(attribute.second);
  });
}

// Refuses what could not be read again.
absl::Status Save(const Graph& graph, std::string_view text,
                  const std::string& path) {
  if (graph.num_nodes() > kMaxGraphTextNodes ||
      static_cast<int64_t>(text.size()) > kMaxGraphTextBytes) {
    return InvalidArgument(
        path, ": the graph has ", graph.num_nodes(), " nodes and a text of ",
        text.size(), " bytes; at most ", kMaxGraphTextNodes, " and ",
        kMaxGraphTextBytes, " can be saved; keep large constants elsewhere");
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (!HoldsHostObject(node)) continue;
    return InvalidArgument(path, ": ", node.ErrorPrefix(), "op '",
                           node.op().name,
                           "' calls functions of this program, which a file "
                           "cannot hold");
  }
  return ReplaceWholeFile(path, text);
}

}  // namespace

absl::Status SaveGraph(const Graph& graph, const std::string& path) {
  EVENGRAD_RETURN_IF_ERROR(
      VerifyGraph(graph, {.states_need_initializers = false}));
  return Save(graph, PrintGraph(graph), path);
}

absl::Status SaveProgram(const Program& program, const std::string& path) {
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  return Save(program.graph, PrintProgram(program), path);
}

absl::StatusOr<Graph> LoadGraph(const std::string& path,
                                const OpRegistry* ops) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadWholeFile(path, kMaxGraphTextBytes));
  return ParseGraph(text, {.file = path, .ops = ops});
}

absl::StatusOr<Program> LoadProgram(const std::string& path,
                                    const OpRegistry* ops) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadWholeFile(path, kMaxGraphTextBytes));
  return ParseProgram(text, {.file = path, .ops = ops});
}

}  // namespace evengrad
