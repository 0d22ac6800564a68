/* Matrix products with weights packed once at load.
 *
 * y[r, o] = sum_i x[r, i] * W[o, i] + bias[o]
 *   W [out, in] as a checkpoint stores it (row = output feature)
 * Accumulates in fp32. The order of the sum over i and the tile shape of one output element depend on in and on the
 * instruction set only: never on rows, out or the number of threads (batch invariance).
 * The compute type follows the weight type: KP_F32 and KP_F16 weights multiply fp32 inputs; KP_BF16 weights multiply
 * bf16 inputs (x given as KP_F32 is rounded to nearest-even first, on every instruction set). */
#ifndef KP_LINEAR_H_
#define KP_LINEAR_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kp_linear kp_linear;

/* An empty packed matrix [out, in] of weight type dtype. in, out >= 1. */
KP_API kp_status kp_linear_create(kp_device* device, int64_t out, int64_t in, kp_dtype dtype, kp_linear** linear);
KP_API void kp_linear_destroy(kp_linear* linear);
/* Bytes of device memory that it holds. */
KP_API int64_t kp_linear_bytes(const kp_linear* linear);
/* Packs rows [first_row, first_row + rows) from host memory: source [rows, in] of source_dtype (any of the three; converted
 * to the linear's type, round to nearest even), consecutive rows source_stride elements apart, any alignment. Several calls
 * fill one matrix (query, key and value rows of a fused product). Every row must be loaded before the first forward. */
KP_API kp_status kp_linear_load(kp_linear* linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
                                int64_t source_stride);
/* x [rows, in] of x_dtype (KP_F32, or KP_BF16 for a KP_BF16 linear), row stride x_stride; bias [out] f32 or null;
 * y [rows, out] f32, row stride y_stride. rows = 0 is fine. x and y must not overlap. */
KP_API kp_status kp_linear_forward(kp_stream* stream, const kp_linear* linear, const void* x, kp_dtype x_dtype, int64_t x_stride,
                                   int64_t rows, const float* bias, float* y, int64_t y_stride);

#ifdef __cplusplus
}
#endif
#endif
