#include "evengrad/formats/graph_dot.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "evengrad/formats/json_writer.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// At most 48 characters, the end of a name rather than its beginning.
std::string Short(const std::string& name) {
  constexpr size_t kMost = 48;
  if (name.size() <= kMost) return name;
  size_t begin = name.size() - kMost;
  while (begin < name.size() &&
         (static_cast<unsigned char>(name[begin]) & 0xc0) == 0x80) {
    ++begin;
  }
  return "…" + name.substr(begin);
}

// A string of DOT. Backslashes would begin escapes of Graphviz's own.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : ValidUtf8(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += ' ';
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

struct Colours {
  std::string_view line;
  std::string_view fill;
};

// Those of formats/html/page.css in light.
Colours ColoursOf(const PictureNode& node, PictureLayerKind layer) {
  switch (node.role) {
    case PictureRole::kInput:
      return {"#585d68", "#ececea"};
    case PictureRole::kParameter:
    case PictureRole::kState:
      return {"#7444ad", "#f0e8f9"};
    case PictureRole::kConstant:
    case PictureRole::kCompute:
      break;
  }
  if (layer == PictureLayerKind::kHook) return {"#a12a78", "#fae6f3"};
  switch (node.pass) {
    case PicturePass::kGradient:
      return {"#b24c06", "#fdeee0"};
    case PicturePass::kUpdate:
      return {"#0b7350", "#e0f3ea"};
    case PicturePass::kForward:
    case PicturePass::kInitial:
      break;
  }
  return {"#1c68ac", "#e4eff9"};
}

// What is drawn as one box: a kernel, or a node that has none.
class Printer {
 public:
  explicit Printer(const GraphPicture& picture) : picture_(picture) {
    for (size_t id = 0; id < picture.nodes.size(); ++id) {
      const PictureNode& node = picture.nodes[id];
      int box = static_cast<int>(id);
      if (node.kernel >= 0) box = picture.kernels[node.kernel].nodes.front();
      box_of_.push_back(IsHidden(node) ? -1 : box);
    }
  }

  std::string Print() {
    text_ = StrCat("// ", "Evengrad, stage ", picture_.stage,
                   "\ndigraph {\n  graph [label=",
                   Quoted(StrCat(Short(picture_.title), ", ", picture_.stage)),
                   ", labelloc=t, labeljust=l, newrank=true, ranksep=0.35, "
                   "nodesep=0.25, fontname=\"Helvetica\", fontsize=16, "
                   "bgcolor=\"#fafaf8\"];\n"
                   "  node [shape=box, style=\"rounded,filled\", fontname="
                   "\"Helvetica\", fontsize=11, height=0.3, margin=\"0.1,0.04\""
                   "];\n"
                   "  edge [fontname=\"Helvetica\", fontsize=9, arrowsize=0.6, "
                   "color=\"#585d68\", fontcolor=\"#585d68\"];\n");
    for (size_t layer = 0; layer < picture_.layers.size(); ++layer) {
      AddLayer(static_cast<int>(layer));
    }
    AddEdges();
    AddResults();
    return text_ + "}\n";
  }

 private:
  static bool IsHidden(const PictureNode& node) {
    return node.pass == PicturePass::kInitial ||
           (node.role == PictureRole::kConstant && !ConstantOf(node).empty());
  }

  // The number that a scalar constant holds; "" for any other node.
  static std::string ConstantOf(const PictureNode& node) {
    if (node.role != PictureRole::kConstant || node.types.empty() ||
        node.types[0].shape.NumElements().value_or(0) != 1) {
      return "";
    }
    for (const auto& [name, value] : node.attributes) {
      if (name == "value" && value.size() > 2) {
        return value.substr(1, value.size() - 2);
      }
    }
    return "";
  }

  // "add 1.758" and the like.
  std::string OpText(int id) const {
    const PictureNode& node = picture_.nodes[id];
    std::string text = node.op;
    for (const ValueId& input : node.inputs) {
      const std::string number = ConstantOf(picture_.nodes[input.node]);
      if (!number.empty()) text += " " + number;
    }
    return text;
  }

  std::string Label(int box) const {
    const PictureNode& node = picture_.nodes[box];
    const std::string_view layer = picture_.layers[node.layer].name;
    std::string name = node.name;
    if (!layer.empty() && name.starts_with(layer) &&
        name.size() > layer.size() + 1) {
      name = name.substr(layer.size() + 1);
    }
    if (node.kernel >= 0) {
      const PictureKernel& kernel = picture_.kernels[node.kernel];
      std::string text;
      for (int id : kernel.nodes) {
        text += StrCat(text.empty() ? "" : "\n", OpText(id));
      }
      return StrCat(text, "\n[", kernel.implementation, ", stage ",
                    kernel.stage, "]");
    }
    if (node.role != PictureRole::kCompute) {
      return StrCat(Short(name), "\n", node.types.empty() ? "" : Type(box, 0));
    }
    return OpText(box);
  }

