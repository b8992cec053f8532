// Hooks that clip gradients. All are nodes of the training program: what can be
// fused with the update of a parameter is.
//
//   Minimize(loss, Sgd{}, {.hooks = {AdaptiveClip(0.01)}});
//   …
//   absl::StatusOr<ClippingReport> report =
//       ReadClippingReport(session, "adaptive_clip");
//
// NaN and infinities in gradients are the business of
// MinimizeOptions::non_finite. Under kPropagate clipping does with them what
// its formula says.
#ifndef EVENGRAD_RUNTIME_HOOKS_CLIP_GRADIENTS_H_
#define EVENGRAD_RUNTIME_HOOKS_CLIP_GRADIENTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/hooks/clip_by_global_norm.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

// ---- Rules ------------------------------------------------------------------

// Every element is clamped to [-limit, limit]. Scope: "clip_by_value".
EVENGRAD_EXPORT std::shared_ptr<Hook> ClipByValue(double limit);

// Every parameter's gradient is multiplied by max_norm / max(norm, max_norm)
// of its own norm. Scope: "clip_by_norm".
EVENGRAD_EXPORT std::shared_ptr<Hook> ClipByNorm(double max_norm);

struct AdaptiveClipOptions {
  double epsilon = 1e-3;  // the least norm of a unit's weights that counts
  // The layer that makes the model's output is left alone (Brock et al. find
  // that clipping it hurts).
  bool exempt_output_layer = true;
  // Names of parameters that are left alone; '*' and '?' as in groups.
  std::vector<std::string> exempt = {};
};

// Adaptive gradient clipping (Brock, De, Smith and Simonyan: High-Performance
// Large-Scale Image Recognition Without Normalization, 2021): for each output
// unit with weights W and gradient G,
//
//   limit = factor * max(|W|, epsilon)
//   G *= limit / max(|G|, 1e-6)   where |G| > limit
//
// A unit is a column of a matrix [in, out], the first index of weights of a
// higher rank, and the whole of a vector or scalar. Scope: "adaptive_clip".
EVENGRAD_EXPORT std::shared_ptr<Hook> AdaptiveClip(
    double factor, AdaptiveClipOptions options = {});

struct AutoClipOptions {
  int64_t window = 1000;  // norms that are remembered
};

// Clips the global norm to a percentile (0 … 100, interpolated linearly) of the
// last norms, this step's included (Seetharaman, Wichern, Pardo and Le Roux:
// AutoClip, 2020, which remembers all norms). Norms that are not finite are not
// remembered. Scope: "auto_clip".
EVENGRAD_EXPORT std::shared_ptr<Hook> AutoClip(double percent,
                                               AutoClipOptions options = {});

struct ZClipOptions {
  double decay = 0.97;     // of the averages
  double threshold = 2.5;  // in deviations
  double max_norm = 1;     // never more than this; 0 for no such bound
  int64_t warm_up = 25;    // steps from which mean and deviation start
};

// Clips outliers of the global norm N (Kumar, Owen, Chowdhury and Güra: ZClip,
// 2025). With mean m and deviation s of the norms so far:
//
//   z = (N - m) / (s + 1e-6)
//   T = m + threshold * s / (z / threshold)   where z > threshold, else N
//   m = decay * m + (1 - decay) * T
//   s^2 = decay * s^2 + (1 - decay) * (T - m)^2
//
// and every gradient is multiplied by limit / (N + 1e-6) where N exceeds
// limit = min(T, max_norm). During the warm-up T = N, and m and s are those of
// all norms. Norms that are not finite change nothing. Scope: "z_clip".
EVENGRAD_EXPORT std::shared_ptr<Hook> ZClip(ZClipOptions options = {});

// ---- What they did ----------------------------------------------------------

// The states "<scope>/norm" and "<scope>/clipped_norm" (f64[]: the global norm
// before and after the hook in the last step), "<scope>/acted" (i64[]: steps in
// which it changed a gradient) and "<scope>/steps" (i64[]).
struct ClippingReport {
  double norm = 0;
  double clipped_norm = 0;
  int64_t acted = 0;
  int64_t steps = 0;
};

// Error: the session has run no program with a clipping hook of that scope.
EVENGRAD_EXPORT absl::StatusOr<ClippingReport> ReadClippingReport(
    const Session& session, std::string_view scope);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_CLIP_GRADIENTS_H_
