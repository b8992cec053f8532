// What a rule of import sees: one node of an ONNX model, with its inputs as
// values of the graph that is being built.
//
// A rule reads what it knows of the node; whatever it has not asked for (an
// attribute, an input) makes the import fail, so that nothing is left out
// silently.
#ifndef EVENGRAD_FORMATS_ONNX_IMPORT_CALL_H_
#define EVENGRAD_FORMATS_ONNX_IMPORT_CALL_H_

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/onnx/model.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

// What the importer does for rules.
class OnnxValues {
 public:
  virtual ~OnnxValues() = default;
  // The value of that name; a parameter where an initializer is used first.
  virtual absl::StatusOr<Value> Find(const std::string& name) = 0;
  // The same, but an initializer becomes a state that is not trained.
  virtual absl::StatusOr<Value> FindStatistic(const std::string& name) = 0;
  // The numbers of a value that are known before the model runs. Error: they
  // are not; `what` names the input.
  virtual absl::StatusOr<Tensor> Known(const std::string& name,
                                       const std::string& what) = 0;
  // The same for integers of rank 0 or 1 that may be sizes of the model's
  // inputs: named ones stay named.
  virtual absl::StatusOr<Shape> KnownShape(const std::string& name,
                                           const std::string& what) = 0;
  // From now on `value` is known to be those sizes: the ones of `like`, where
  // that is valid.
  virtual void SetKnown(const Value& value, const Shape& sizes,
                        const Value& like) = 0;
  // The value whose sizes an input is, or an invalid one.
  virtual Value ShapeSource(const std::string& name) = 0;
};

class OnnxCall {
 public:
  OnnxCall(const OnnxNode& node, int64_t opset, Graph graph, OnnxValues& values)
      : node_(node), opset_(opset), graph_(graph), values_(values) {}

  const OnnxNode& node() const { return node_; }
  int64_t opset() const { return opset_; }
  Graph& graph() { return graph_; }
  int num_inputs() const { return static_cast<int>(node_.inputs.size()); }
  int num_outputs() const { return static_cast<int>(node_.outputs.size()); }
  // Input (output) `i` is given, not left out.
  bool has(int i) const;
  bool wants(int i) const;

  // Input `i`. Where it is left out or unknown, status() says so and the value
  // is an invalid one, which builder functions take quietly.
  Value input(int i);
  Value statistic(int i);
  // Input `i` for rules that look at its type.
  absl::StatusOr<Value> Get(int i);
  // Input `i` where it is given, else an invalid value.
  Value optional_input(int i) { return has(i) ? input(i) : Value(); }
  // See OnnxValues.
  absl::StatusOr<Tensor> Known(int i);
  absl::StatusOr<Shape> KnownShape(int i);
  // Known integers, as a list.
  absl::StatusOr<std::vector<int64_t>> KnownIntegers(int i);
  absl::StatusOr<double> KnownNumber(int i);
  void SetKnown(const Value& value, const Shape& sizes, const Value& like) {
    values_.SetKnown(value, sizes, like);
  }
  // Input `i` is the sizes of that value, some of which are not numbers: a rule
  // that takes its type from there needs no names of sizes. Or an invalid one.
  Value ShapeSource(int i) {
    return has(i) ? values_.ShapeSource(node_.inputs[static_cast<size_t>(i)])
                  : Value();
  }

  // Attributes. Where the kind is another one, status() says so.
  bool has_attribute(std::string_view name) const {
    return node_.attributes.contains(name);
  }
  int64_t Integer(std::string_view name, int64_t fallback);
  double Number(std::string_view name, double fallback);
  std::string Text(std::string_view name, std::string_view fallback);
  std::vector<int64_t> Integers(std::string_view name);
  std::vector<double> Numbers(std::string_view name);
  Tensor TensorOf(std::string_view name);
  // That attribute says nothing that matters here.
  void Ignore(std::string_view name) { read_attributes_.emplace(name); }
  void IgnoreInput(int i) { read_inputs_.insert(i); }

  // The integers of an attribute or, from opset `since` on, of input `i`.
  // Empty where neither is given.
  absl::StatusOr<std::vector<int64_t>> IntegersOrInput(std::string_view name,
                                                       int i, int64_t since);

  // An error about what ONNX has and Evengrad has not.
  template <typename... T>
  static absl::Status Unsupported(const T&... parts) {
    return absl::UnimplementedError(StrCat("unsupported: ", parts...));
  }
  // What went wrong in the calls above.
  const absl::Status& status() const { return status_; }
  // The same, or what was given and never asked for.
  absl::Status Finish() const;

 private:
  template <typename T>
  T Attribute(std::string_view name, T fallback, std::string_view kind);
  std::string InputName(int i) const;
  bool Read(int i);
  void Fail(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  const OnnxNode& node_;
  int64_t opset_;
  Graph graph_;
  OnnxValues& values_;
  absl::Status status_;
  std::set<std::string, std::less<>> read_attributes_;
  std::set<int> read_inputs_;
};

// One value an output; those that are not asked for may be missing.
using OnnxResult = absl::StatusOr<std::vector<Value>>;

inline OnnxResult One(const Value& value) { return std::vector<Value>{value}; }

// How an ONNX op becomes nodes.
struct OnnxImport {
  std::string_view op;
  int64_t since;  // the first opset in which it means this
  OnnxResult (*build)(OnnxCall& call);
};

// One table a group of ops.
std::span<const OnnxImport> OnnxElementwiseImports();
std::span<const OnnxImport> OnnxArithmeticImports();
std::span<const OnnxImport> OnnxActivationImports();
std::span<const OnnxImport> OnnxReductionImports();
std::span<const OnnxImport> OnnxProductImports();
std::span<const OnnxImport> OnnxEinsumImports();
std::span<const OnnxImport> OnnxNormalizationImports();
std::span<const OnnxImport> OnnxShapeImports();
std::span<const OnnxImport> OnnxPartImports();
std::span<const OnnxImport> OnnxElementImports();
std::span<const OnnxImport> OnnxConstantImports();
std::span<const OnnxImport> OnnxTriangleImports();
std::span<const OnnxImport> OnnxLossImports();

// The rule for an op of ONNX's own domain; null where there is none.
const OnnxImport* FindOnnxImport(std::string_view op);
// The names of all ops that have one, in alphabetical order.
std::vector<std::string_view> OnnxImportNames();

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_IMPORT_CALL_H_
