#ifndef KP_ACTIVATION_H_
#define KP_ACTIVATION_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t kp_activation;
enum { KP_SILU = 0, KP_GELU = 1 /* erf */, KP_GELU_TANH = 2, KP_RELU = 3 };

/* y[t, i] = act(x[t, i]) * x[t, width + i]      x [tokens, 2 * width] f32 (gate, then up); y [tokens, width] of y_dtype
 * (KP_F32 or KP_BF16). act within 2e-7 relative of the exact function; silu within 4e-7, or within
 * 3e-37 of it where it vanishes (x < -88.7). */
KP_API kp_status kp_gated_activation(kp_stream* stream, kp_activation activation, const float* x, void* y, kp_dtype y_dtype, int64_t tokens,
                                     int64_t width);

#ifdef __cplusplus
}
#endif
#endif
