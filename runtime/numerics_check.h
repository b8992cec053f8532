// The search after the first bad number of a step: the first node, forward or
// backward, that makes a NaN or an infinity from finite inputs.
#ifndef EVENGRAD_RUNTIME_NUMERICS_CHECK_H_
#define EVENGRAD_RUNTIME_NUMERICS_CHECK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// What is known about the first bad number.
struct EVENGRAD_EXPORT NonFiniteReport {
  // The range of the finite elements of one input of the node.
  struct Input {
    std::string name = {};
    std::string type = {};
    double minimum = 0;
    double maximum = 0;
  };

  int64_t step = 0;
  std::string node = {};
  std::string op = {};
  std::string layer = {};
  std::string location = {};     // "model.cc:27"; "" where it is not known
  std::string gradient_of = {};  // the forward node; "" in the forward pass
  std::string type = {};         // "f32[32,100]"
  int64_t elements = 0;
  int64_t nans = 0;
  int64_t infinities = 0;
  std::vector<Input> inputs = {};  // empty for a feed or a state

  // "model.cc:27: hidden3/log: step 12: …".
  std::string ToString() const;
};

// Watches every floating value that some roots depend on.
class EVENGRAD_EXPORT NumericsProbe {
 public:
  // Appends the nodes of the watch to `graph`.
  static absl::StatusOr<NumericsProbe> Add(Graph graph,
                                           std::span<const Value> roots);

  // What has to be observed.
  const std::vector<Value>& summaries() const { return summaries_; }

  // The first bad number of a run in which `summaries` were observed. A node
  // is bad when it makes a NaN and no input holds one, or an infinity from
  // finite inputs; a feed or a state when it holds any. Constants, and nodes
  // that match a pattern of `exempt`, are not.
  std::optional<NonFiniteReport> FindFirst(
      std::span<const Tensor> summaries, int64_t step,
      std::span<const std::string> exempt) const;

 private:
  explicit NumericsProbe(Graph graph) : graph_(std::move(graph)) {}
  NonFiniteReport Describe(const Value& value,
                           std::span<const Tensor> summaries,
                           int64_t step) const;
  // The place of the summary of a value; -1 where it is not watched.
  int PlaceOf(ValueId value) const;

  Graph graph_;
  std::vector<ValueId> watched_;  // in ascending order
  std::vector<Value> summaries_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_NUMERICS_CHECK_H_
