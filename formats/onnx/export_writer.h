// What a rule of export writes with: an ONNX model to which nodes are added.
#ifndef EVENGRAD_FORMATS_ONNX_EXPORT_WRITER_H_
#define EVENGRAD_FORMATS_ONNX_EXPORT_WRITER_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/onnx/model.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

using OnnxAttributes =
    std::initializer_list<std::pair<std::string_view, OnnxAttribute>>;

// Values of the model are known by their names.
class OnnxWriter {
 public:
  explicit OnnxWriter(OnnxModel& model) : model_(model) {}

  // From now on that name is taken: of an input, a result, an initializer.
  void Reserve(const std::string& name) { taken_.insert(name); }
  // `name`, or `name` with a number that makes it free.
  std::string FreeName(const std::string& name);

  // The name that stands for a value of the graph.
  const std::string& Name(const Value& value) const {
    return names_.at(value.id());
  }
  void SetName(const Value& value, std::string name) {
    names_[value.id()] = std::move(name);
  }
  // A size named in a shape is that of `axis` of the model's input `input`.
  void SetSymbol(const std::string& symbol, const std::string& input,
                 int axis) {
    symbols_.emplace(symbol, std::pair(input, axis));
  }
  // Nodes that are added are named after `node`.
  void Begin(const Node& node) { prefix_ = node.name(); }

  // Adds a node; the name of its output.
  std::string Add(std::string_view op, std::vector<std::string> inputs,
                  OnnxAttributes attributes = {});
  // The same for several outputs.
  std::vector<std::string> Add(std::string_view op,
                               std::vector<std::string> inputs,
                               OnnxAttributes attributes, int num_outputs);
  // Constants: a tensor, a list of i64, a scalar of `dtype`.
  std::string Constant(const Tensor& tensor);
  std::string Integers(const std::vector<int64_t>& values);
  std::string Scalar(double value, DType dtype);

  // The sizes as a list of i64; named ones are looked up in a run. Error: an
  // unknown size.
  absl::StatusOr<std::string> Sizes(const Shape& shape);
  // Those of a value, which may be unknown too.
  std::string SizesOf(const Value& value);

  template <typename... T>
  static absl::Status Unsupported(const T&... parts) {
    return absl::UnimplementedError(StrCat("unsupported: ", parts...));
  }

 private:
  OnnxModel& model_;
  std::string prefix_;
  std::set<std::string> taken_;
  std::map<ValueId, std::string> names_;
  std::map<std::string, std::pair<std::string, int>> symbols_;
  std::map<std::string, std::string> symbol_sizes_;
};

// The names of the node's outputs; trailing ones that nobody reads may be
// missing.
using OnnxNames = absl::StatusOr<std::vector<std::string>>;

inline OnnxNames OneName(std::string name) {
  return std::vector<std::string>{std::move(name)};
}

// How an op of ours is written: as the ONNX op of the same inputs, or by a
// function.
struct OnnxExport {
  const OpDef& (*op)();
  std::string_view same_as = {};
  OnnxNames (*write)(OnnxWriter& writer, const Node& node) = nullptr;
};

// One table a group of ops.
std::span<const OnnxExport> OnnxElementwiseExports();
std::span<const OnnxExport> OnnxActivationExports();
std::span<const OnnxExport> OnnxReductionExports();
std::span<const OnnxExport> OnnxProductExports();
std::span<const OnnxExport> OnnxNormalizationExports();
std::span<const OnnxExport> OnnxShapeExports();
std::span<const OnnxExport> OnnxPartExports();

// The rule for `op`; null where there is none.
const OnnxExport* FindOnnxExport(const OpDef& op);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_EXPORT_WRITER_H_
