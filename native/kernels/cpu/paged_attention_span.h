/* The inner loops of paged_attention.cpp: a few rows over one span of cached tokens. */
#ifndef KP_CPU_PAGED_ATTENTION_SPAN_H_
#define KP_CPU_PAGED_ATTENTION_SPAN_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cpu/paged_attention.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

/* Rows whose sums are held in registers together. */
inline constexpr int kBlockRows = 4;
/* Scores are computed kLanes at a time and may run over a span's end by that much. */
inline constexpr int64_t kScoreStride = kSpanTokens + kLanes;

/* Keys and values of one span and one kv head. Tokens are numbered from the span's start; those in [begin, end) may be read. */
template <typename T>
struct Span {
  const T* keys;
  const T* values;
  int begin;
  int end;
  int64_t offset[kSpanTokens + kLanes]; /* of each token in elements; outside [begin, end) the nearest inside */
  float key_scale[kScaled<T> ? kSpanTokens + kLanes : 1] = {};
  float value_scale[kScaled<T> ? kSpanTokens + kLanes : 1] = {};
};

/* Cache blocks lie anywhere and are too short for the processor to foresee them. */
template <typename T>
KP_INLINE void PrefetchToken(const T* from, int64_t head_dim) {
  for (int64_t byte = 0; byte < head_dim * static_cast<int64_t>(sizeof(T)); byte += 64) {
    Prefetch(reinterpret_cast<const char*>(from) + byte);
  }
}

/* scores[r][t] = scale * <q[r], key t> for t in [begin, end); kFetch: the values of these tokens are fetched meanwhile. The lanes of one
 * sum are dimensions modulo kLanes: no score depends on which rows and tokens are computed beside it. */
template <int kRows, bool kFetch, typename T>
void Scores(const Span<T>& span, const float* const* q, int begin, int end, int64_t head_dim, float scale, float* scores) {
  constexpr int kTokens = kLanes / (kRows == 3 ? 4 : kRows);
  for (int t = begin; t < end; t += kTokens) {
    const T* key[kTokens];
    for (int i = 0; i < kTokens; ++i) {
      key[i] = span.keys + span.offset[t + i];
      if constexpr (kFetch) {
        PrefetchToken(span.values + span.offset[t + i], head_dim);
      }
    }
    Vec sum[kLanes];
    for (Vec& s : sum) {
      s = Zero();
    }
    ForVectors(head_dim, [&](int64_t d, int lanes) {
      Vec query[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        query[r] = Load(q[r] + d, lanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kTokens; ++i) {
        const Vec k = Load(key[i] + d, lanes);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          sum[r * kTokens + i] = Fma(query[r], k, sum[r * kTokens + i]);
        }
      }
    });
    float block[kLanes];
    Store(block, TransposeReduceAdd(sum) * Broadcast(scale));
    for (int r = 0; r < kRows; ++r) {
      std::memcpy(scores + r * kScoreStride + t, block + r * kTokens, sizeof(float) * kTokens);
    }
  }
}

/* scores[t] *= scale[t] for t in [begin, end), and for what shares a vector with them. */
KP_INLINE void Multiply(float* scores, const float* scale, int begin, int end) {
  for (int t = begin / kLanes * kLanes; t < end; t += kLanes) {
    Store(scores + t, Load(scores + t) * Load(scale + t));
  }
}

/* keep(t, weights) for vectors of weights = exp(scores[t] - maximum), which are 0 outside [begin, end); it returns them as they are to be
 * summed. Vectors start at multiples of kLanes from the span's start. */
template <typename Keep>
void Softmax(const float* scores, int begin, int end, float& row_maximum, float& row_sum, const Keep& keep) {
  const Vec lowest = Broadcast(-INFINITY);
  const int first = begin / kLanes * kLanes;
  const auto masked = [&](int t) { return Select(FirstLanes(begin - t), lowest, Select(FirstLanes(end - t), Load(scores + t), lowest)); };
  // Masks for the ends alone: they cost as much as half of an exponential.
  const auto for_vectors = [&](const auto& use) {
    use(first, masked(first));
    int t = first + kLanes;
    for (; t + kLanes <= end; t += kLanes) {
      use(t, Load(scores + t));
    }
    if (t < end) {
      use(t, masked(t));
    }
  };
  Vec maximum = lowest;
  for_vectors([&](int, Vec score) { maximum = Max(maximum, score); });
  row_maximum = ReduceMax(maximum);
  Vec sum = Zero();
  for_vectors([&](int t, Vec score) { sum = sum + keep(t, Exp(score - Broadcast(row_maximum))); });
  row_sum = ReduceAdd(sum);
}

