/* The noise of a draw, as include/kp/sampling.h fixes it: Philox4x32-10 (Salmon et al., SC 2011). */
#ifndef KP_CUDA_SAMPLING_NOISE_CUH_
#define KP_CUDA_SAMPLING_NOISE_CUH_

#include <cstdint>

#include "cuda/platform.h"

namespace kp::cuda {

/* One counter gives noise to four ids, which lie kNoiseLanes apart. */
inline constexpr int kNoiseLanes = 16;
inline constexpr int kNoiseWords = 4;

/* 1 / Exponential(1) is below this: the generator gives 32 bits. */
inline constexpr float kLargestInverseNoise = 8.6e9f;

struct NoiseWords {
  uint32_t word[kNoiseWords];
};

__device__ __forceinline__ int64_t CounterOf(int64_t id) { return id / (kNoiseLanes * kNoiseWords) * kNoiseLanes + id % kNoiseLanes; }
__device__ __forceinline__ int WordOf(int64_t id) { return static_cast<int>(id / kNoiseLanes % kNoiseWords); }
__device__ __forceinline__ int64_t IdOf(int64_t counter, int word) {
  return counter / kNoiseLanes * (kNoiseLanes * kNoiseWords) + word * kNoiseLanes + counter % kNoiseLanes;
}

__device__ __forceinline__ NoiseWords Philox(uint64_t seed, uint64_t position, int64_t counter) {
  uint32_t x0 = static_cast<uint32_t>(counter);
  uint32_t x1 = 0;
  uint32_t x2 = static_cast<uint32_t>(position);
  uint32_t x3 = static_cast<uint32_t>(position >> 32);
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * x0;
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * x2;
    x0 = static_cast<uint32_t>(product1 >> 32) ^ x1 ^ key0;
    x2 = static_cast<uint32_t>(product0 >> 32) ^ x3 ^ key1;
    x1 = static_cast<uint32_t>(product1);
    x3 = static_cast<uint32_t>(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{x0, x1, x2, x3}};
}

/* -log((word + 1/2) / 2^32), in double precision because its small values are what decides a draw. */
__device__ __forceinline__ float Exponential(uint32_t word) { return static_cast<float>(-log((word + 0.5) * 0x1p-32)); }

}  // namespace kp::cuda

#endif
