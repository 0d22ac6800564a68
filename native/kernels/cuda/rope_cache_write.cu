#include "abi/backend.h"
#include "common/half.h"
#include "common/kv_cache.h"
#include "cuda/device.h"
#include "cuda/device/reduce.cuh"

namespace kp::cuda {
namespace {

constexpr int kHeadsPerBlock = 4; /* a warp each */
constexpr int kThreads = kHeadsPerBlock * kWarpThreads;
constexpr int kMostElements = kMostHeadDim / kWarpThreads; /* of a head, for one lane */

/* One token's cosines and sines; the pairs of a head that turn together. */
struct Rotation {
  const float* cosines;
  const float* sines;
  int half; /* 0: nothing turns */
  bool interleaved;

  __device__ __forceinline__ int First(int pair) const { return interleaved ? 2 * pair : pair; }
  __device__ __forceinline__ int Second(int pair) const { return interleaved ? 2 * pair + 1 : half + pair; }
  __device__ __forceinline__ float TurnedFirst(float a, float b, int pair) const { return fmaf(a, cosines[pair], -(b * sines[pair])); }
  __device__ __forceinline__ float TurnedSecond(float a, float b, int pair) const { return fmaf(b, cosines[pair], a * sines[pair]); }

  /* Element d of a head after the rotation. */
  __device__ __forceinline__ float Turned(const float* head, int d) const {
    if (d >= 2 * half) {
      return head[d];
    }
    const bool second = interleaved ? d % 2 != 0 : d >= half;
    const int pair = interleaved ? d / 2 : second ? d - half : d;
    const float a = head[First(pair)];
    const float b = head[Second(pair)];
    return second ? TurnedSecond(a, b, pair) : TurnedFirst(a, b, pair);
  }
};

__device__ __forceinline__ void TurnInPlace(const Rotation& rotation, float* head, int lane) {
  for (int pair = lane; pair < rotation.half; pair += kWarpThreads) {
    const float a = head[rotation.First(pair)];
    const float b = head[rotation.Second(pair)];
    head[rotation.First(pair)] = rotation.TurnedFirst(a, b, pair);
    head[rotation.Second(pair)] = rotation.TurnedSecond(a, b, pair);
  }
}

/* A head's key or value to its place for a token in the head's part of a block. */
template <typename T>
__device__ __forceinline__ void WriteHead(const float* head, const Rotation& rotation, int head_dim, T* part, int, int64_t token,
                                          int lane) {
  for (int d = lane; d < head_dim; d += kWarpThreads) {
    FromFloat(rotation.Turned(head, d), part[token * head_dim + d]);
  }
}

/* The same as int8 with its scale behind the elements of all tokens. */
__device__ __forceinline__ void WriteHead(const float* head, const Rotation& rotation, int head_dim, int8_t* part, int block_tokens,
                                          int64_t token, int lane) {
  constexpr float kSmallest = 1e-30f;  // below, 127 / largest could overflow
  float row[kMostElements];
  float largest = 0.0f;
  float broken = 0.0f;  // becomes NaN with any element that is NaN or infinite
#pragma unroll
  for (int i = 0; i < kMostElements; ++i) {
    const int d = lane + i * kWarpThreads;
    row[i] = d < head_dim ? rotation.Turned(head, d) : 0.0f;
    largest = fmaxf(largest, fabsf(row[i]));
    broken = fmaf(row[i], 0.0f, broken);
  }
  largest = WarpReduce(largest, Larger{});
  broken = WarpReduce(broken, Add{});
  const bool is_zero = broken != 0.0f || largest < kSmallest;
  const float inverse = 127.0f / largest;
#pragma unroll
  for (int i = 0; i < kMostElements; ++i) {
    const int d = lane + i * kWarpThreads;
    if (d < head_dim) {
      part[token * head_dim + d] = is_zero ? int8_t{0} : static_cast<int8_t>(rintf(row[i] * inverse));
    }
  }
  if (lane == 0) {
    reinterpret_cast<float*>(part + int64_t{block_tokens} * head_dim)[token] = is_zero ? broken : largest / 127.0f;
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads) RopeCacheWrite(kp_rope_cache_write_args args) {
  const int64_t t = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int head = static_cast<int>(blockIdx.y) * kHeadsPerBlock + static_cast<int>(threadIdx.x) / kWarpThreads;
  if (head >= args.query_heads + 2 * args.kv_heads) {
    return;
  }
  const int half = args.cos_sin != nullptr ? args.half : 0;
  const float* table = args.cos_sin + t * 2 * half;
  const Rotation rotation{table, table + half, half, args.interleaved != 0};
  float* from = args.qkv + t * args.qkv_stride + int64_t{head} * args.head_dim;
  if (head < args.query_heads) {
    TurnInPlace(rotation, from, lane);
    return;
  }
  const int64_t slot = args.slots[t];
  if (slot < 0) {
    return;
  }
  const bool is_key = head < args.query_heads + args.kv_heads;
  const int kv_head = head - args.query_heads - (is_key ? 0 : args.kv_heads);
  char* block = static_cast<char*>(is_key ? args.key_cache : args.value_cache) + slot / args.block_tokens * args.block_stride;
  T* part = reinterpret_cast<T*>(block + kv_head * HeadBytes(args.cache_dtype, args.block_tokens, args.head_dim));
  const Rotation none{nullptr, nullptr, 0, false};
  WriteHead(from, is_key ? rotation : none, args.head_dim, part, args.block_tokens, slot % args.block_tokens, lane);
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::RopeCacheWrite(kp_stream* stream, const kp_rope_cache_write_args& args) {
  using namespace kp::cuda;
  const auto kernel = args.cache_dtype == KP_CACHE_F32    ? cuda::RopeCacheWrite<float>
                      : args.cache_dtype == KP_CACHE_BF16 ? cuda::RopeCacheWrite<Bf16>
                      : args.cache_dtype == KP_CACHE_F16  ? cuda::RopeCacheWrite<Fp16>
                                                          : cuda::RopeCacheWrite<int8_t>;
  const int heads = args.query_heads + 2 * args.kv_heads;
  const dim3 grid(static_cast<unsigned>(args.tokens), static_cast<unsigned>((heads + kHeadsPerBlock - 1) / kHeadsPerBlock));
  return KP_LAUNCH(kernel, grid, kThreads, 0, stream, args);
}
