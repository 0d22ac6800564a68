/* Normalisation with the residual addition fused in.
 *
 * With residual not null: residual[t, i] += x[t, i] first, and the norm is taken of residual (the residual stream stays f32);
 * with residual null the norm is taken of x. x may be null only with residual not null: then nothing is added.
 *   rms:   y = v * rsqrt(mean_i(v^2) + eps) * weight
 *   layer: y = (v - mean) * rsqrt(variance + eps) * weight + bias        variance by the two-pass formula, divided by hidden
 * x, residual [tokens, hidden] f32; weight, bias [hidden] f32 (bias null = 0); y [tokens, hidden] of y_dtype (KP_F32 or KP_BF16,
 * rounded once at the end). Sums in fp32, one order for a row whatever the number of tokens. y may be x when y_dtype is KP_F32.
 * KP_INVALID_ARGUMENT: hidden < 1, eps < 0, tokens < 0, a missing pointer. */
#ifndef KP_NORM_H_
#define KP_NORM_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

KP_API kp_status kp_rms_norm(kp_stream* stream, const float* x, float* residual, const float* weight, void* y, kp_dtype y_dtype,
                             int64_t tokens, int64_t hidden, float eps);
KP_API kp_status kp_layer_norm(kp_stream* stream, const float* x, float* residual, const float* weight, const float* bias, void* y,
                               kp_dtype y_dtype, int64_t tokens, int64_t hidden, float eps);

#ifdef __cplusplus
}
#endif
#endif
