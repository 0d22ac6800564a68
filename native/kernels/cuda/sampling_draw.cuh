/* Filters and draws of a block over one row. */
#ifndef KP_CUDA_SAMPLING_DRAW_CUH_
#define KP_CUDA_SAMPLING_DRAW_CUH_

#include <bit>

#include "cuda/sampling_noise.cuh"
#include "cuda/sampling_row.cuh"
#include "kp/sampling.h"

namespace kp::cuda {

/* The distribution of a draw: weight(id) = exp((logit - largest) / temperature). The id with the largest weight / noise is drawn, which
 * is the Gumbel trick without its logarithms. */
template <int kThreads>
struct Draw {
  const LogitRow<kThreads>& row;
  float max;
  float inverse_temperature;
  uint64_t seed;
  uint64_t position;

  /* At most 0. */
  __device__ __forceinline__ float Scaled(float logit) const { return (logit - max) * inverse_temperature; }
  __device__ __forceinline__ uint32_t Key(float logit) const { return __float_as_uint(Scaled(logit)) & 0x7fffffffu; }

  __device__ int FromAll() const {
    Total best = 0;
    const int64_t counters = (row.vocabulary + kNoiseLanes * kNoiseWords - 1) / (kNoiseLanes * kNoiseWords) * kNoiseLanes;
    for (int64_t counter = threadIdx.x; counter < counters; counter += kThreads) {
      float weight[kNoiseWords];
      float heaviest = 0.0f;
#pragma unroll
      for (int word = 0; word < kNoiseWords; ++word) {
        const int64_t id = IdOf(counter, word);
        weight[word] = id < row.vocabulary ? Exp(Scaled(row.logits[id])) : 0.0f;
        heaviest = fmaxf(heaviest, weight[word]);
      }
      // Most ids of a peaked distribution cannot win whatever their noise.
      if (heaviest * kLargestInverseNoise > ScoreOf(best)) {
        const NoiseWords noise = Philox(seed, position, counter);
#pragma unroll
        for (int word = 0; word < kNoiseWords; ++word) {
          best = LargerTotal{}(best, Ranked(weight[word] / Exponential(noise.word[word]), IdOf(counter, word)));
        }
      }
    }
    return Winner(best);
  }

  /* From the ids that min-p, top-k and top-p leave, in that order. */
  __device__ int FromFiltered(const kp_sampling_row& parameters, SelectMemory& memory) const {
    // Weights as whole numbers of which the sum cannot overflow.
    const int unit = 62 - static_cast<int>(std::bit_width(static_cast<uint64_t>(row.vocabulary)));
    const float one = __uint_as_float(static_cast<unsigned>((unit < 44 ? unit : 44) + 127) << 23);
    uint32_t largest_key = 0x7f800000u;
    if (parameters.min_p > 0.0f) {
      largest_key = __float_as_uint(static_cast<float>(-log(static_cast<double>(parameters.min_p)))) & 0x7fffffffu;
    }
    const auto visit = [&](const auto& body) {
      row.ForEach([&](int64_t, float logit) {
        const uint32_t key = Key(logit);
        if (key <= largest_key) {
          body(key, static_cast<Total>(Exp(Scaled(logit)) * one));
        }
      });
    };
    if (parameters.top_k > 0 && parameters.top_k < row.vocabulary) {
      const Cut cut = Select<kThreads, false>(memory, static_cast<Total>(parameters.top_k), visit);
      largest_key = cut.key < largest_key ? cut.key : largest_key;
    }
    int64_t last = row.vocabulary;
    if (parameters.top_p < 1.0f) {
      Total sum = 0;
      visit([&](uint32_t, Total weight) { sum += weight; });
      sum = BlockReduce<kThreads>(sum, Add{});
      const Total target = static_cast<Total>(ceil(static_cast<double>(parameters.top_p) * static_cast<double>(sum)));
      const Cut cut = Select<kThreads, true>(memory, target > 0 ? target : 1, visit);
      if (cut.key <= largest_key) {
        largest_key = cut.key;
        last = LastTie<kThreads>(cut.ties, row.vocabulary, [&](int64_t id) { return Key(row.logits[id]) == cut.key; });
      }
    }
    return From(largest_key, last);
  }

 private:
  /* Orders by falling score, then by rising id; 0 is nobody. */
  __device__ __forceinline__ static Total Ranked(float score, int64_t id) {
    return score > 0.0f ? Total{__float_as_uint(score)} << 32 | (0xffffffffu - static_cast<uint32_t>(id)) : 0;
  }
  __device__ __forceinline__ static float ScoreOf(Total ranked) { return __uint_as_float(static_cast<unsigned>(ranked >> 32)); }

  __device__ int Winner(Total best) const {
    best = BlockReduce<kThreads>(best, LargerTotal{});
    return best == 0 ? -1 : static_cast<int>(0xffffffffu - static_cast<uint32_t>(best));
  }

  __device__ int From(uint32_t largest_key, int64_t last) const {
    Total best = 0;
    row.ForEach([&](int64_t id, float logit) {
      const uint32_t key = Key(logit);
      if (key < largest_key || (key == largest_key && id <= last)) {
        const float weight = Exp(Scaled(logit));
        if (weight * kLargestInverseNoise > ScoreOf(best)) {
          const uint32_t word = Philox(seed, position, CounterOf(id)).word[WordOf(id)];
          best = LargerTotal{}(best, Ranked(weight / Exponential(word), id));
        }
      }
    });
    return Winner(best);
  }
};

}  // namespace kp::cuda

#endif
