#ifndef KP_EMBEDDING_H_
#define KP_EMBEDDING_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[t, :] = table[ids[t], :]      table [vocabulary, hidden] of dtype; ids [tokens] i32; y [tokens, hidden] f32
 * An id below 0 stands for one that kp_sample chose and the host has not seen: ids[t] = -1 - r takes sampled[r], and 0 where that is no id.
 * sampled [any] i32 may be null where no id is below 0.
 * Also gathers rows of activations (dtype KP_F32). KP_INVALID_ARGUMENT: an id outside [0, vocabulary) (checked where host
 * and device share memory; elsewhere the caller guarantees it). table and y must not overlap. */
KP_API kp_status kp_embedding(kp_stream* stream, const void* table, kp_dtype dtype, int64_t vocabulary, int64_t hidden, const int32_t* ids,
                              const int32_t* sampled, int64_t tokens, float* y);

#ifdef __cplusplus
}
#endif
#endif
