/* The inner loops of paged_attention.cpp where the processor multiplies pairs of bf16 numbers: keys with a token a lane and two dimensions
 * a pair, values with a dimension a lane and two tokens a pair. A few rows turn a span's keys and values in registers (DirectPairs); many
 * read what was repacked once for all of them (PackedPairs). Both add in the same order. */
#ifndef KP_CPU_PAGED_ATTENTION_PAIRS_H_
#define KP_CPU_PAGED_ATTENTION_PAIRS_H_

#include "cpu/paged_attention_span.h"

#if defined(__AVX512BF16__)

namespace kp::cpu::KP_TARGET {

/* Rows whose sums are held in registers together; up to kDirectRows it costs less to turn keys and values for each of their uses. */
inline constexpr int kDirectRows = 8;
inline constexpr int kPackedRows = 4;
inline constexpr int64_t kMostPairs = kMostHeadDim / 2;
/* Tokens whose keys lie together: [span / kKeyTokens][head_dim / 2][kKeyTokens] pairs of neighbouring dimensions. */
inline constexpr int kKeyTokens = 4 * kLanes;

inline int64_t ValueWidth(int64_t head_dim) { return (head_dim + kLanes - 1) / kLanes * kLanes; }

/* A span's tokens as pairs. What belongs to no token of the span is undefined, or another token's. */
struct PackedSpan {
  alignas(64) uint32_t keys[kMostPairs * kSpanTokens];
  alignas(64) uint32_t values[kMostHeadDim * kSpanTokens / 2]; /* [kSpanTokens / 2][ValueWidth] pairs of neighbouring tokens */
};

KP_INLINE __m512i LoadPairs(const Bf16* from, int64_t elements) {
  return elements >= 2 * kLanes ? _mm512_loadu_si512(from)
                                : _mm512_maskz_loadu_epi16(_bzhi_u32(UINT32_MAX, static_cast<unsigned>(elements)), from);
}

/* The pairs of kLanes tokens from t on, kLanes dimensions from pair p on: turned[i] holds pair p + i of each token. */
KP_INLINE void TurnKeys(const Span<Bf16>& span, int t, int64_t p, int64_t head_dim, Vec (&turned)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    turned[i].v = _mm512_castsi512_ps(LoadPairs(span.keys + span.offset[t + i] + 2 * p, head_dim - 2 * p));
  }
  Transpose(turned);
}

/* Dimensions d to d + 31 of tokens t and t + 1, in two vectors. */
KP_INLINE void PairValues(const Span<Bf16>& span, int t, int64_t d, int64_t head_dim, __m512i& low, __m512i& high) {
  const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3,
                                         34, 2, 33, 1, 32, 0);
  const __m512i even = LoadPairs(span.values + span.offset[t] + d, head_dim - d);
  const __m512i odd = LoadPairs(span.values + span.offset[t + 1] + d, head_dim - d);
  low = _mm512_permutex2var_epi16(even, first, odd);
  high = _mm512_permutex2var_epi16(even, _mm512_add_epi16(first, _mm512_set1_epi16(kLanes)), odd);
}

/* The line of a token's values where kLanes pairs of its keys lie from pair p on. */
KP_INLINE void FetchValues(const Span<Bf16>& span, int t, int64_t p) { Prefetch(span.values + span.offset[t] + 2 * p); }

/* Of the keys that the next span has at t and t + 1 the dimensions from d on, a line of each for 2 * kLanes. */
template <int kVectors>
KP_INLINE void FetchKeys(const Span<Bf16>& span, const int64_t* ahead, int t, int64_t d) {
  if (ahead != nullptr) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; v += 2) {
      Prefetch(span.keys + ahead[t] + d + v * kLanes);
      Prefetch(span.keys + ahead[t + 1] + d + v * kLanes);
    }
  }
}

