// The numbers of values that can be known before a graph runs: those that are
// computed from constants and sizes alone, such as the target of a reshape.
#ifndef EVENGRAD_FORMATS_ONNX_KNOWN_VALUES_H_
#define EVENGRAD_FORMATS_ONNX_KNOWN_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/reference.h"

namespace evengrad {

// Values of at most kMostElements elements are followed, by the ops' reference
// functions.
//
// A size that is only named ("batch") is followed too, without a rule for any
// op: it stands as a number of its own, and everything is computed twice, with
// two such numbers. An element that both times is the number of one size is
// that size; one that is equal both times is a number; any other is unknown.
class KnownValues {
 public:
  static constexpr int64_t kMostElements = 4096;

  void Set(const Value& value, const Tensor& tensor);
  // Integers of rank 1 that are these sizes.
  void Set(const Value& value, const Shape& sizes);
  // Computes what follows from what is known for nodes [first, last) of
  // `graph`.
  void Follow(const Graph& graph, int first, int last);

  // All elements as numbers; empty where one is not known.
  std::optional<Tensor> Numbers(const Value& value) const;
  // Elements as sizes; empty where nothing is known.
  std::optional<Shape> Sizes(const Value& value) const;

 private:
  struct Known {
    ReferenceTensor first, second;
  };

  void Follow(const Node& node);
  size_t ProbeOf(const Dimension& size);

  std::map<ValueId, Known> known_;
  std::vector<Dimension> probed_;
  std::map<std::string, size_t> symbols_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_KNOWN_VALUES_H_
