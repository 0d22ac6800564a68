/* The micro kernels of linear.cpp: a few rows times a few panels, sums held in registers over a range of steps. */
#ifndef KP_CPU_LINEAR_TILE_H_
#define KP_CPU_LINEAR_TILE_H_

#include <cstdint>
#include <cstring>

#include "cpu/linear.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

inline constexpr int kPanelVectors = 2;
inline constexpr int kPanelWidth = kPanelVectors * kLanes;

/* Sums that a tile keeps in registers; the rest hold weights and a broadcast input. */
inline constexpr int kSums = kRegisters * 3 / 4;
inline constexpr int kTileRows = kSums / kPanelVectors < kLanes ? kSums / kPanelVectors : kLanes;

/* Weights of type T widened to fp32; a step is one input feature. */
template <typename T>
struct Widened {
  using Weight = T;
  using Input = float;
  static constexpr int kDepth = 1;
  using Operand = Vec;

  KP_INLINE static Operand LoadWeights(const Weight* w) { return Load(w); }
  KP_INLINE static Operand BroadcastInput(const Input* x) { return Broadcast(*x); }
  KP_INLINE static Vec MultiplyAdd(Operand w, Operand x, Vec sum) { return Fma(w, x, sum); }
};

#if defined(__AVX512BF16__)
/* Pairs of bf16 weights as the processor multiplies them; a step is two input features. */
struct Bf16Pairs {
  using Weight = Bf16;
  using Input = Bf16;
  static constexpr int kDepth = 2;
  using Operand = __m512bh;

  KP_INLINE static Operand LoadWeights(const Weight* w) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(w)); }
  KP_INLINE static Operand BroadcastInput(const Input* x) {
    int32_t pair;
    std::memcpy(&pair, x, sizeof pair);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
  KP_INLINE static Vec MultiplyAdd(Operand w, Operand x, Vec sum) { return {_mm512_dpbf16_ps(sum.v, w, x)}; }
};
#endif

/* One range of steps of one tile. */
template <typename Format>
struct TileCall {
  const typename Format::Input* x; /* [steps, rows, kDepth] */
  const typename Format::Weight* w;
  int64_t panel_weights; /* distance of panels */
  int64_t steps;
  float* y;
  int64_t y_stride;
  int64_t columns; /* of y, from the tile's first */
  const float* bias;
  bool first; /* the sums start at zero instead of at y: fp32 sums survive the way through memory unchanged */
  /* Weights to fetch into the cache meanwhile: two lines of each panel at every step, from here on and this many bytes apart. */
  const char* ahead;
  int64_t ahead_step;
};

template <typename Format, int kRows, int kPanels>
void Tile(const TileCall<Format>& call) {
  constexpr int kVectors = kPanels * kPanelVectors;
  constexpr int kStepWeights = kPanelWidth * Format::kDepth;
  constexpr int kVectorWeights = kLanes * Format::kDepth;
  Vec sum[kRows][kVectors];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      const int64_t column = v * kLanes;
      sum[r][v] = call.first ? Zero() : Load(call.y + r * call.y_stride + column, static_cast<int>(call.columns - column));
    }
  }
  const typename Format::Input* x = call.x;
  const typename Format::Weight* w = call.w;
  const char* ahead = call.ahead;
  for (int64_t step = 0; step < call.steps; ++step) {
    typename Format::Operand weights[kVectors];
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = Format::LoadWeights(w + (v / kPanelVectors) * call.panel_weights + (v % kPanelVectors) * kVectorWeights);
    }
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
      const typename Format::Operand input = Format::BroadcastInput(x + r * Format::kDepth);
#pragma GCC unroll 32
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = Format::MultiplyAdd(weights[v], input, sum[r][v]);
      }
    }
#pragma GCC unroll 32
    for (int p = 0; p < kPanels; ++p) {
      const char* line = ahead + p * call.panel_weights * static_cast<int64_t>(sizeof(typename Format::Weight));
      Prefetch(line);
      if constexpr (kStepWeights * sizeof(typename Format::Weight) > 64) {
        Prefetch(line + 64);
      }
    }
    ahead += call.ahead_step;
    x += kRows * Format::kDepth;
    w += kStepWeights;
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      const int64_t column = v * kLanes;
      const int lanes = static_cast<int>(call.columns - column);
      const Vec result = call.bias == nullptr ? sum[r][v] : sum[r][v] + Load(call.bias + column, lanes);
      Store(call.y + r * call.y_stride + column, result, lanes);
    }
  }
}

}  // namespace kp::cpu::KP_TARGET

#endif
