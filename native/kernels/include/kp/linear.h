/* Matrix products with weights packed, and where asked quantized, once at load.
 *
 * y[r, o] = sum_i x[r, i] * W[o, i] + bias[o]
 *   W [out, in] as a checkpoint stores it (row = output feature)
 *
 * Batch invariance: the order of the sum over i and the tile shape of one output element depend on in, the format and the instruction set
 * only: never on rows, out or the number of threads. Sums are fp32, or exact integers where both factors are.
 *
 * Plain weights (bits = 0). KP_F32 and KP_F16 weights multiply fp32 inputs; KP_BF16 weights multiply bf16 inputs (x given as KP_F32 is
 * rounded to nearest-even first, on every instruction set).
 *
 * Quantized weights (bits = 8 or 4). A row's weights are cut into groups of `group` consecutive input features, the last one possibly
 * shorter; group = 0 makes the whole row one group. A group g has a scale s, and with zero_points a zero point z; q are the codes:
 *   W[o, i] ~ s * (q - z), z = 0 without zero points
 *   8 bits               s = max|w| / 127
 *                        q = clamp(rint(w / s), -127, 127)
 *   8 bits, float codes  s = max|w| / 448
 *                        q = the e4m3 number nearest to clamp(w / s, -448, 448)
 *   4 bits, symmetric    s = m / -8, m = the first w of largest magnitude: s may be < 0
 *                        q = clamp(rint(w / s), -8, 7)
 *   4 bits, zero points  s = (max(w, 0) - min(w, 0)) / 15,  z = clamp(rint(-min(w, 0) / s), 0, 15)
 *                        q = clamp(rint(w / s) + z, 0, 15)
 * s is rounded to scale_dtype before the codes are chosen; where it is then 0 (a group of zeros) all codes stand for 0. Divisions are fp32,
 * rint and nearest go to even where two are as near.
 *
 * e4m3: sign, 4 bits e, 3 bits m of a byte stand for 2^(e - 7) * (1 + m / 8), where e = 0 for 2^-6 * m / 8. All bits but the sign would be
 * NaN, and are no code. Any other number is exact as bf16 and as fp16. The CPU library has no products of float codes.
 *   y[r, o] = sum_g s[o, g] * (sum_{i in g} x[r, i] * q[o, i] - z[o, g] * sum_{i in g} x[r, i]) + bias[o]
 * with inputs as for plain weights of the format's dtype: bf16 where that is KP_BF16, else fp32. Codes are exact in both.
 *
 * Quantized inputs (dynamic_inputs; not with float codes): x itself is replaced by codes p, one scale t a row of x, and the sums over a
 * group are whole numbers.
 *   t[r] = max_i |x[r, i]| / 127
 *   p = clamp(rint(x[r, i] * (127 / max_i |x[r, i]|)), -127, 127)
 *   y = t[r] * (the sum above, of p) + bias[o]
 * A row of x whose largest magnitude is below 2^-100 counts as zeros; one that holds NaN or infinity makes its row of y NaN.
 *
 * Epilogues. What is computed from the products above beside storing them, with the bits of the separate calls:
 *   KP_STORE           y = product                                              y [rows, out] f32
 *   KP_ADD_RMS_NORM    residual += product, then y = kp_rms_norm(residual)      y [rows, out] of y_dtype
 *   KP_ADD_LAYER_NORM  residual += product, then y = kp_layer_norm(residual)    y [rows, out] of y_dtype
 *   KP_GATE            y = kp_gated_activation(product)                         y [rows, out / 2] of y_dtype
 *
 * How codes, scales and padding lie in memory, and in which order the rows of a gated matrix, is the library's own affair. */
#ifndef KP_LINEAR_H_
#define KP_LINEAR_H_

#include "kp/activation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kp_linear kp_linear;

