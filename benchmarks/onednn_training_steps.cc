// The training steps of workloads.h by hand: straight-line C++ on
// oneDNN's products, a loop for each of the other operations. What somebody
// would write who needs one network and no framework; a peer for compare.py.
// Networks without clipping and batch norm. With more threads, only products
// use them.
//
//   cmake --build --preset dev --target onednn_training_steps
//   onednn_training_steps --threads 1 --only mlp_2048x3/batch:256 --seconds 1
//   compare.py --peer build/dev/benchmarks/onednn_training_steps …
#include <dnnl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "peer_program.h"

namespace {

constexpr float kScale = 1.05070098f;  // of SELU
constexpr float kAlpha = 1.67326324f;
constexpr float kRate = 0.01f;
constexpr float kMomentum = 0.9f;

// output[rows,columns] = input[rows,depth] · weights[depth,columns], where 'T'
// says that a factor lies transposed in memory.
void Multiply(char input_form, char weights_form, int64_t rows, int64_t columns,
              int64_t depth, const float* input, const float* weights,
              float* output) {
  const dnnl_status_t status =
      dnnl_sgemm(input_form, weights_form, rows, columns, depth, 1, input,
                 input_form == 'N' ? depth : rows, weights,
                 weights_form == 'N' ? columns : depth, 0, output, columns);
  if (status == dnnl_success) return;
  std::fprintf(stderr, "oneDNN: error %d\n", static_cast<int>(status));
  std::exit(1);
}

struct Layer {
  int64_t inputs;
  int64_t outputs;
  std::vector<float> weights, weights_gradient, weights_velocity;
  std::vector<float> bias, bias_gradient, bias_velocity;
  std::vector<float> output, output_gradient;
};

class Network {
 public:
  explicit Network(const peer::Workload& workload)
      : batch_(workload.batch), selu_(workload.selu) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    auto random = [&](int64_t size, float deviation) {
      std::vector<float> values(static_cast<size_t>(size));
      for (float& value : values) value = deviation * normal(generator);
      return values;
    };
    images_ = random(batch_ * evengrad::kWorkloadInputs, 1);
    for (int64_t i = 0; i < batch_; ++i) {
      labels_.push_back(
          static_cast<int64_t>(generator() % evengrad::kWorkloadClasses));
    }
    std::vector<int> widths = workload.hidden;
    widths.push_back(evengrad::kWorkloadClasses);
    int64_t inputs = evengrad::kWorkloadInputs;
    for (int64_t outputs : widths) {
      const float variance = (selu_ ? 1.0f : 2.0f) / static_cast<float>(inputs);
      const int64_t weights = inputs * outputs;
      layers_.push_back({inputs, outputs, random(weights, std::sqrt(variance)),
                         random(weights, 0), random(weights, 0),
                         random(outputs, 0), random(outputs, 0),
                         random(outputs, 0), random(batch_ * outputs, 0),
                         random(batch_ * outputs, 0)});
      inputs = outputs;
    }
  }

  void Step() {
    Forward();
    LossGradient();
    for (size_t l = layers_.size(); l-- > 0;) Backward(l);
    for (Layer& layer : layers_) {
      Update(layer.weights_gradient, layer.weights_velocity, layer.weights);
      Update(layer.bias_gradient, layer.bias_velocity, layer.bias);
    }
  }

 private:
  const float* InputOf(size_t l) const {
    return l == 0 ? images_.data() : layers_[l - 1].output.data();
  }

  void Forward() {
    for (size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      Multiply('N', 'N', batch_, layer.outputs, layer.inputs, InputOf(l),
               layer.weights.data(), layer.output.data());
      const bool hidden = l + 1 < layers_.size();
      for (int64_t i = 0; i < batch_; ++i) {
        float* const row = layer.output.data() + i * layer.outputs;
        for (int64_t j = 0; j < layer.outputs; ++j) row[j] += layer.bias[j];
        if (hidden) Activate(row, layer.outputs);
      }
    }
  }

  void Activate(float* row, int64_t count) const {
    if (!selu_) {
      for (int64_t j = 0; j < count; ++j) row[j] = std::max(row[j], 0.0f);
      return;
    }
    for (int64_t j = 0; j < count; ++j) {
      row[j] =
          kScale * (row[j] > 0 ? row[j] : kAlpha * (std::exp(row[j]) - 1.0f));
    }
  }

  // Of the mean cross-entropy after softmax.
  void LossGradient() {
    Layer& last = layers_.back();
    for (int64_t i = 0; i < batch_; ++i) {
      const float* const logits =
          last.output.data() + i * evengrad::kWorkloadClasses;
      float* const gradient =
          last.output_gradient.data() + i * evengrad::kWorkloadClasses;
      const float most =
          *std::max_element(logits, logits + evengrad::kWorkloadClasses);
      float sum = 0;
      for (int64_t j = 0; j < evengrad::kWorkloadClasses; ++j) {
        gradient[j] = std::exp(logits[j] - most);
        sum += gradient[j];
      }
      for (int64_t j = 0; j < evengrad::kWorkloadClasses; ++j) {
        const float target = j == labels_[static_cast<size_t>(i)] ? 1.0f : 0.0f;
        gradient[j] = (gradient[j] / sum - target) / static_cast<float>(batch_);
      }
    }
  }

  // Of the layer's parameters, and of what it reads.
  void Backward(size_t l) {
    Layer& layer = layers_[l];
    const float* const gradient = layer.output_gradient.data();
    std::fill(layer.bias_gradient.begin(), layer.bias_gradient.end(), 0.0f);
    for (int64_t i = 0; i < batch_; ++i) {
      for (int64_t j = 0; j < layer.outputs; ++j) {
        layer.bias_gradient[j] += gradient[i * layer.outputs + j];
      }
    }
    Multiply('T', 'N', layer.inputs, layer.outputs, batch_, InputOf(l),
             gradient, layer.weights_gradient.data());
    if (l == 0) return;
    Layer& below = layers_[l - 1];
    Multiply('N', 'T', batch_, layer.inputs, layer.outputs, gradient,
             layer.weights.data(), below.output_gradient.data());
    const int64_t count = batch_ * below.outputs;
    for (int64_t i = 0; i < count; ++i) {
      const float output = below.output[i];
      const float slope = selu_
                              ? (output > 0 ? kScale : output + kScale * kAlpha)
                              : (output > 0 ? 1.0f : 0.0f);
      below.output_gradient[i] *= slope;
    }
  }

  static void Update(const std::vector<float>& gradient,
                     std::vector<float>& velocity,
                     std::vector<float>& parameter) {
    for (size_t i = 0; i < parameter.size(); ++i) {
      velocity[i] = kMomentum * velocity[i] + gradient[i];
      parameter[i] -= kRate * velocity[i];
    }
  }

  int64_t batch_;
  bool selu_;
  std::vector<float> images_;
  std::vector<int64_t> labels_;
  std::vector<Layer> layers_;
};

peer::Step Prepare(const peer::Workload& workload, int) {
  if (workload.clip || workload.batch_norm || workload.adamw) return {};
  const auto network = std::make_shared<Network>(workload);
  return [network] { network->Step(); };
}

}  // namespace

int main(int argc, char** argv) {
  return peer::Main(argc, argv, "by hand", Prepare);
}