/* o[r][d] += sum over t in [begin, end) of weights[r][t] * value t [d], for kVectors vectors of dimensions from d on; the last vector of a
 * tail has fewer lanes. Each sum runs over rising t. Meanwhile the keys that the next span has at these places are fetched, unless ahead,
 * its offsets, is null. */
template <int kRows, int kVectors, bool kTail, typename T>
void AccumulateVectors(const Span<T>& span, const int64_t* ahead, const float* weights, int begin, int end, int64_t d, int tail, float* o,
                       int64_t o_stride) {
  constexpr int kLineVectors = 64 / (kLanes * sizeof(T));
  const auto lanes = [&](int v) { return kTail && v == kVectors - 1 ? tail : kLanes; };
  Vec sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Load(o + r * o_stride + d + v * kLanes, lanes(v));
    }
  }
  for (int t = begin; t < end; ++t) {
    if (ahead != nullptr) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; v += kLineVectors) {
        Prefetch(span.keys + ahead[t] + d + v * kLanes);
      }
    }
    const T* from = span.values + span.offset[t] + d;
    Vec value[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      value[v] = Load(from + v * kLanes, lanes(v));
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec weight = Broadcast(weights[r * kScoreStride + t]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = Fma(weight, value[v], sum[r][v]);
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

/* The same from dimension d on, as many vectors at once as the registers hold. */
template <int kRows, int kVectors, typename T>
void AccumulateFrom(int64_t d, const Span<T>& span, const int64_t* ahead, const float* weights, int begin, int end, int64_t head_dim,
                    float* o, int64_t o_stride) {
  for (; d + kVectors * kLanes <= head_dim; d += kVectors * kLanes) {
    AccumulateVectors<kRows, kVectors, false>(span, ahead, weights, begin, end, d, kLanes, o, o_stride);
  }
  const int64_t left = head_dim - d;
  if (left > (kVectors - 1) * kLanes) {
    AccumulateVectors<kRows, kVectors, true>(span, ahead, weights, begin, end, d, static_cast<int>(left % kLanes), o, o_stride);
    return;
  }
  if constexpr (kVectors > 1) {
    if (left > 0) {
      AccumulateFrom<kRows, kVectors / 2>(d, span, ahead, weights, begin, end, head_dim, o, o_stride);
    }
  }
}

template <int kRows, typename T>
void Accumulate(const Span<T>& span, const int64_t* ahead, const float* weights, int begin, int end, int64_t head_dim, float* o,
                int64_t o_stride) {
  constexpr int kMostVectors = kRegisters / 2 / (kRows == 3 ? 4 : kRows);
  AccumulateFrom<kRows, (kMostVectors < 8 ? kMostVectors : 8)>(0, span, ahead, weights, begin, end, head_dim, o, o_stride);
}

/* Result of rows over one span or several: weighted values, maximum and sum. A sum of 0 means no token yet. */
struct Partial {
  float* values;
  int64_t stride;
  float* maximum;
  float* sum;
};

/* Row r of to = itself merged with that of a later span. */
inline void Merge(const Partial& to, const Partial& from, int64_t r, int64_t head_dim) {
  if (from.sum[r] == 0.0f) {
    return;
  }
  float* values = to.values + r * to.stride;
  const float* more = from.values + r * from.stride;
  if (to.sum[r] == 0.0f) {
    std::memcpy(values, more, static_cast<size_t>(head_dim) * sizeof(float));
    to.maximum[r] = from.maximum[r];
    to.sum[r] = from.sum[r];
    return;
  }
  const float maximum = to.maximum[r] > from.maximum[r] ? to.maximum[r] : from.maximum[r];
  float factor[kLanes] = {to.maximum[r] - maximum, from.maximum[r] - maximum};
  Store(factor, Exp(Load(factor)));
  ForVectors(head_dim, [&](int64_t d, int lanes) {
    Store(values + d, Fma(Broadcast(factor[0]), Load(values + d, lanes), Broadcast(factor[1]) * Load(more + d, lanes)), lanes);
  });
  to.sum[r] = to.sum[r] * factor[0] + from.sum[r] * factor[1];
  to.maximum[r] = maximum;
}

}  // namespace kp::cpu::KP_TARGET

#endif
