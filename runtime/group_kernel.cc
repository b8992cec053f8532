#include "evengrad/runtime/group_kernel.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/elementwise_kernel.h"
#include "evengrad/ops/expression.h"

namespace evengrad {
namespace {

DType GroupComputeType(const Graph& graph, std::span<const int> nodes) {
  for (int id : nodes) {
    const Node node = graph.node(id);
    if (!node.op().elementwise) continue;
    std::vector<DType> types{node.output_type().dtype};
    for (int i = 0; i < node.num_inputs(); ++i) {
      types.push_back(node.input(i).dtype());
    }
    return ComputeType(types);
  }
  return DType::kF32;
}

// The elementwise nodes of a group as one program.
class ProgramBuilder {
 public:
  // `first_input`, where given, becomes input 0.
  // `trained` as in FusionPlan.
  ProgramBuilder(const Graph& graph, std::span<const int> nodes,
                 const std::vector<bool>& trained, const BufferPlan& buffers,
                 std::optional<Value> first_input)
      : graph_(graph), nodes_(nodes), trained_(trained), buffers_(buffers) {
    if (first_input.has_value()) AddInput(*first_input);
    for (int id : nodes_) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        if (!IsInside(node.input(i)) && !IsImmediate(node.input(i))) {
          AddInput(node.input(i));
        }
      }
    }
    program_.num_inputs = static_cast<int>(inputs_.size());
    size_t num_trained = 0;
    for (int id : nodes_) {
      AddNode(graph_.node(id));
      if (trained_[id]) num_trained = program_.instructions.size();
    }
    program_.num_watching =
        static_cast<int>(program_.instructions.size() - num_trained);
  }

  const absl::Status& status() const { return status_; }
  const std::vector<Value>& inputs() const { return inputs_; }
  const std::vector<LoopOutput>& outputs() const { return outputs_; }
  const ElementwiseProgram& program() const { return program_; }

 private:
  bool IsInside(const Value& value) const {
    return std::find(nodes_.begin(), nodes_.end(), value.id().node) !=
           nodes_.end();
  }

  static bool IsImmediate(const Value& value) {
    return ScalarConstant(value).has_value();
  }

  void AddInput(const Value& value) {
    if (registers_.emplace(value.id(), static_cast<int>(inputs_.size()))
            .second) {
      inputs_.push_back(value);
    }
  }

  int RegisterOf(const Value& value) {
    auto it = registers_.find(value.id());
    if (it != registers_.end()) return it->second;
    if (!IsImmediate(value)) {
      status_ = absl::InternalError(
          StrCat("a fused group reads '", value.name(),
                 "', which is complete only when the group has run"));
    }
    return program_.Append({.primitive = Primitive::kImmediate,
                            .immediate = ScalarConstant(value).value_or(0)});
  }

  void AddNode(const Node& node) {
    std::vector<int> arguments;
    arguments.reserve(static_cast<size_t>(node.num_inputs()));
    for (int i = 0; i < node.num_inputs(); ++i) {
      arguments.push_back(RegisterOf(node.input(i)));
    }
    if (node.op().elementwise) {
      const ElementwiseProgram traced =
          TraceElementwise(node.op(), node.num_inputs(), node.attributes());
      const int result = program_.Inline(traced, arguments)[0];
      registers_.emplace(node.output().id(), result);
      return AddOutput(result, node, {.type = node.output_type()});
    }
    LoopOutput output = node.op().loop_output(node);
    if (absl::Status fits = CheckLoopOutput(node, output); !fits.ok()) {
      status_ = std::move(fits);
    }
    if (output.ending == LoopEnding::kStatistics && node.num_outputs() > 1) {
      output.histogram_buffer = buffers_.BufferOf(node.output(1).id());
    }
    AddOutput(arguments[0], node, std::move(output));
  }

  // Where somebody wants it.
  void AddOutput(int result, const Node& node, LoopOutput output) {
    output.buffer = buffers_.BufferOf(node.output().id());
    if (output.buffer < 0 && output.histogram_buffer < 0) return;
    if (!status_.ok()) return;
    program_.outputs.push_back(result);
    program_.only_watched.push_back(IsCounted(output.ending)
                                        ? !trained_[node.id()]
                                        : buffers_.only_watched[output.buffer]);
    outputs_.push_back(std::move(output));
  }

