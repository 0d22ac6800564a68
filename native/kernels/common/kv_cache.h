/* Where things lie in the blocks of include/kp/kv_cache.h, and the checks that both of its kernels make. */
#ifndef KP_COMMON_KV_CACHE_H_
#define KP_COMMON_KV_CACHE_H_

#include <cstdint>
#include <type_traits>

#include "common/checks.h"
#include "kp/kv_cache.h"

namespace kp {

inline constexpr int32_t kMostHeadDim = 512;

/* Whether each token and head has a scale behind the elements of its block. */
template <typename T>
inline constexpr bool kScaled = std::is_same_v<T, int8_t>;

/* Bytes of one kv head's part of a block. */
inline constexpr int64_t HeadBytes(kp_cache_dtype dtype, int64_t block_tokens, int64_t head_dim) {
  const int64_t row = dtype == KP_CACHE_F32  ? 4 * head_dim
                      : dtype == KP_CACHE_I8 ? head_dim + static_cast<int64_t>(sizeof(float))
                                             : 2 * head_dim;
  return block_tokens * row;
}

inline kp_status CheckCache(kp_cache_dtype dtype, int64_t block_stride, int32_t kv_heads, int32_t head_dim, int32_t block_tokens) {
  KP_REQUIRE(dtype >= KP_CACHE_F32 && dtype <= KP_CACHE_I8, "cache_dtype = %d is unknown", dtype);
  KP_REQUIRE(block_tokens >= 1, "block_tokens = %d must be at least 1", block_tokens);
  KP_REQUIRE(head_dim <= kMostHeadDim, "head_dim = %d must be at most %d", head_dim, kMostHeadDim);
  KP_REQUIRE(dtype != KP_CACHE_I8 || int64_t{block_tokens} * head_dim % 4 == 0,
             "block_tokens = %d times head_dim = %d must be a multiple of 4, so that the scales are aligned", block_tokens, head_dim);
  const int64_t block = CheckedMultiply(kv_heads, HeadBytes(dtype, block_tokens, head_dim));
  KP_REQUIRE(block > 0 && block_stride >= block && block_stride % 4 == 0,
             "block_stride = %lld must be a multiple of 4 and at least a block of %lld bytes", Print(block_stride), Print(block));
  return KP_OK;
}

}  // namespace kp

#endif