  std::string Type(int id, int output) const {
    return picture_.nodes[id].types[output].ToString();
  }

  // The node in whose layer and pass a box stands.
  const PictureNode& Home(int box) const {
    const int kernel = picture_.nodes[box].kernel;
    return picture_.nodes[kernel < 0 ? box : picture_.kernels[kernel].home];
  }

  void AddBox(int box) {
    const PictureNode& node = Home(box);
    const Colours colours = ColoursOf(node, picture_.layers[node.layer].kind);
    text_ +=
        StrCat("      n", box, " [label=", Quoted(Label(box)),
               ", tooltip=", Quoted(picture_.nodes[box].name), ", color=\"",
               colours.line, "\", fillcolor=\"", colours.fill, "\"];\n");
  }

  // The clusters of a layer: forward, gradient, update.
  void AddLayer(int layer) {
    std::map<PicturePass, std::vector<int>> boxes;
    for (size_t id = 0; id < picture_.nodes.size(); ++id) {
      if (box_of_[id] != static_cast<int>(id)) continue;
      const PictureNode& node = Home(static_cast<int>(id));
      if (node.layer == layer) {
        boxes[node.pass].push_back(static_cast<int>(id));
      }
    }
    if (boxes.empty()) return;
    text_ +=
        StrCat("  subgraph cluster_", layer,
               " {\n    label=", Quoted(Short(picture_.layers[layer].name)),
               "; color=\"#a9abb1\"; style=rounded; labeljust=l; "
               "fontsize=13;\n");
    for (const auto& [pass, ids] : boxes) {
      text_ += StrCat("    subgraph cluster_", layer, "_", Name(pass),
                      " {\n      label=", Name(pass),
                      "; color=\"#dddcd7\"; fontsize=10; "
                      "fontcolor=\"#585d68\";\n");
      for (int id : ids) AddBox(id);
      text_ += "    }\n";
    }
    text_ += "  }\n";
  }

  void AddEdges() {
    // Box to box, once a value.
    std::set<std::tuple<int, int, int, int>> seen;
    for (size_t id = 0; id < picture_.nodes.size(); ++id) {
      const int to = box_of_[id];
      if (to < 0) continue;
      for (const ValueId& input : picture_.nodes[id].inputs) {
        const int from = box_of_[input.node];
        if (from < 0 || from == to) continue;
        if (!seen.emplace(from, to, input.node, input.output).second) continue;
        AddEdge(from, to, Type(input.node, input.output));
      }
    }
    std::vector<bool> beside(picture_.nodes.size(), false);
    for (size_t id = 0; id < picture_.nodes.size(); ++id) {
      const int of = picture_.nodes[id].gradient_of;
      if (of < 0 || box_of_[of] != of || box_of_[id] != static_cast<int>(id) ||
          beside[of] || picture_.nodes[id].role == PictureRole::kConstant) {
        continue;
      }
      beside[of] = true;
      text_ += StrCat("  { rank=same; n", of, " -> n", id,
                      " [style=dotted, arrowhead=none, color=\"#b24c06\", "
                      "tooltip=\"gradient\"]; }\n");
    }
  }

  // Gradients flow upwards: their edges are drawn backwards.
  void AddEdge(int from, int to, const std::string& type) {
    const PicturePass source = Home(from).pass;
    const PicturePass target = Home(to).pass;
    const std::string tooltip =
        Quoted(StrCat(picture_.nodes[from].name, " -> ",
                      picture_.nodes[to].name, "\n", type));
    if (source == PicturePass::kGradient && target == source) {
      text_ +=
          StrCat("  n", to, " -> n", from, " [dir=back, label=", Quoted(type),
                 ", tooltip=", tooltip, "];\n");
    } else if (source == target && (source != PicturePass::kUpdate ||
                                    Home(from).layer == Home(to).layer)) {
      text_ += StrCat("  n", from, " -> n", to, " [label=", Quoted(type),
                      ", tooltip=", tooltip, "];\n");
    } else {
      text_ += StrCat("  n", from, " -> n", to,
                      " [constraint=false, style=dashed, color=\"#a9abb1\", "
                      "tooltip=",
                      tooltip, "];\n");
    }
  }

  void AddResults() {
    int count = 0;
    for (const auto& [name, value] : picture_.results) {
      const int from = box_of_[value.node];
      if (from < 0 ||
          picture_.nodes[value.node].pass != PicturePass::kForward) {
        continue;
      }
      text_ += StrCat("  r", count, " [label=", Quoted(Short(name)),
                      ", shape=plaintext, style=\"\"];\n  n", from, " -> r",
                      count, ";\n");
      ++count;
    }
  }

  const GraphPicture& picture_;
  std::vector<int> box_of_;  // by node: the node its box is named after, or -1
  std::string text_;
};

}  // namespace

std::string PrintGraphDot(const GraphPicture& picture) {
  return Printer(picture).Print();
}

}  // namespace evengrad
