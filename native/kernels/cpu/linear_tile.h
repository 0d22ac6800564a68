/* The micro kernels of linear.cpp: a few rows times a few panels, sums held in registers over a range of steps. */
#ifndef KP_CPU_LINEAR_TILE_H_
#define KP_CPU_LINEAR_TILE_H_

#include <cstdint>
#include <type_traits>

#include "cpu/linear.h"
#include "cpu/linear_weights.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

inline constexpr int kPanelVectors = 2;
inline constexpr int kPanelWidth = kPanelVectors * kLanes;

/* Sums that a tile keeps in registers; the rest hold weights and a broadcast input. */
inline constexpr int kSums = kRegisters * 3 / 4;
inline constexpr int kTileRows = kSums / kPanelVectors < kLanes ? kSums / kPanelVectors : kLanes;

/* So few rows make a tile only where it is the only one: then weights are read once. */
template <int kRows>
constexpr bool kReadsOnce = 2 * kRows < kTileRows;

/* A line of weights that a tile of kRows will multiply. One row of the medium model's products at 86 GB/s: 25.8 ms by way of the first-level
 * cache alone, 26.8 through all of them; at 53 GB/s they are alike. */
template <int kRows>
KP_INLINE void FetchWeights(const char* line) {
  if constexpr (kReadsOnce<kRows>) {
    PrefetchOnce(line);
  } else {
    Prefetch(line);
  }
}

/* A range of spans of one tile. */
struct TileCall {
  const void* x; /* [steps, rows, depth] */
  const char* w; /* first step of the first span */
  int64_t panel_bytes;
  int64_t steps; /* of a span */
  int64_t spans;
  float* y;
  int64_t y_stride;
  int64_t columns; /* of y, from the tile's first */
  const float* bias;
  bool first; /* the sums start at zero instead of at y: fp32 sums survive the way through memory unchanged */
  bool last;
  /* Weights to fetch into the cache meanwhile: the lines of a step of each panel at every step, from here on and this many bytes apart. */
  const char* ahead;
  int64_t ahead_step;
  int64_t ahead_span; /* to pass over a span's header */
  /* Where the panels end, fetching goes on in those that come after them: at this step, or past this address where spans have headers. */
  int64_t ahead_turn;
  const char* ahead_end;
  int64_t ahead_jump;
  /* Quantized weights only. */
  const char* header;
  int64_t span_bytes; /* between the headers of two spans; 0 = one serves all */
  kp_dtype scale_dtype;
  bool zero_points;
  const float* input_sums;   /* [spans, rows] */
  const float* input_scales; /* [rows], or null */
};

/* The sums of one span of steps. */
template <typename Format, int kRows, int kPanels>
KP_INLINE void Accumulate(const Format& format, const TileCall& call, const typename Format::Input* x, const char* w, const char* ahead,
                          typename Format::Sum (&sum)[kRows][kPanels * kPanelVectors]) {
  constexpr int kVectors = kPanels * kPanelVectors;
  constexpr int kStepBytes = kPanelVectors * Format::kVectorBytes;
  for (int64_t step = 0; step < call.steps; ++step) {
    typename Format::Stored stored[kVectors];
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      stored[v] = Format::LoadWeights(w + (v / kPanelVectors) * call.panel_bytes + (v % kPanelVectors) * Format::kVectorBytes);
    }
    const auto multiply = [&](auto part) __attribute__((always_inline)) {
      typename Format::Operand weights[kVectors];
#pragma GCC unroll 32
      for (int v = 0; v < kVectors; ++v) {
        weights[v] = format.template Unpack<part.value>(stored[v]);
      }
#pragma GCC unroll 32
      for (int r = 0; r < kRows; ++r) {
        const typename Format::Operand input = Format::BroadcastInput(x + r * Format::kDepth);
#pragma GCC unroll 32
        for (int v = 0; v < kVectors; ++v) {
          sum[r][v] = Format::MultiplyAdd(weights[v], input, sum[r][v]);
        }
      }
      x += kRows * Format::kDepth;
    };
    multiply(std::integral_constant<int, 0>{});
    if constexpr (Format::kParts >= 2) {
      multiply(std::integral_constant<int, 1>{});
    }
    if constexpr (Format::kParts == 4) {
      multiply(std::integral_constant<int, 2>{});
      multiply(std::integral_constant<int, 3>{});
    }
#pragma GCC unroll 32
    for (int p = 0; p < kPanels; ++p) {
      FetchWeights<kRows>(ahead + p * call.panel_bytes);
      if constexpr (kStepBytes > 64) {
        FetchWeights<kRows>(ahead + p * call.panel_bytes + 64);
      }
    }
    ahead += call.ahead_step;
    if (step == call.ahead_turn) {
      ahead += call.ahead_jump;
    }
    w += kStepBytes;
  }
}

/* Asks for the lines of y that the tile will write: stores that miss would hold up the next tile. */
template <int kRows, int kVectors>
KP_INLINE void FetchOutputs(const TileCall& call) {
  if (call.last) {
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        PrefetchToWrite(call.y + r * call.y_stride + v * kLanes);
      }
    }
  }
}

