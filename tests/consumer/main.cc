// A user's program, built in each way that a project can have Evengrad: fits
// y = 3 x with one weight and prints it.
#include <cstdio>

#include "evengrad/evengrad.h"

namespace eg = evengrad;

absl::Status Run() {
  eg::Graph graph;
  eg::Value x = eg::Placeholder(graph, "x", eg::F32({"batch", 1}));
  eg::Value y = eg::Placeholder(graph, "y", eg::F32({"batch", 1}));
  eg::Value error = eg::Dense(x, 1, {.name = "line", .bias = false}) - y;
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Program training,
      eg::Minimize(eg::ReduceMean(error * error), eg::Sgd{0.1}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session, eg::Session::Create(graph));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Tensor inputs,
                            eg::Tensor::Of<float>({3, 1}, {1, 2, -1}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Tensor targets,
                            eg::Tensor::Of<float>({3, 1}, {3, 6, -3}));
  for (int i = 0; i < 100; ++i) {
    EVENGRAD_RETURN_IF_ERROR(
        session.Run(training, {{x, inputs}, {y, targets}}).status());
  }
  EVENGRAD_ASSIGN_OR_RETURN(eg::Tensor weight, session.Read("line/weights"));
  EVENGRAD_ASSIGN_OR_RETURN(float slope, weight.scalar<float>());
  std::printf("%.3f\n", slope);
  return absl::OkStatus();
}

int main() {
  absl::Status status = Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
