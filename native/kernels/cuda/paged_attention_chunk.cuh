/* What a warp does with 16 rows and a chunk of cached tokens on tensor cores, wherever both lie: the same steps, and so the same bits, in
 * every kernel.
 *
 * Queries and weights are fp32. They enter the products as sums of parts in the cache's 16-bit type (int8 elements become bf16): three of
 * bf16, or two of fp16 after a shift by a power of two, which is all the bits there are. Where cache and result are bf16 they are rounded to
 * it instead.
 *
 * A source gives, for tokens counted from 0 in the chunk, and for the lane's two rows, lane / 4 and 8 behind it, called its halves:
 *   Query(part, block, step)      the lane's A operand of the rows' queries, 16 dims from 32 block + 16 step on (in the order of LoadQueries)
 *   QueryScale(half)              what undoes the shift of the row's query
 *   Key(token, d), Value(token, d)   eight elements from d on as pairs; zeros where there are none
 *   KeyScale(token), ValueScale(token)   of scores (the softmax's scale with it) and of weights
 *   Sees(half, token)
 */
#ifndef KP_CUDA_PAGED_ATTENTION_CHUNK_CUH_
#define KP_CUDA_PAGED_ATTENTION_CHUNK_CUH_

#include <type_traits>

#include "cuda/device/mma.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/paged_attention_tile.cuh"

namespace kp::cuda {

inline constexpr int kWarpRows = 16;
inline constexpr int kTokenTiles = kChunkTokens / 8;  /* of 8 tokens: columns of the scores */
inline constexpr int kTokenSteps = kChunkTokens / 16; /* of 16 tokens: what the values are summed over */

/* What a cache type is multiplied as. */
template <typename T>
struct Parts;

template <>
struct Parts<Bf16> {
  static constexpr int kCount = 3;
  static constexpr int kShift = 0; /* weights are multiplied by 2^kShift before they are split */
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackBf16(low, high); }
  __device__ __forceinline__ static void Multiply(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    MmaBf16(sum, a, b0, b1);
  }
  __device__ __forceinline__ static float First(uint32_t pair) { return __uint_as_float(pair << 16); }
  __device__ __forceinline__ static float Second(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
};
template <>
struct Parts<Fp16> {
  static constexpr int kCount = 2;
  static constexpr int kShift = 14;
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackF16(low, high); }
  __device__ __forceinline__ static void Multiply(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    MmaF16(sum, a, b0, b1);
  }
  __device__ __forceinline__ static float First(uint32_t pair) { return ToFloat(Fp16{static_cast<uint16_t>(pair)}); }
  __device__ __forceinline__ static float Second(uint32_t pair) { return ToFloat(Fp16{static_cast<uint16_t>(pair >> 16)}); }
};
template <>
struct Parts<int8_t> : Parts<Bf16> {};

/* bf16 elements of a cache whose queries and weights are rounded. */
struct RoundedBf16 : Bf16 {};
template <>
struct Parts<RoundedBf16> : Parts<Bf16> {
  static constexpr int kCount = 1;
};
template <typename T>
inline constexpr bool kRounds = std::is_same_v<T, RoundedBf16>;

/* parts[p][word]: part p of each of the eight numbers of an A operand; the last part is the smallest. */
template <typename T>
__device__ __forceinline__ void Split(float (&numbers)[8], uint32_t (&parts)[Parts<T>::kCount][4]) {
#pragma unroll
  for (int p = 0; p < Parts<T>::kCount; ++p) {
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      parts[p][word] = Parts<T>::Pack(numbers[2 * word], numbers[2 * word + 1]);
      numbers[2 * word] -= Parts<T>::First(parts[p][word]);
      numbers[2 * word + 1] -= Parts<T>::Second(parts[p][word]);
    }
  }
}

/* Eight neighbouring elements as four pairs. */
__device__ __forceinline__ uint4 LoadEight(const Bf16* p) { return *reinterpret_cast<const uint4*>(p); }
__device__ __forceinline__ uint4 LoadEight(const Fp16* p) { return *reinterpret_cast<const uint4*>(p); }
__device__ __forceinline__ uint4 LoadEight(const int8_t* p) {
  const uint2 raw = *reinterpret_cast<const uint2*>(p);
  const auto pair = [](uint32_t word, int first) {
    return PackBf16(static_cast<float>(static_cast<int8_t>(word >> (8 * first))),
                    static_cast<float>(static_cast<int8_t>(word >> (8 * first + 8))));
  };
  return make_uint4(pair(raw.x, 0), pair(raw.x, 2), pair(raw.y, 0), pair(raw.y, 2));
}

/* A pair made of element i % 2 of each of two pairs. */
__device__ __forceinline__ uint32_t Weave(uint32_t first, uint32_t second, int i) {
  return i % 2 == 0 ? (first & 0xffffu) | second << 16 : first >> 16 | (second & 0xffff0000u);
}

/* Which token of a step of 16 is column (or k) n of the product: those that one lane needs of a value lie apart by four, so that the four
 * lanes of a group read four neighbouring tokens. */
__device__ __forceinline__ int TokenOf(int n) { return n % 8 / 2 + 4 * (n % 2) + n / 8 * 8; }

/* The token of the chunk that is column i of the lane in token tile n. */
__device__ __forceinline__ int ColumnToken(int n, int column) { return n / 2 * 16 + TokenOf(n % 2 * 8 + column); }

