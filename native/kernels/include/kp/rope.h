/* Rotary position embedding fused with the write of keys and values into the paged cache. */
#ifndef KP_ROPE_H_
#define KP_ROPE_H_

#include "kp/kv_cache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cos_sin[t, i] = scale * cos(positions[t] * inverse_frequency[i]); cos_sin[t, half + i] = scale * sin(…), computed in double.
 * Once a step, shared by all layers. inverse_frequency [half] f64; positions [tokens] i32 >= 0; cos_sin [tokens, 2 * half] f32. */
KP_API kp_status kp_rope_angles(kp_stream* stream, const double* inverse_frequency, int64_t half, double scale, const int32_t* positions,
                                int64_t tokens, float* cos_sin);

typedef struct kp_rope_cache_write_args {
  float* qkv; /* [tokens, (query_heads + 2 * kv_heads) * head_dim] f32, row stride qkv_stride: query, key, value heads;
                 the query part is rotated in place, the key and value parts are left as they are */
  int64_t qkv_stride;
  const float* cos_sin; /* [tokens, 2 * half] from kp_rope_angles; null = no rotation */
  const int64_t* slots; /* [tokens] cache slot of each token = block * block_tokens + offset; < 0: not written */
  void* key_cache;      /* the first block: kv_cache.h */
  void* value_cache;
  int64_t block_stride; /* bytes, of both; a multiple of 4 */
  int64_t tokens;
  int32_t query_heads;
  int32_t kv_heads;
  int32_t head_dim;    /* at most 512 */
  int32_t half;        /* rotated dims = 2 * half <= head_dim; the rest passes through */
  int32_t interleaved; /* 0: pairs (i, half + i) as Llama in Hugging Face's layout; 1: pairs (2i, 2i + 1) */
  int32_t block_tokens;
  kp_cache_dtype cache_dtype;
  int32_t reserved; /* 0 */
} kp_rope_cache_write_args;

KP_API kp_status kp_rope_cache_write(kp_stream* stream, const kp_rope_cache_write_args* args);

#ifdef __cplusplus
}
#endif
#endif
