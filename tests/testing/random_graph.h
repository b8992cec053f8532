// Random graphs and programs in which the ops of a table take part: for checks
// that must hold for everything a graph can hold. They are well typed, but
// compute nothing sensible.
#ifndef EVENGRAD_TESTING_RANDOM_GRAPH_H_
#define EVENGRAD_TESTING_RANDOM_GRAPH_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

struct RandomGraphOptions {
  int max_ops = 8;  // nodes that are made from rows; sources come on top
};

// The op has attributes that are functions of this program, which no text
// holds: host_call, custom_gradient.
bool CallsTheProgram(const OpDef& op);

// A program with one to max_ops nodes of ops of `rows`: their samples in every
// element type, with sizes that are numbers, zero, named or unknown, attributes
// at and away from their defaults, states with initial values, scopes, source
// lines, gradient links, names that need quotes, results, updates and
// observations. Ops that call the program are left out. The same seed gives the
// same program. Error: a row whose plain
// samples its op's type rule refuses.
absl::StatusOr<Program> RandomProgram(std::span<const OpCase> rows,
                                      uint64_t seed,
                                      RandomGraphOptions options = {});

// OK when both hold the same in every respect (hooks excepted), to the last
// bit; else an error that names the first difference.
absl::Status CheckSameGraph(const Graph& found, const Graph& expected);
absl::Status CheckSameProgram(const Program& found, const Program& expected);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_RANDOM_GRAPH_H_