/* Brings a row's largest magnitude near 2^kShift, so that the parts have all its bits. Called by a warp. */
template <typename T>
__device__ __forceinline__ float QueryUp(const float* q, bool is_there, int head_dim, int lane) {
  if (Parts<T>::kShift == 0) {
    return 1.0f;
  }
  float largest = 0.0f;
  for (int d = lane; is_there && d < head_dim; d += kWarpThreads) {
    largest = fmaxf(largest, fabsf(q[d]));
  }
  largest = WarpReduce(largest, Larger{});
  int exponent = static_cast<int>(__float_as_uint(largest) >> 23 & 0xffu) - 127;
  exponent = exponent < -100 ? -100 : exponent > 100 ? 100 : exponent;
  return __uint_as_float(static_cast<unsigned>(Parts<T>::kShift - exponent + 127) << 23);
}

/* Which dim is number i of the eight that a lane has of an A operand. */
__device__ __forceinline__ int QueryDim(int block, int step, int lane, int i) {
  return 32 * block + lane % 4 * 8 + 4 * step + i / 4 * 2 + i % 2;
}

/* scores[n][i]: D of the rows by token tile n. */
template <typename T, int kDimBlocks, typename Source>
__device__ __forceinline__ void Scores(const Source& source, int lane, float (&scores)[kTokenTiles][4]) {
#pragma unroll 1
  for (int block = 0; block < 2 * kDimBlocks; ++block) {
    uint4 keys[kTokenTiles];
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
      keys[n] = source.Key(ColumnToken(n, lane / 4), 32 * block + 8 * (lane % 4));
    }
#pragma unroll
    for (int step = 0; step < 2; ++step) {
#pragma unroll
      for (int p = Parts<T>::kCount - 1; p >= 0; --p) {
        const uint4 raw = source.Query(p, block, step);
        const uint32_t a[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
        for (int n = 0; n < kTokenTiles; ++n) {
          Parts<T>::Multiply(scores[n], a, step == 0 ? keys[n].x : keys[n].z, step == 0 ? keys[n].y : keys[n].w);
        }
      }
    }
  }
}

/* Scores become weights, scaled by their values' scales; maximum and sum of the lane's two rows, the same in its four lanes. */
template <typename T, typename Source>
__device__ __forceinline__ void Softmax(const Source& source, int lane, float (&weights)[kTokenTiles][4], float (&maximum)[2],
                                        float (&sum)[2]) {
  maximum[0] = -__builtin_huge_valf();
  maximum[1] = -__builtin_huge_valf();
  sum[0] = 0.0f;
  sum[1] = 0.0f;
#pragma unroll
  for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int token = ColumnToken(n, lane % 4 * 2 + i % 2);
      weights[n][i] = weights[n][i] * source.QueryScale(i / 2) * source.KeyScale(token);
      maximum[i / 2] = source.Sees(i / 2, token) ? fmaxf(maximum[i / 2], weights[n][i]) : maximum[i / 2];
    }
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    maximum[half] = fmaxf(maximum[half], __shfl_xor_sync(kAllLanes, maximum[half], 1));
    maximum[half] = fmaxf(maximum[half], __shfl_xor_sync(kAllLanes, maximum[half], 2));
  }
#pragma unroll
  for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int token = ColumnToken(n, lane % 4 * 2 + i % 2);
      float weight = source.Sees(i / 2, token) ? Exp(weights[n][i] - maximum[i / 2]) : 0.0f;
      if constexpr (kRounds<T>) {
        weight = Parts<T>::First(PackBf16(weight, 0.0f));
      }
      sum[i / 2] += weight;
      weights[n][i] = weight * source.ValueScale(token);
    }
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 1);
    sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 2);
  }
}

/* sums += weights · values of kBlocks times 64 dims; lane 4 g + t has the tokens t, t + 4, t + 8, t + 12 of a step and the dims 8 g ….
 * sums[block][j][i] is of the dim 64 (first_block + block) + 8 (2 t + i % 2) + j and the row g + i / 2 * 8. */
template <typename T, int kBlocks, typename Source>
__device__ __forceinline__ void Values(const Source& source, int lane, int first_block, const float (&weights)[kTokenTiles][4],
                                       float (&sums)[kBlocks][8][4]) {
  constexpr float kUp = static_cast<float>(1 << Parts<T>::kShift);
  constexpr float kDown = 1.0f / kUp;
#pragma unroll
  for (int step = 0; step < kTokenSteps; ++step) {
    float numbers[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      numbers[i] = weights[2 * step + i / 4][i % 4] * kUp;
    }
    uint32_t parts[Parts<T>::kCount][4];
    Split<T>(numbers, parts);
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      uint4 values[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        values[i] = source.Value(16 * step + lane % 4 + 4 * i, 64 * (first_block + block) + lane / 4 * 8);
      }
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const auto pair = [&](int first) {
          const auto word = [&](const uint4& eight) {
            return j / 2 == 0 ? eight.x : j / 2 == 1 ? eight.y : j / 2 == 2 ? eight.z : eight.w;
          };
          return Weave(word(values[first]), word(values[first + 1]), j);
        };
        const uint32_t b0 = pair(0);
        const uint32_t b1 = pair(2);
#pragma unroll
        for (int p = Parts<T>::kCount - 1; p >= 0; --p) {
          Parts<T>::Multiply(sums[block][j], parts[p], b0, b1);
        }
      }
    }
  }
#pragma unroll
  for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
    for (int j = 0; j < 8; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        sums[block][j][i] *= kDown;
      }
    }
  }
}

}  // namespace kp::cuda

#endif
