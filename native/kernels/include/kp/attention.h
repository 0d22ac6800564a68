/* Attention over the paged cache: one kernel family for prefill chunks and decode.
 *
 * Sequence s owns the query rows [query_start[s], query_start[s + 1]); its last query row sits at position context[s] - 1, so row j
 * of a sequence with m rows sits at position p = context[s] - m + j and attends to cached positions max(0, p - window + 1) … p
 * (window = 0: from 0). Query head h reads kv head h / (query_heads / kv_heads).
 *   score = scale * <q, k>;  y = softmax(score) · v, in fp32
 * Where both the cache and y are bf16, q and the weights exp(score - maximum) are rounded to bf16 (nearest even) before they are
 * multiplied, and the rounded weights are what the softmax divides by; products and sums stay fp32. A library may keep more bits of both,
 * always or never for a shape of heads and cache (the CUDA library does where its tensor cores do not take the shape).
 * The running maximum and sums are merged over KV spans whose borders are multiples of a fixed number of cached tokens, counted
 * from position 0: one row's result depends on neither the other rows, nor the chunking, nor the threads. */
#ifndef KP_ATTENTION_H_
#define KP_ATTENTION_H_

#include "kp/kv_cache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kp_paged_attention_args {
  const float* q; /* [tokens, query_heads, head_dim] f32, row stride q_stride (it may be the fused qkv) */
  int64_t q_stride;
  const void* key_cache; /* the first block: kv_cache.h */
  const void* value_cache;
  int64_t block_stride;        /* bytes, of both; a multiple of 4 */
  const int32_t* block_tables; /* [sequences, block_table_stride]: physical block of each logical block of block_tokens tokens */
  int64_t block_table_stride;
  const int32_t* query_start; /* [sequences + 1], rising from 0 to tokens */
  const int32_t* context;     /* [sequences] cached tokens including this step's, >= rows of the sequence */
  void* y;                    /* [tokens, query_heads * head_dim] of y_dtype (KP_F32 or KP_BF16), row stride y_stride */
  int64_t y_stride;
  void* workspace; /* kp_paged_attention_workspace bytes; contents undefined before and after */
  int64_t workspace_bytes;
  int64_t tokens;
  int32_t sequences;
  int32_t query_heads;
  int32_t kv_heads; /* divides query_heads */
  int32_t head_dim; /* any >= 1, at most 512 */
  int32_t block_tokens;
  int32_t window; /* 0 = unlimited */
  float scale;
  kp_cache_dtype cache_dtype;
  kp_dtype y_dtype;
  int32_t max_context; /* at least the largest context[s]; sizes the launch */
} kp_paged_attention_args;

/* Bytes of workspace that suffice for any call with at most these tokens, heads and context. */
KP_API int64_t kp_paged_attention_workspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim, int32_t max_context);
KP_API kp_status kp_paged_attention(kp_stream* stream, const kp_paged_attention_args* args);

#ifdef __cplusplus
}
#endif
#endif
