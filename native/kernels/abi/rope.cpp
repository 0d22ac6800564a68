#include "kp/rope.h"

#include "abi/backend.h"
#include "common/checks.h"
#include "common/kv_cache.h"

using kp::CheckedMultiply;
using kp::Guard;
using kp::Print;

kp_status kp_rope_angles(kp_stream* stream, const double* inverse_frequency, int64_t half, double scale, const int32_t* positions,
                         int64_t tokens, float* cos_sin) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    KP_REQUIRE(half >= 0 && tokens >= 0 && CheckedMultiply(half, tokens) >= 0, "half = %lld and tokens = %lld must not be negative",
               Print(half), Print(tokens));
    if (half == 0 || tokens == 0) {
      return KP_OK;
    }
    KP_REQUIRE(inverse_frequency != nullptr && positions != nullptr && cos_sin != nullptr,
               "inverse_frequency, positions and cos_sin must not be null");
    for (int64_t t = 0; kp::backend::kHostReadsDeviceMemory && t < tokens; ++t) {
      KP_REQUIRE(positions[t] >= 0, "positions[%lld] = %d must not be negative", Print(t), positions[t]);
    }
    return kp::backend::RopeAngles(stream, {inverse_frequency, half, scale, positions, tokens, cos_sin});
  });
}

kp_status kp_rope_cache_write(kp_stream* stream, const kp_rope_cache_write_args* args) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && args != nullptr, "stream and args must not be null");
    KP_REQUIRE(args->tokens >= 0, "tokens = %lld must not be negative", Print(args->tokens));
    KP_REQUIRE(args->query_heads >= 1 && args->kv_heads >= 1 && args->head_dim >= 1,
               "query_heads = %d, kv_heads = %d and head_dim = %d must be at least 1", args->query_heads, args->kv_heads, args->head_dim);
    KP_REQUIRE(args->half >= 0 && args->half <= args->head_dim / 2, "half = %d must lie in [0, head_dim / 2 = %d]", args->half,
               args->head_dim / 2);
    KP_REQUIRE(args->interleaved == 0 || args->interleaved == 1, "interleaved = %d must be 0 or 1", args->interleaved);
    if (const kp_status status = kp::CheckCache(args->cache_dtype, args->block_stride, args->kv_heads, args->head_dim, args->block_tokens);
        status != KP_OK) {
      return status;
    }
    KP_REQUIRE(args->reserved == 0, "reserved = %d must be 0", args->reserved);
    const int64_t row = CheckedMultiply(args->query_heads + 2 * int64_t{args->kv_heads}, args->head_dim);
    KP_REQUIRE(row > 0 && args->qkv_stride >= row, "qkv_stride = %lld is less than a row of %lld", Print(args->qkv_stride), Print(row));
    if (args->tokens == 0) {
      return KP_OK;
    }
    KP_REQUIRE(args->qkv != nullptr && args->slots != nullptr && args->key_cache != nullptr && args->value_cache != nullptr,
               "qkv, slots and the caches must not be null");
    return kp::backend::RopeCacheWrite(stream, *args);
  });
}
