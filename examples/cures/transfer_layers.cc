// Symptom: too few examples for a deep network. Cure: take the lower layers of
// a network that was trained for a similar task; train the new output layer
// while they are frozen, so that its first, large gradients do not wreck them;
// then thaw them at a lower rate.
//
// Task A: eight classes of Fashion-MNIST. Task B: sandals against shirts, with
// 200 images (the experiment of chapter 11 of Hands-On Machine Learning).
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "fashion_mnist.h"

constexpr int kSandal = 5, kShirt = 6;

struct Network {
  explicit Network(int64_t classes) {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = model.inputs;
    for (const int64_t units : {300, 100, 50, 50, 50}) {
      eg::NameScope layer(graph, eg::StrCat("hidden", ++layers));
      hidden = eg::Selu(eg::Dense(hidden, units));
    }
    model.logits = eg::Dense(hidden, classes, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  int layers = 0;
  eg::Graph graph;
  eg::Classifier model;
};

absl::Status Run(const FashionMnist& data) {
  const std::vector<int32_t> of_a = {0, 1, 2, 3, 4, 7, 8, 9};
  const std::vector<int32_t> of_b = {kSandal, kShirt};
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet a, data.training.SelectClasses(of_a));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet a_test, data.test.SelectClasses(of_a));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet b, data.training.SelectClasses(of_b));
  EVENGRAD_ASSIGN_OR_RETURN(b, First(b, 200));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet b_test, data.test.SelectClasses(of_b));
  const eg::Sgd slow = {.learning_rate = 1e-3}, fast = {.learning_rate = 1e-2};

  const std::string file =
      eg::StrCat("/tmp/network_a_", getpid(), ".safetensors");
  {
    const Network net(8);
    EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                              eg::Session::Create(net.graph, {.seed = 42}));
    EVENGRAD_ASSIGN_OR_RETURN(const eg::Evaluation test,
                              Train(session, net.model, a, a_test, slow, 5));
    std::printf("A: test accuracy %.4f\n", test.accuracy);
    EVENGRAD_RETURN_IF_ERROR(eg::SaveWeights(session, net.graph, file));
  }
  const Network net(2);
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session scratch,
                            eg::Session::Create(net.graph, {.seed = 43}));
  EVENGRAD_ASSIGN_OR_RETURN(const eg::Evaluation before,
                            Train(scratch, net.model, b, b_test, slow, 20));
  std::printf("B from scratch: test accuracy %.4f\n", before.accuracy);

  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 43}));
  // Only the output layer differs; the rest has the same names and shapes.
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<std::string> loaded,
      eg::LoadWeights(session, net.graph, file, {.patterns = {"hidden*"}}));
  unlink(file.c_str());
  EVENGRAD_RETURN_IF_ERROR(
      Train(session, net.model, b, b_test, fast, 4,
            {.groups = {{.pattern = "hidden*", .frozen = true}},
             .name = "frozen"})
          .status());
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Evaluation after,
      Train(session, net.model, b, b_test, slow, 16, {.name = "thawed"}));
  std::printf(
      "B with %d states of A: test accuracy %.4f (%.1f times fewer "
      "errors)\n",
      static_cast<int>(loaded.size()), after.accuracy,
      (1 - before.accuracy) / (1 - after.accuracy));
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
