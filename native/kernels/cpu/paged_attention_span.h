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
  int64_t offset[kSpanTokens + kLanes]; /* of each token in elements; after end the last token again, so that vectors may run over */
};

/* scores[r][t] = scale * <q[r], key t> for t in [begin, end). The lanes of one sum are dimensions modulo kLanes: no score depends on
 * which rows and tokens are computed beside it. */
template <int kRows, typename T>
void Scores(const Span<T>& span, const float* const* q, int begin, int end, int64_t head_dim, float scale, float* scores) {
  constexpr int kTokens = kLanes / (kRows == 3 ? 4 : kRows);
  for (int t = begin; t < end; t += kTokens) {
    const T* key[kTokens];
    for (int i = 0; i < kTokens; ++i) {
      key[i] = span.keys + span.offset[t + i];
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

struct RowSoftmax {
  float maximum;
  float sum;
};

/* scores[t] = exp(scores[t] - maximum) for t in [begin, end). Vectors start at multiples of kLanes from the span's start. */
inline RowSoftmax Softmax(float* scores, int begin, int end) {
  const Vec lowest = Broadcast(-INFINITY);
  const auto load = [&](int t) { return Select(FirstLanes(begin - t), lowest, Select(FirstLanes(end - t), Load(scores + t), lowest)); };
  const int first = begin / kLanes * kLanes;
  Vec maximum = lowest;
  for (int t = first; t < end; t += kLanes) {
    maximum = Max(maximum, load(t));
  }
  const float row_maximum = ReduceMax(maximum);
  Vec sum = Zero();
  for (int t = first; t < end; t += kLanes) {
    const Vec weight = Exp(load(t) - Broadcast(row_maximum));
    sum = sum + weight;
    Store(scores + t, weight);
  }
  return {row_maximum, ReduceAdd(sum)};
}

/* o[r][d] += sum over t in [begin, end) of weights[r][t] * value t [d], for kVectors vectors of dimensions from d on; the last vector of a
 * tail has fewer lanes. Each sum runs over rising t. */
template <int kRows, int kVectors, bool kTail, typename T>
void AccumulateVectors(const Span<T>& span, const float* weights, int begin, int end, int64_t d, int tail, float* o, int64_t o_stride) {
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

/* The same for all dimensions, as many vectors at once as the registers hold. */
template <int kRows, int kVectors, typename T>
void AccumulateFrom(const Span<T>& span, const float* weights, int begin, int end, int64_t d, int64_t head_dim, float* o,
                    int64_t o_stride) {
  for (; d + kVectors * kLanes <= head_dim; d += kVectors * kLanes) {
    AccumulateVectors<kRows, kVectors, false>(span, weights, begin, end, d, kLanes, o, o_stride);
  }
  const int tail = static_cast<int>((head_dim - d) % kLanes);
  if (d < head_dim && d + kVectors * kLanes - kLanes < head_dim && tail != 0) {
    AccumulateVectors<kRows, kVectors, true>(span, weights, begin, end, d, tail, o, o_stride);
    return;
  }
  if constexpr (kVectors > 1) {
    if (d < head_dim) {
      AccumulateFrom<kRows, kVectors / 2>(span, weights, begin, end, d, head_dim, o, o_stride);
    }
  }
}

template <int kRows, typename T>
void Accumulate(const Span<T>& span, const float* weights, int begin, int end, int64_t head_dim, float* o, int64_t o_stride) {
  constexpr int kSums = kRegisters / 2;
  constexpr int kVectors = kSums / (kRows == 3 ? 4 : kRows) < 8 ? kSums / (kRows == 3 ? 4 : kRows) : 8;
  AccumulateFrom<kRows, kVectors>(span, weights, begin, end, 0, head_dim, o, o_stride);
}

}  // namespace kp::cpu::KP_TARGET

#endif