inline void PackKeys(const Span<Bf16>& span, int64_t head_dim, uint32_t* packed) {
  const int64_t pairs = (head_dim + 1) / 2;
  for (int t = span.begin / kLanes * kLanes; t < span.end; t += kLanes) {
    uint32_t* to = packed + t / kKeyTokens * kKeyTokens * pairs + t % kKeyTokens;
    for (int64_t p = 0; p < pairs; p += kLanes) {
      Vec turned[kLanes];
      TurnKeys(span, t, p, head_dim, turned);
      const int64_t count = pairs - p < kLanes ? pairs - p : kLanes;
      for (int i = 0; i < kLanes; ++i) {
        FetchValues(span, t + i, p);
      }
      for (int64_t i = 0; i < count; ++i) {
        _mm512_store_ps(to + (p + i) * kKeyTokens, turned[i].v);
      }
    }
  }
}

inline void PackValues(const Span<Bf16>& span, const int64_t* ahead, int64_t head_dim, uint32_t* packed) {
  const int64_t width = ValueWidth(head_dim);
  for (int t = span.begin / 2 * 2; t < span.end; t += 2) {
    uint32_t* to = packed + t / 2 * width;
    for (int64_t d = 0; d < head_dim; d += 2 * kLanes) {
      FetchKeys<2>(span, ahead, t, d);
      __m512i low;
      __m512i high;
      PairValues(span, t, d, head_dim, low, high);
      _mm512_store_si512(to + d, low);
      if (d + kLanes < width) {
        _mm512_store_si512(to + d + kLanes, high);
      }
    }
  }
}

KP_INLINE __m512bh BroadcastPair(const Bf16* from) {
  int32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

KP_INLINE Vec MultiplyAddPairs(__m512i a, __m512bh b, Vec sum) { return {_mm512_dpbf16_ps(sum.v, reinterpret_cast<__m512bh>(a), b)}; }

/* Queries rounded to bf16, [rows][kMostHeadDim], padded with zero to a whole pair. */
KP_INLINE __m512bh BroadcastQuery(const Bf16* q, int row, int64_t pair) { return BroadcastPair(q + row * kMostHeadDim + 2 * pair); }

template <int kRows, int kVectors>
KP_INLINE void StoreScores(const Vec (&sum)[kRows][kVectors], float scale, float* scores) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      Store(scores + r * kScoreStride + v * kLanes, sum[r][v] * Broadcast(scale));
    }
  }
}

template <int kRows, int kVectors>
KP_INLINE void ClearSums(Vec (&sum)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Zero();
    }
  }
}

/* Of kVectors vectors of tokens, which lie in packed. */
template <int kRows, int kVectors>
KP_INLINE void ScoreVectors(const uint32_t* keys, const Bf16* q, int64_t pairs, float scale, float* scores) {
  Vec sum[kRows][kVectors];
  ClearSums(sum);
  for (int64_t p = 0; p < pairs; ++p) {
    __m512i key[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      key[v] = _mm512_load_si512(keys + p * kKeyTokens + v * kLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m512bh query = BroadcastQuery(q, r, p);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = MultiplyAddPairs(key[v], query, sum[r][v]);
      }
    }
  }
  StoreScores(sum, scale, scores);
}

/* Both kinds have:
 *   Score<kRows>         scores[r][t] = scale * <q[r], key t> for t in [begin, end); each sum runs over rising pairs of dimensions
 *   kVectors             vectors whose sums are held together for each row
 *   LoadValues(value)    pairs of tokens t and t + 1, dimensions from d on */
struct PackedPairs {
  static constexpr int kVectors = 4;

  const PackedSpan& packed;
  int64_t head_dim;

  template <int kRows>
  void Score(const Bf16* q, int begin, int end, float scale, float* scores) const {
    const int64_t pairs = (head_dim + 1) / 2;
    for (int t = begin / kLanes * kLanes; t < end;) {
      const uint32_t* keys = packed.keys + t / kKeyTokens * kKeyTokens * pairs + t % kKeyTokens;
      if (t % (kVectors * kLanes) == 0 && end - t > (kVectors - 1) * kLanes) {
        ScoreVectors<kRows, kVectors>(keys, q, pairs, scale, scores + t);
        t += kVectors * kLanes;
      } else {
        ScoreVectors<kRows, 1>(keys, q, pairs, scale, scores + t);
        t += kLanes;
      }
    }
  }

  template <int kCount>
  KP_INLINE void LoadValues(int t, int64_t d, __m512i (&value)[kCount]) const {
    const uint32_t* from = packed.values + t / 2 * ValueWidth(head_dim) + d;
#pragma GCC unroll 16
    for (int v = 0; v < kCount; ++v) {
      value[v] = _mm512_load_si512(from + v * kLanes);
    }
  }
};