/* Plain weights: one span. */
template <typename Format, int kRows, int kPanels>
void Tile(const TileCall& call) {
  constexpr int kVectors = kPanels * kPanelVectors;
  FetchOutputs<kRows, kVectors>(call);
  Vec sum[kRows][kVectors];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      const int64_t column = v * kLanes;
      sum[r][v] = call.first ? Zero() : Load(call.y + r * call.y_stride + column, static_cast<int>(call.columns - column));
    }
  }
  Accumulate<Format, kRows, kPanels>(Format(false), call, static_cast<const typename Format::Input*>(call.x), call.w, call.ahead, sum);
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

/* Scales or zero points of kLanes features. */
KP_INLINE Vec LoadScales(const char* header, kp_dtype dtype, int feature) {
  switch (dtype) {
    case KP_F32:
      return Load(reinterpret_cast<const float*>(header) + feature);
    case KP_BF16:
      return Load(reinterpret_cast<const Bf16*>(header) + feature);
    default:
      return Load(reinterpret_cast<const Fp16*>(header) + feature);
  }
}
KP_INLINE Vec LoadZeroPoints(const char* header, kp_dtype dtype, int feature) {
  return LoadUnsigned(reinterpret_cast<const uint8_t*>(header) + kPanelWidth * (dtype == KP_F32 ? 4 : 2) + feature);
}

/* One span's sums as fp32, not yet scaled. A function of its own: inlined into the loop over spans, g++ 12 keeps half of the sums in
 * memory. */
template <typename Format, int kRows, int kPanels>
[[gnu::noinline]] void SumSpan(const Format& format, const TileCall& call, const typename Format::Input* x, const char* w,
                               const char* ahead, const float* input_sums, float* sums) {
  constexpr int kVectors = kPanels * kPanelVectors;
  typename Format::Sum sum[kRows][kVectors];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
    const typename Format::Sum start = format.Start(input_sums + r);
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = start;
    }
  }
  Accumulate<Format, kRows, kPanels>(format, call, x, w, ahead, sum);
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      Store(sums + (r * kVectors + v) * kLanes, Format::ToFloats(sum[r][v]));
    }
  }
}

/* Quantized weights: each span's sums are scaled and added to totals, which lie in the first-level cache. */
template <typename Format, int kRows, int kPanels>
void QuantizedTile(const TileCall& call) {
  constexpr int kVectors = kPanels * kPanelVectors;
  const Format format(call.zero_points);
  FetchOutputs<kRows, kVectors>(call);
  alignas(64) float total[kRows][kVectors * kLanes];
  alignas(64) float sums[kRows][kVectors * kLanes];
  for (int r = 0; r < kRows; ++r) {
    for (int64_t column = 0; column < kVectors * kLanes; column += kLanes) {
      Store(total[r] + column, call.first ? Zero() : Load(call.y + r * call.y_stride + column, static_cast<int>(call.columns - column)));
    }
  }
  const typename Format::Input* x = static_cast<const typename Format::Input*>(call.x);
  const char* w = call.w;
  const char* header = call.header;
  const char* ahead = call.ahead;
  const char* ahead_end = call.ahead_end;
  const float* input_sums = call.input_sums;
  for (int64_t span = 0; span < call.spans; ++span) {
    SumSpan<Format, kRows, kPanels>(format, call, x, w, ahead, input_sums, sums[0]);
    for (int v = 0; v < kVectors; ++v) {
      const char* from = header + (v / kPanelVectors) * call.panel_bytes;
      const int feature = v % kPanelVectors * kLanes;
      const Vec scale = LoadScales(from, call.scale_dtype, feature);
      if (call.zero_points) {
        const Vec zero = -LoadZeroPoints(from, call.scale_dtype, feature);
        for (int r = 0; r < kRows; ++r) {
          Store(sums[r] + v * kLanes, Fma(zero, Broadcast(input_sums[r]), Load(sums[r] + v * kLanes)));
        }
      }
#pragma GCC unroll 32
      for (int r = 0; r < kRows; ++r) {
        Store(total[r] + v * kLanes, Fma(Load(sums[r] + v * kLanes), scale, Load(total[r] + v * kLanes)));
      }
    }
    x += call.steps * kRows * Format::kDepth * Format::kParts;
    w += call.span_bytes;
    header += call.span_bytes;
    ahead += call.steps * call.ahead_step + call.ahead_span;
    if (ahead >= ahead_end) {
      ahead += call.ahead_jump;
      ahead_end += call.ahead_jump + call.panel_bytes;
    }
    input_sums += kRows;
  }
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      const int64_t column = v * kLanes;
      const int lanes = static_cast<int>(call.columns - column);
      Vec result = Load(total[r] + column);
      if (call.last && call.input_scales != nullptr) {
        result = result * Broadcast(call.input_scales[r]);
      }
      if (call.bias != nullptr) {
        result = result + Load(call.bias + column, lanes);
      }
      Store(call.y + r * call.y_stride + column, result, lanes);
    }
  }
}

}  // namespace kp::cpu::KP_TARGET

#endif
