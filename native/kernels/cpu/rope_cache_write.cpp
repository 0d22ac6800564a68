#include <algorithm>

#include "cpu/rope.h"
#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {
namespace {

template <typename T>
KP_INLINE void Convert(const float* from, T* to, int64_t n) {
  ForVectors(n, [&](int64_t i, int lanes) { Store(to + i, Load(from + i, lanes), lanes); });
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

template <typename T>
void Run(ThreadPool& pool, const kp_rope_cache_write_args& args) {
  constexpr int64_t kGrainElements = 8192;
  const bool rotates = args.cos_sin != nullptr && args.half > 0;
  const int64_t head_dim = args.head_dim;
  const int64_t rotated = rotates ? 2 * args.half : 0;
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
      for (int h = 0; h < args.kv_heads; ++h) {
        const int64_t in_cache = ((slot / args.block_tokens * args.kv_heads + h) * args.block_tokens + slot % args.block_tokens) * head_dim;
        T* key = static_cast<T*>(args.key_cache) + in_cache;
        if (rotates) {
          rotation.Apply(keys + h * head_dim, key);
        }
        Convert(keys + h * head_dim + rotated, key + rotated, head_dim - rotated);
        Convert(values + h * head_dim, static_cast<T*>(args.value_cache) + in_cache, head_dim);
      }
    }
  });
}

}  // namespace

void RopeCacheWrite(ThreadPool& pool, const kp_rope_cache_write_args& args) {
  switch (args.cache_dtype) {
    case KP_F32:
      return Run<float>(pool, args);
    case KP_BF16:
      return Run<Bf16>(pool, args);
    default:
      return Run<Fp16>(pool, args);
  }
}

}  // namespace kp::cpu::KP_TARGET
