// The structural ops, which the runtime provides instead of a kernel:
// placeholder (fed), state (kept by the session), constant (held by the graph),
// and type_token (a value of which only the type exists).
#ifndef EVENGRAD_GRAPH_SOURCE_OPS_H_
#define EVENGRAD_GRAPH_SOURCE_OPS_H_

#include <string_view>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

EVENGRAD_EXPORT const OpDef& PlaceholderOp();
EVENGRAD_EXPORT const OpDef& StateOp();
EVENGRAD_EXPORT const OpDef& ConstantOp();
EVENGRAD_EXPORT const OpDef& TypeTokenOp();

// A value that is fed at each run. Its dimensions may be named.
EVENGRAD_EXPORT Value Placeholder(const Graph& graph, std::string_view name,
                                  const TensorType& type,
                                  SourceLocation location = Here());

struct StateOptions {
  bool trainable = false;
};

// A named value that lives in the session and starts as `initial`, whose
// dimensions must be integers. A program's updates give it new values.
EVENGRAD_EXPORT Value State(const Graph& graph, std::string_view name,
                            const Value& initial, StateOptions options = {},
                            SourceLocation location = Here());

// A trainable state.
EVENGRAD_EXPORT Value Parameter(const Graph& graph, std::string_view name,
                                const Value& initial,
                                SourceLocation location = Here());

// The value of `tensor`.
EVENGRAD_EXPORT Value Constant(const Graph& graph, const Tensor& tensor,
                               SourceLocation location = Here());
// A scalar of `dtype`.
EVENGRAD_EXPORT Value Constant(const Graph& graph, double value,
                               DType dtype = DType::kF32,
                               SourceLocation location = Here());

// A value that has a type and no contents.
EVENGRAD_EXPORT Value TypeToken(const Graph& graph, const TensorType& type,
                                SourceLocation location = Here());

EVENGRAD_EXPORT bool IsPlaceholder(const Node& node);
EVENGRAD_EXPORT bool IsState(const Node& node);
EVENGRAD_EXPORT bool IsParameter(const Node& node);  // a trainable state
EVENGRAD_EXPORT bool IsConstant(const Node& node);
// The number of a constant with one element; empty for every other value.
EVENGRAD_EXPORT std::optional<double> ScalarConstant(const Value& value);

// The ids of the parameters (of all states), in order.
EVENGRAD_EXPORT std::vector<Value> Parameters(const Graph& graph);
EVENGRAD_EXPORT std::vector<Value> States(const Graph& graph);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_SOURCE_OPS_H_
