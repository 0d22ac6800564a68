#include "cpu/gated_activation.h"

#include <algorithm>
#include <cstring>

#include "common/activations.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {
namespace {

constexpr int kTile = 64;

template <typename Activation>
KP_INLINE void ActivateTile(const Activation& activation, const float* gate, const float* up, float* y) {
  for (int i = 0; i < kTile; ++i) {
    y[i] = static_cast<float>(activation(static_cast<double>(gate[i])) * static_cast<double>(up[i]));
  }
}

/* In fp32, as prefill spends a few percent of its time here when silu is evaluated in double precision. Roundings: 2e-7 in the exponential,
 * 6e-8 each in the sum and the quotient. Below -88.7 the exponential is infinite and the result -0, minus infinity included. */
struct Fp32Silu {
  KP_INLINE Vec operator()(Vec x) const {
    x = Max(Broadcast(static_cast<float>(kLowestActivated)), x);  // in this operand order NaN stays
    return x / (Broadcast(1.0f) + Exp(-x));
  }
};

KP_INLINE void ActivateTile(const Fp32Silu& activation, const float* gate, const float* up, float* y) {
  for (int i = 0; i < kTile; i += kLanes) {
    Store(y + i, activation(Load(gate + i)) * Load(up + i));
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
      return Run(pool, call, Fp32Silu{});
    case KP_GELU:
      return Run(pool, call, Gelu{});
    case KP_GELU_TANH:
      return Run(pool, call, GeluTanh{});
    default:
      return Run(pool, call, Relu{});
  }
}

}  // namespace kp::cpu::KP_TARGET