  const Graph& graph_;
  std::span<const int> nodes_;
  const std::vector<bool>& trained_;
  const BufferPlan& buffers_;
  absl::Status status_;
  ElementwiseProgram program_;
  std::vector<Value> inputs_;
  std::vector<LoopOutput> outputs_;
  std::map<ValueId, int> registers_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeLoop(
    const Graph& graph, const Group& group, const std::vector<bool>& trained,
    const BufferPlan& buffers) {
  const ProgramBuilder builder(graph, group.nodes, trained, buffers,
                               std::nullopt);
  EVENGRAD_RETURN_IF_ERROR(builder.status());
  FusedLoop loop;
  loop.program = builder.program();
  loop.compute_type = GroupComputeType(graph, group.nodes);
  loop.outputs = builder.outputs();
  loop.shape = graph.node(group.nodes.front()).output_type().shape;
  for (const Value& input : builder.inputs()) {
    loop.inputs.push_back(input.type());
    loop.input_buffers.push_back(buffers.BufferOf(input.id()));
  }
  return MakeFusedLoop(std::move(loop));
}

// Where the kernel of an epilogue puts its own output when nobody else reads
// it: the place of an output that no input shares, or -1 for scratch.
int BorrowedOutput(const ProgramBuilder& builder, const TensorType& type,
                   const BufferPlan& buffers) {
  for (const LoopOutput& output : builder.outputs()) {
    if (output.ending != LoopEnding::kNone || !(output.type == type)) continue;
    const BufferKind kind = buffers.buffers[output.buffer].kind;
    if (kind == BufferKind::kResult ||
        (kind == BufferKind::kArena &&
         !buffers.overwrites_input[output.buffer])) {
      return output.buffer;
    }
  }
  return -1;
}

KernelRequest RequestFor(const Node& node, const BufferPlan& buffers,
                         std::vector<AheadRead> reads_ahead) {
  KernelRequest request{.op = &node.op(),
                        .attributes = &node.attributes(),
                        .reads_ahead = std::move(reads_ahead),
                        .error_prefix = node.ErrorPrefix()};
  for (int i = 0; i < node.num_inputs(); ++i) {
    request.inputs.push_back(node.input(i).type());
    request.input_buffers.push_back(buffers.BufferOf(node.input_id(i)));
  }
  for (int i = 0; i < node.num_outputs(); ++i) {
    request.outputs.push_back(node.output_type(i));
    request.output_buffers.push_back(buffers.BufferOf(node.output(i).id()));
  }
  return request;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeNodeKernel(
    const Node& node, const KernelRequest& request) {
  const OpDef& op = node.op();
  if (!op.make_kernel) {
    return absl::UnimplementedError(StrCat("op '", op.name, "' has no kernel"));
  }
  absl::StatusOr<std::unique_ptr<Kernel>> kernel =
      CallUser([&] { return StrCat("make_kernel of op '", op.name, "'"); },
               [&] { return op.make_kernel(request); });
  if (kernel.ok() && *kernel == nullptr) {
    return absl::InternalError(
        StrCat("make_kernel of op '", op.name, "' gives no kernel"));
  }
  return kernel;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeWithEpilogue(
    const Graph& graph, const Group& group, const std::vector<bool>& trained,
    const BufferPlan& buffers, std::vector<AheadRead> reads_ahead) {
  const Node node = graph.node(group.nodes.front());
  const std::span<const int> rest =
      std::span<const int>(group.nodes).subspan(1);
  const ProgramBuilder builder(graph, rest, trained, buffers, node.output());
  EVENGRAD_RETURN_IF_ERROR(builder.status());
  Epilogue epilogue{.program = builder.program(), .outputs = builder.outputs()};
  for (const Value& input :
       std::span<const Value>(builder.inputs()).subspan(1)) {
    epilogue.input_types.push_back(input.type());
    epilogue.input_buffers.push_back(buffers.BufferOf(input.id()));
  }
  KernelRequest request = RequestFor(node, buffers, std::move(reads_ahead));
  if (request.output_buffers[0] < 0) {
    request.output_buffers[0] =
        BorrowedOutput(builder, node.output_type(), buffers);
  }
  epilogue.keeps_output = request.output_buffers[0] >= 0;
  request.epilogue = &epilogue;
  return MakeNodeKernel(node, request);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeGroupKernel(
    const Graph& graph, const Group& group, const std::vector<bool>& trained,
    const BufferPlan& buffers, std::vector<AheadRead> reads_ahead) {
  switch (group.kind) {
    case GroupKind::kLoop:
      return MakeLoop(graph, group, trained, buffers);
    case GroupKind::kEpilogue:
      return MakeWithEpilogue(graph, group, trained, buffers,
                              std::move(reads_ahead));
    case GroupKind::kKernel:
      break;
  }
  const Node node = graph.node(group.nodes.front());
  return MakeNodeKernel(node,
                        RequestFor(node, buffers, std::move(reads_ahead)));
}

}  // namespace evengrad
