// Symptom: a network is sure of itself where it is wrong. Cure: Monte-Carlo
// dropout (Gal and Ghahramani, 2016): keep dropout at work when predicting, and
// take the mean of many predictions; their spread tells which to trust.
//
// 300-100 ReLU units with dropout 0.2 before each layer.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "fashion_mnist.h"

struct Network {
  Network() {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = eg::Dropout(model.inputs, 0.2);
    for (const int64_t units : {300, 100}) {
      eg::NameScope layer(graph, eg::StrCat("hidden", units));
      hidden = eg::Dropout(eg::Relu(eg::Dense(hidden, units)), 0.2);
    }
    model.logits = eg::Dense(hidden, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  eg::Classifier model;
};

struct Answer {
  bool right;
  double spread;  // of the probability of the predicted class
};

absl::Status Run(const FashionMnist& data) {
  const Network net;
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Evaluation plain,
      Train(session, net.model, data.training, data.test,
            eg::Sgd{.learning_rate = 0.01, .momentum = 0.9}, 10));
  std::printf("dropout off:          test accuracy %.4f, loss %.4f\n",
              plain.accuracy, plain.loss);

  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Batches batches,
      eg::Batches::Create(data.test, {.size = 1000, .shuffle = false}));
  const eg::Value probabilities = eg::Softmax(net.model.logits);
  std::vector<Answer> answers;
  double loss = 0;
  while (const eg::Batch* batch = batches.Next()) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const eg::MonteCarloPrediction predicted,
        eg::PredictMonteCarlo(session, probabilities,
                              {{net.model.inputs, batch->inputs}},
                              {.samples = 100}));
    const std::vector<double> mean = predicted.mean.ToDoubles();
    const std::vector<double> deviation = predicted.deviation.ToDoubles();
    const std::vector<double> labels = batch->labels.ToDoubles();
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto row = mean.begin() + static_cast<int64_t>(10 * i);
      const auto best = std::max_element(row, row + 10) - row;
      const auto label = static_cast<int64_t>(labels[i]);
      answers.push_back({best == label, deviation[10 * i + best]});
      loss -= std::log(std::max(row[label], 1e-30));
    }
  }
  auto accuracy = [&](size_t begin, size_t end) {
    return std::accumulate(answers.begin() + static_cast<int64_t>(begin),
                           answers.begin() + static_cast<int64_t>(end), 0.0,
                           [](double sum, const Answer& answer) {
                             return sum + (answer.right ? 1 : 0);
                           }) /
           static_cast<double>(end - begin);
  };
  const size_t all = answers.size();
  std::printf("mean of 100 samples:  test accuracy %.4f, loss %.4f\n",
              accuracy(0, all), loss / static_cast<double>(all));
  std::ranges::sort(answers, {}, &Answer::spread);
  std::printf("the surest half:      test accuracy %.4f\n",
              accuracy(0, all / 2));
  std::printf("the least sure tenth: test accuracy %.4f\n",
              accuracy(all - all / 10, all));
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
