#include "cpu/gated_activation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/exp_double.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* The functions are evaluated in double precision: in fp32, exp(-x) and 1 + exp(-x) alone cost more than the 2e-7 promised, and the tails
 * of the two gelus lose four digits in the exponent. */

/* Below this every activation is -0 in fp32; so minus infinity gives -0 too, not the NaN of infinity times zero. */
constexpr double kLowest = -200.0;

KP_INLINE double Clamped(double x) { return x < kLowest ? kLowest : x; }

struct Silu {
  KP_INLINE double operator()(double x) const {
    x = Clamped(x);
    return x / (1.0 + ExpDouble(-x));
  }
};

/* x Φ(x), Φ(-a) = exp(-a² / 2) t P(t), t = 1 / (1 + 0.3 a): P is the least-squares fit of the relative error over a in [0, 15], which is
 * 4e-9; beyond, Φ(-a) is nothing in fp32. */
struct Gelu {
  KP_INLINE double operator()(double x) const {
    x = Clamped(x);
    const double a = std::fabs(x);
    const double t = 1.0 / (1.0 + 0.3 * a);
    double p = -0.0208333175487;
    p = p * t + 0.11356315014;
    p = p * t - 0.23083034376;
    p = p * t + 0.195218275069;
    p = p * t - 0.082223376493;
    p = p * t + 0.0976237796448;
    p = p * t + 0.0778972426616;
    p = p * t + 0.110337254561;
    p = p * t + 0.119560069323;
    p = p * t + 0.119687264418;
    const double tail = ExpDouble(-0.5 * a * a) * t * p;
    return x * (x < 0.0 ? tail : 1.0 - tail);
  }
};

/* x/2 (1 + tanh(z)) = x / (1 + exp(-2z)), z = sqrt(2 / π) (x + 0.044715 x³). */
struct GeluTanh {
  KP_INLINE double operator()(double x) const {
    x = Clamped(x);
    return x / (1.0 + ExpDouble(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  }
};

struct Relu {
  KP_INLINE double operator()(double x) const { return x < 0.0 ? 0.0 : x; }
};

constexpr int kTile = 64;

template <typename Activation>
KP_INLINE void ActivateTile(const Activation& activation, const float* gate, const float* up, float* y) {
  for (int i = 0; i < kTile; ++i) {
    y[i] = static_cast<float>(activation(static_cast<double>(gate[i])) * static_cast<double>(up[i]));
  }
}

template <typename Activation, typename Y>
void Run(ThreadPool& pool, const GatedActivationCall& call, const Activation& activation) {
  constexpr int64_t kGrainTiles = 2048 / kTile;
  const int64_t tiles = (call.width + kTile - 1) / kTile;
  pool.ParallelFor(call.tokens * tiles, kGrainTiles, [&](int64_t begin, int64_t end) {
    alignas(64) float gate[kTile] = {};
    alignas(64) float up[kTile] = {};
    alignas(64) float result[kTile];
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t first = tile % tiles * kTile;
      const int64_t count = std::min<int64_t>(kTile, call.width - first);
      const float* x = call.x + tile / tiles * 2 * call.width + first;
      Y* y = static_cast<Y*>(call.y) + tile / tiles * call.width + first;
      if (count == kTile) {
        ActivateTile(activation, x, x + call.width, result);
      } else {
        std::memcpy(gate, x, static_cast<size_t>(count) * sizeof(float));
        std::memcpy(up, x + call.width, static_cast<size_t>(count) * sizeof(float));
        ActivateTile(activation, gate, up, result);
      }
      ForVectors(count, [&](int64_t i, int lanes) { Store(y + i, Load(result + i), lanes); });
    }
  });
}

template <typename Activation>
void Run(ThreadPool& pool, const GatedActivationCall& call, const Activation& activation) {
  if (call.y_dtype == KP_F32) {
    Run<Activation, float>(pool, call, activation);
  } else {
    Run<Activation, Bf16>(pool, call, activation);
  }
}

}  // namespace

void GatedActivation(ThreadPool& pool, const GatedActivationCall& call) {
  switch (call.activation) {
    case KP_SILU:
      return Run(pool, call, Silu{});
    case KP_GELU:
      return Run(pool, call, Gelu{});
    case KP_GELU_TANH:
      return Run(pool, call, GeluTanh{});
    default:
      return Run(pool, call, Relu{});
  }
}

}  // namespace kp::cpu::KP_TARGET
