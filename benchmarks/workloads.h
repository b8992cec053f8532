// The training steps that are compared: networks, batches and optimizers, by
// the names of compare.py. Plain C++17, for peers that know nothing of
// Evengrad.
#ifndef EVENGRAD_BENCHMARKS_WORKLOADS_H_
#define EVENGRAD_BENCHMARKS_WORKLOADS_H_

#include <string>
#include <vector>

namespace evengrad {

inline constexpr int kWorkloadInputs = 784;
inline constexpr int kWorkloadClasses = 10;

// A network of dense layers with cross-entropy over ten classes.
struct Workload {
  std::string name;
  std::vector<int> hidden;
  int batch = 32;
  bool selu = false;        // otherwise ReLU
  bool clip = false;        // the gradients' global norm to 1
  bool batch_norm = false;  // between product and activation
  bool adamw = false;       // of rate 1e-3; else SGD: 0.01, momentum 0.9

  std::string Name() const { return name + "/batch:" + std::to_string(batch); }
};

inline std::vector<Workload> TrainingWorkloads() {
  const std::vector<int> tapered = {300, 100};
  const std::vector<int> deep(20, 100);
  const std::vector<int> very_deep(100, 100);
  const std::vector<int> wide(3, 2048);
  return {{"mlp_300_100", tapered, 32},
          {"mlp_300_100", tapered, 128},
          {"selu_20x100", deep, 32, true},
          {"selu_20x100_clip", deep, 32, true, /*clip=*/true},
          {"selu_100x100", very_deep, 32, true},
          {"bn_relu_20x100_adamw", deep, 32, false, false,
           /*batch_norm=*/true, /*adamw=*/true},
          {"mlp_2048x3", wide, 256}};
}

}  // namespace evengrad

#endif  // EVENGRAD_BENCHMARKS_WORKLOADS_H_
