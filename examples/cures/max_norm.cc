// Symptom: at a high learning rate weights grow without bound, units saturate
// or die, and the loss leaps. Cure: a max-norm constraint, which scales the
// weights of each unit back to a fixed norm after every step (Srivastava et
// al., 2014). It is part of the update, as a clamp or weight decay would be.
//
// 5 layers of 100 ReLU units, SGD with momentum at a rate that is too high.
#include "fashion_mnist.h"

struct Network {
  Network() {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = model.inputs;
    for (int i = 1; i <= 5; ++i) {
      eg::NameScope layer(graph, eg::StrCat("hidden", i));
      hidden = eg::Relu(eg::Dense(hidden, 100));
    }
    model.logits = eg::Dense(hidden, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  eg::Classifier model;
};

// The largest norm of the weights of a unit of the first layer.
absl::StatusOr<double> LargestNorm(const eg::Session& session) {
  EVENGRAD_ASSIGN_OR_RETURN(const eg::Tensor weights,
                            session.Read("hidden1/weights"));
  std::vector<double> squares(weights.sizes()[1], 0);
  const std::vector<double> numbers = weights.ToDoubles();
  for (size_t i = 0; i < numbers.size(); ++i) {
    squares[i % squares.size()] += numbers[i] * numbers[i];
  }
  return std::sqrt(*std::max_element(squares.begin(), squares.end()));
}

absl::Status Run(const FashionMnist& data) {
  const Network net;
  for (const bool constrained : {false, true}) {
    EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                              eg::Session::Create(net.graph, {.seed = 42}));
    eg::MinimizeOptions options;
    if (constrained) {
      options.groups = {
          {.pattern = "*/weights", .constraint = eg::MaxNorm(2.0)}};
    }
    std::printf("%s\n", constrained ? "max-norm 2:" : "no constraint:");
    const absl::StatusOr<eg::Evaluation> test =
        Train(session, net.model, data.training, data.test,
              eg::Sgd{.learning_rate = 0.05, .momentum = 0.9}, 3, options);
    if (absl::IsOutOfRange(test.status())) {  // NaN or infinity
      std::printf("  diverged: %s\n", test.status().ToString().c_str());
      continue;
    }
    EVENGRAD_RETURN_IF_ERROR(test.status());
    EVENGRAD_ASSIGN_OR_RETURN(const double norm, LargestNorm(session));
    std::printf("  test accuracy %.4f, loss %.4f, largest norm %.2f\n",
                test->accuracy, test->loss, norm);
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
