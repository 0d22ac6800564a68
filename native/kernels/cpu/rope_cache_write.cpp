#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/kv_cache.h"
#include "cpu/rope.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {
namespace {

template <typename T>
KP_INLINE void Convert(const float* from, T* to, int64_t n) {
  ForVectors(n, [&](int64_t i, int lanes) { Store(to + i, Load(from + i, lanes), lanes); });
}

/* One head of one token as int8 with its scale. */
KP_INLINE void Quantize(const float* from, int8_t* to, float* scale, int64_t n) {
  constexpr float kSmallest = 1e-30f;  // below, 127 / largest could overflow
  Vec largest = Zero();
  Vec broken = Zero();  // becomes NaN with any element that is NaN or infinite
  ForVectors(n, [&](int64_t i, int lanes) {
    const Vec x = Load(from + i, lanes);
    largest = Max(Abs(x), largest);
    broken = Fma(x, Zero(), broken);
  });
  const float most = ReduceMax(largest);
  if (ReduceAdd(broken) != 0.0f || most < kSmallest) {
    std::memset(to, 0, static_cast<size_t>(n));
    *scale = ReduceAdd(broken);
    return;
  }
  *scale = most / 127.0f;
  const Vec inverse = Broadcast(127.0f / most);
  ForVectors(n, [&](int64_t i, int lanes) { Store(to + i, Round(Load(from + i, lanes) * inverse), lanes); });
}

/* One token's cosines and sines applied to one head; to may be from. */
struct Rotation {
  const float* cosines;
  const float* sines;
  int half;
  bool interleaved;

  template <typename T>
  KP_INLINE void Apply(const float* from, T* to) const {
    if (interleaved) {
      ApplyToNeighbours(from, to);
      return;
    }
    ForVectors(half, [&](int64_t i, int lanes) {
      const Vec a = Load(from + i, lanes);
      const Vec b = Load(from + half + i, lanes);
      const Vec cosine = Load(cosines + i, lanes);
      const Vec sine = Load(sines + i, lanes);
      Store(to + i, Fma(a, cosine, -(b * sine)), lanes);
      Store(to + half + i, Fma(b, cosine, a * sine), lanes);
    });
  }

 private:
  template <typename T>
  KP_INLINE void ApplyToNeighbours(const float* from, T* to) const {
    for (int i = 0; i < half; ++i) {
      const float a = from[2 * i];
      const float b = from[2 * i + 1];
      FromFloat(a * cosines[i] - b * sines[i], to[2 * i]);
      FromFloat(b * cosines[i] + a * sines[i], to[2 * i + 1]);
    }
  }
};

/* A head's key or value, rotated where rotated > 0, to its place for a token in the head's part of a block. */
template <typename T>
KP_INLINE void WriteHead(const kp_rope_cache_write_args& args, const float* from, const Rotation& rotation, int64_t rotated, T* part,
                         int64_t token) {
  const int64_t head_dim = args.head_dim;
  const auto turn = [&](auto* to) {
    if (rotated > 0) {
      rotation.Apply(from, to);
    }
    Convert(from + rotated, to + rotated, head_dim - rotated);
  };
  T* to = part + token * head_dim;
  if constexpr (kScaled<T>) {
    alignas(64) float row[kMostHeadDim];
    turn(row);
    Quantize(row, to, reinterpret_cast<float*>(part + args.block_tokens * head_dim) + token, head_dim);
  } else {
    turn(to);
  }
}

template <typename T>
void Run(ThreadPool& pool, const kp_rope_cache_write_args& args) {
  constexpr int64_t kGrainElements = 8192;
  const bool rotates = args.cos_sin != nullptr && args.half > 0;
  const int64_t head_dim = args.head_dim;
  const int64_t rotated = rotates ? 2 * args.half : 0;
  const int64_t head_bytes = HeadBytes(args.cache_dtype, args.block_tokens, head_dim);
  const int64_t row = (args.query_heads + 2 * int64_t{args.kv_heads}) * head_dim;
  pool.ParallelFor(args.tokens, std::max<int64_t>(1, kGrainElements / row), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* qkv = args.qkv + t * args.qkv_stride;
      const float* table = rotates ? args.cos_sin + t * 2 * args.half : nullptr;
      const Rotation rotation{table, rotates ? table + args.half : nullptr, args.half, args.interleaved != 0};
      for (int h = 0; rotates && h < args.query_heads; ++h) {
        rotation.Apply(qkv + h * head_dim, qkv + h * head_dim);
      }
      const int64_t slot = args.slots[t];
      if (slot < 0) {
        continue;
      }
      const float* keys = qkv + args.query_heads * head_dim;
      const float* values = keys + args.kv_heads * head_dim;
      const int64_t block = slot / args.block_tokens * args.block_stride;
      const int64_t token = slot % args.block_tokens;
      for (int h = 0; h < args.kv_heads; ++h) {
        const int64_t part = block + h * head_bytes;
        WriteHead(args, keys + h * head_dim, rotation, rotated, reinterpret_cast<T*>(static_cast<char*>(args.key_cache) + part), token);
        WriteHead(args, values + h * head_dim, rotation, 0, reinterpret_cast<T*>(static_cast<char*>(args.value_cache) + part), token);
      }
    }
  });
}

}  // namespace

void RopeCacheWrite(ThreadPool& pool, const kp_rope_cache_write_args& args) {
  switch (args.cache_dtype) {
    case KP_CACHE_F32:
      return Run<float>(pool, args);
    case KP_CACHE_BF16:
      return Run<Bf16>(pool, args);
    case KP_CACHE_F16:
      return Run<Fp16>(pool, args);
    default:
      return Run<int8_t>(pool, args);
  }
}

}  // namespace kp::cpu::KP_TARGET