struct DirectPairs {
  /* One line of each token of the values, and of the next keys: with two under way at a time decode took a third longer. */
  static constexpr int kVectors = 2;

  const Span<Bf16>& span;
  const int64_t* ahead; /* offsets of the next span, whose keys are fetched meanwhile, or null */
  int64_t head_dim;

  template <int kRows>
  void Score(const Bf16* q, int begin, int end, float scale, float* scores) const {
    const int64_t pairs = (head_dim + 1) / 2;
    for (int t = begin / kLanes * kLanes; t < end; t += kLanes) {
      Vec sum[kRows][1];
      ClearSums(sum);
      // Asked for once more in the order they lie in: the processor drops requests while too many are under way, and without this decode
      // took up to 1.4 times as long.
      for (int i = 0; i < kLanes; ++i) {
        PrefetchToken(span.keys + span.offset[t + kLanes + i], head_dim);
      }
      for (int64_t p = 0; p < pairs; p += kLanes) {
        Vec turned[kLanes];
        TurnKeys(span, t, p, head_dim, turned);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) {
          FetchValues(span, t + i, p);
          if (p + i < pairs) {
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
              sum[r][0] = MultiplyAddPairs(_mm512_castps_si512(turned[i].v), BroadcastQuery(q, r, p + i), sum[r][0]);
            }
          }
        }
      }
      StoreScores(sum, scale, scores + t);
    }
  }

  template <int kCount>
  KP_INLINE void LoadValues(int t, int64_t d, __m512i (&value)[kCount]) const {
    FetchKeys<kCount>(span, ahead, t, d);
    if constexpr (kCount == 1) {
      __m512i beyond;
      PairValues(span, t, d, head_dim, value[0], beyond);
    } else {
#pragma GCC unroll 16
      for (int v = 0; v < kCount; v += 2) {
        PairValues(span, t, d + v * kLanes, head_dim, value[v], value[v + 1]);
      }
    }
  }
};

/* o[r][d] += sum over t in [begin, end) of weights[r][t] * value t [d] for kVectors vectors of dimensions from d on. Each sum runs over
 * rising pairs of tokens; of a pair that lies in [begin, end) by half the other half counts as zero, whatever is there. */
template <int kRows, int kVectors, bool kWholePairs, typename Pairs>
KP_INLINE void AccumulatePairVectors(const Pairs& pairs, const Bf16* weights, int begin, int end, int64_t d, float* o, int64_t o_stride) {
  const auto lanes = [&](int v) { return static_cast<int>(pairs.head_dim - d - v * kLanes); };
  Vec sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Load(o + r * o_stride + d + v * kLanes, lanes(v));
    }
  }
  for (int t = begin / 2 * 2; t < end; t += 2) {
    __m512i value[kVectors];
    pairs.LoadValues(t, d, value);
    if constexpr (!kWholePairs) {
      const __m512i inside = _mm512_set1_epi32((t >= begin ? 0xffff : 0) | (t + 1 < end ? -0x10000 : 0));
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        value[v] = _mm512_and_si512(value[v], inside);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m512bh weight = BroadcastPair(weights + r * kScoreStride + t);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = MultiplyAddPairs(value[v], weight, sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      Store(o + r * o_stride + d + v * kLanes, sum[r][v], lanes(v));
    }
  }
}

template <int kRows, bool kWholePairs, typename Pairs>
void AccumulatePairs(const Pairs& pairs, const Bf16* weights, int begin, int end, float* o, int64_t o_stride) {
  constexpr int kVectors = Pairs::kVectors;
  int64_t d = 0;
  for (; d + (kVectors - 1) * kLanes < pairs.head_dim; d += kVectors * kLanes) {
    AccumulatePairVectors<kRows, kVectors, kWholePairs>(pairs, weights, begin, end, d, o, o_stride);
  }
  for (; d < pairs.head_dim; d += kLanes) {
    AccumulatePairVectors<kRows, 1, kWholePairs>(pairs, weights, begin, end, d, o, o_stride);
  }
}

}  // namespace kp::cpu::KP_TARGET

#endif

#endif
