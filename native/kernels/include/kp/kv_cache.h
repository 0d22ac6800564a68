/* The paged cache as kp_rope_cache_write fills it and kp_paged_attention reads it. Keys and values lie apart, both in blocks of
 * block_tokens tokens; block b of either starts block_stride * b bytes behind the first. So a layer's blocks may lie side by side, or all
 * layers' parts of one block.
 *
 * A block is one part for each kv head:
 *   KP_CACHE_F32, _BF16, _F16   [block_tokens, head_dim] of the type
 *   KP_CACHE_I8                 [block_tokens, head_dim] int8, then [block_tokens] f32 scales; an element is scale * int8
 *
 * Written values are rounded to nearest even. For KP_CACHE_I8 the scale of a token and head is its largest magnitude / 127; one below 1e-30
 * makes all zero, one that is no number or infinite makes the scale NaN, so that it shows in every result. */
#ifndef KP_KV_CACHE_H_
#define KP_KV_CACHE_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t kp_cache_dtype;
enum { KP_CACHE_F32 = 0, KP_CACHE_BF16 = 1, KP_CACHE_F16 = 2, KP_CACHE_I8 = 3 };

#ifdef __cplusplus
}
#endif
#endif