/* How a matrix is stored and multiplied. */
typedef struct kp_linear_format {
  kp_dtype dtype;         /* of plain weights; of quantized ones: what they stand for, which chooses the type of the inputs */
  int32_t bits;           /* 0 = plain weights; 8 or 4 = codes of so many bits; the fields below are then read, else they must be 0 */
  int32_t float_codes;    /* 1 = codes are e4m3 numbers instead of integers; with 8 bits only */
  int32_t group;          /* input features that share a scale: 32, 64, 128 or 256; 0 = the whole row */
  kp_dtype scale_dtype;   /* in which scales are kept */
  int32_t zero_points;    /* 1 = each group has one; with 4 bits only */
  int32_t dynamic_inputs; /* 1 = inputs are quantized to 8 bits, one scale a row */
  int32_t gated;          /* 1 = the rows are gates, then as many ups: the matrix may end with KP_GATE; out is even */
} kp_linear_format;

/* An empty packed matrix [out, in]. in, out >= 1. KP_UNSUPPORTED: the library has no products of the format. */
KP_API kp_status kp_linear_create(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format, kp_linear** linear);
KP_API void kp_linear_destroy(kp_linear* linear);
/* Bytes of device memory that it holds. */
KP_API int64_t kp_linear_bytes(const kp_linear* linear);
/* What kp_linear_bytes will be, before anything is allocated; -1 where kp_linear_create would refuse the arguments. */
KP_API int64_t kp_linear_packed_bytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format);
/* What the device keeps, from when such a matrix is created, for inputs of products that are laid out first; all matrices share the largest.
 * -1 where kp_linear_create would refuse the arguments. */
KP_API int64_t kp_linear_scratch_bytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format);
/* Packs rows [first_row, first_row + rows) from host memory: source [rows, in] of source_dtype (any of the three; converted or quantized
 * to the linear's format, round to nearest even), consecutive rows source_stride elements apart, any alignment. Several calls
 * fill one matrix (query, key and value rows of a fused product). Every row must be loaded before the first forward.
 * On a device with graphs several threads may load at the same time, each another matrix, while the thread that drives the device creates
 * linears and buffers and writes; each such thread takes a lane of its own (below). Elsewhere loads use all workers, one load at a time.
 * KP_INVALID_DATA: source holds NaN or infinity, or a number that becomes infinite in the format's dtype; those rows are then undefined. */
KP_API kp_status kp_linear_load(kp_linear* linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
                                int64_t source_stride);
/* A lane is what carries rows to a device that does not read host memory: a stream, pinned memory, and device memory for rows that are not
 * packed yet. A load takes one that is idle or makes one, and leaves it for the next. The most device memory a lane takes for rows of in
 * elements, whatever their type; 0 where there are no lanes. */
KP_API int64_t kp_linear_lane_bytes(kp_device* device, int64_t in);
/* Frees all lanes. No load may be under way; a later one makes its lane anew. */
KP_API kp_status kp_linear_free_lanes(kp_device* device);

typedef int32_t kp_epilogue;
enum { KP_STORE = 0, KP_ADD_RMS_NORM = 1, KP_ADD_LAYER_NORM = 2, KP_GATE = 3 };

typedef struct kp_linear_args {
  const kp_linear* linear; /* every row loaded */
  const void* x;           /* [rows, in] of x_dtype, row stride x_stride */
  int64_t x_stride;
  int64_t rows;      /* 0 is fine */
  const float* bias; /* [out] f32, or null */
  void* y;           /* as the epilogue says, row stride y_stride; overlaps nothing else */
  int64_t y_stride;  /* of KP_STORE; of the others the length of a row */
  kp_dtype x_dtype;  /* KP_F32, or KP_BF16 for a linear of dtype KP_BF16 */
  kp_dtype y_dtype;  /* KP_F32; not of KP_STORE also KP_BF16 */
  kp_epilogue epilogue;
  kp_activation activation; /* of KP_GATE */
  float* product;           /* [rows, out] f32, undefined before and after; null with KP_STORE */
  float* residual;          /* [rows, out] f32, of the additions, as are the norm's arguments */
  const float* norm_weight; /* [out] f32 */
  const float* norm_bias;   /* [out] f32, or null; of KP_ADD_LAYER_NORM */
  float eps;
} kp_linear_args;

KP_API kp_status kp_linear_forward(kp_stream* stream, const kp_linear_args* args);

#ifdef __cplusplus
}
#endif
#endif
