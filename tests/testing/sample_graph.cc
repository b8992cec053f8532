#include "evengrad/testing/sample_graph.h"

#include <utility>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad::testing {
namespace {

void ReplaceSize(Shape& shape, Dimension from, Dimension to) {
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == from) shape[i] = to;
  }
}

// The shapes of a sample: those of its inputs and of its attributes.
std::vector<Shape*> ShapesOf(OpSample& sample) {
  std::vector<Shape*> shapes;
  for (InputSample& input : sample.inputs) shapes.push_back(&input.type.shape);
  for (auto& [name, value] : sample.attributes) {
    if (auto* shape = std::get_if<Shape>(&value)) shapes.push_back(shape);
  }
  return shapes;
}

// Placeholders for the gradients of the floating outputs, and d (their sum of
// products with the outputs) / d (floating inputs).
absl::Status AddGradients(SampleGraph& built) {
  std::vector<Value> weights;
  std::vector<Value> weighted;
  for (const Value& output : built.outputs) {
    if (!IsFloating(output.dtype())) continue;
    weights.push_back(
        Placeholder(built.graph, "output_gradient", output.type()));
    weighted.push_back(output);
  }
  std::vector<Value> wrt;
  for (size_t i = 0; i < built.inputs.size(); ++i) {
    if (!IsFloating(built.inputs[i].dtype())) continue;
    wrt.push_back(built.inputs[i]);
    built.differentiable.push_back(static_cast<int>(i));
  }
  built.feeds.insert(built.feeds.end(), weights.begin(), weights.end());
  if (weights.empty() || wrt.empty()) return absl::OkStatus();
  GradientOptions options = {.zeros_for_unreached = true};
  Value loss = weighted[0];
  if (weights.size() == 1) {
    options.output_gradient = weights[0];
  } else {
    loss = ReduceSum(weighted[0] * weights[0]);
    for (size_t i = 1; i < weights.size(); ++i) {
      loss = loss + ReduceSum(weighted[i] * weights[i]);
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(built.gradients, Gradients(loss, wrt, options));
  return absl::OkStatus();
}

}  // namespace

OpSample WithDType(OpSample sample, DType dtype) {
  for (InputSample& input : sample.inputs) {
    if (input.type.dtype == DType::kF32) input.type.dtype = dtype;
  }
  return sample;
}

OpSample WithSize(OpSample sample, Dimension from, Dimension to) {
  for (Shape* shape : ShapesOf(sample)) ReplaceSize(*shape, from, to);
  return sample;
}

OpSample WithSymbols(const OpSample& sample) {
  OpSample result = sample;
  for (const InputSample& input : sample.inputs) {
    for (const Dimension& size : input.type.shape) {
      if (size.is_integer() && size.size() > 1) {
        result =
            WithSize(std::move(result), size,
                     Dimension(std::string_view(StrCat("n", size.size()))));
      }
    }
  }
  return result;
}

OpSample WithUnknowns(OpSample sample) {
  for (InputSample& input : sample.inputs) {
    Shape& shape = input.type.shape;
    for (int i = 0; i < shape.rank(); ++i) shape[i] = Dimension::Unknown();
  }
  return sample;
}

absl::StatusOr<SampleGraph> BuildSampleGraph(const OpDef& op,
                                             const OpSample& sample,
                                             SampleGraphOptions options) {
  SampleGraph built;
  built.surrounded = options.surrounded;
  for (const InputSample& input : sample.inputs) {
    built.feeds.push_back(Placeholder(built.graph, "input", input.type));
    const bool negated = options.surrounded && IsFloating(input.type.dtype);
    built.inputs.push_back(negated ? Negate(built.feeds.back())
                                   : built.feeds.back());
  }
  const Node node = built.graph.Add(op, built.inputs, sample.attributes);
  EVENGRAD_RETURN_IF_ERROR(built.graph.status());
  for (int i = 0; i < node.num_outputs(); ++i) {
    built.outputs.push_back(node.output(i));
  }
  if (options.gradients) EVENGRAD_RETURN_IF_ERROR(AddGradients(built));
  for (const Value& output : built.outputs) {
    const bool negated = options.surrounded && IsFloating(output.dtype());
    built.fetches.push_back(negated ? Negate(output) : output);
  }
  built.fetches.insert(built.fetches.end(), built.gradients.begin(),
                       built.gradients.end());
  EVENGRAD_RETURN_IF_ERROR(built.graph.status());
  return built;
}

std::vector<ReferenceFeed> MakeFeeds(const SampleGraph& sample_graph,
                                     const SampleGraph& concrete,
                                     std::vector<ReferenceTensor> inputs,
                                     NumberSource& numbers) {
  std::vector<ReferenceFeed> feeds;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (sample_graph.surrounded && IsFloating(inputs[i].dtype)) {
      for (double& value : inputs[i].values) value = -value;
    }
    feeds.push_back({sample_graph.feeds[i], std::move(inputs[i])});
  }
  for (size_t i = feeds.size(); i < sample_graph.feeds.size(); ++i) {
    feeds.push_back({sample_graph.feeds[i],
                     DrawWeights(concrete.feeds[i].type(), numbers)});
  }
  return feeds;
}

absl::StatusOr<std::vector<ReferenceTensor>> RunInSession(
    Session& session, const SampleGraph& sample_graph,
    const std::vector<ReferenceFeed>& feeds) {
  Program program{.graph = sample_graph.graph};
  for (const Value& value : sample_graph.fetches) {
    program.fetches.push_back(
        {.name = StrCat(program.fetches.size()), .value = value});
  }
  std::vector<Feed> tensors;
  for (const ReferenceFeed& feed : feeds) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, ToTensor(feed.tensor));
    tensors.push_back({feed.value, std::move(tensor)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                            session.Run(program, tensors));
  std::vector<ReferenceTensor> values;
  for (const Tensor& tensor : result.values()) {
    values.push_back(ToReference(tensor));
  }
  return values;
}

absl::StatusOr<std::vector<ReferenceTensor>> RunByReference(
    const Graph& graph, const std::vector<Value>& values,
    const std::vector<ReferenceFeed>& feeds) {
  return RunReference(graph, values, feeds, {.seed = kRunSeed});
}

}  // namespace evengrad::testing
