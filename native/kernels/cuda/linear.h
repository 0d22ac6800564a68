/* Packed matrices on a GPU, and what the kernels of a product are given. */
#ifndef KP_CUDA_LINEAR_H_
#define KP_CUDA_LINEAR_H_

#include <cstdint>

#include "abi/calls.h"
#include "cuda/device.h"
#include "kp/linear.h"

namespace kp::cuda {

/* Input features are padded with zeros to whole blocks. The blocks are cut into kSlices slices by in and the group alone; an output element
 * is the sum of its slices in rising order, whichever kernel makes it and however many rows there are. */
inline constexpr int kBlockFeatures = 64;
inline constexpr int kHalfFeatures = 32; /* scales change at halves of a block at the earliest */
inline constexpr int kSlices = 8;
inline constexpr int kWarpFeatures = 16; /* output features that a tensor core takes together */
inline constexpr int kLaneFeatures = 32; /* output features that a warp takes without */

/* Output features lie in places. Those of a gated matrix come by turns, kGatedFeatures gates and the ups beside them, so that whoever makes
 * a gate makes its up; the last turn is filled up with zeros. */
inline constexpr int kGatedFeatures = 8;

/* How the kernels of a format multiply. */
enum class Arithmetic : int32_t {
  kBf16,    /* bf16 by bf16, fp32 sums */
  kF16,     /* fp16 by fp16, fp32 sums; an fp32 input is the sum of two fp16 parts */
  kInteger, /* int8 by int8, whole sums */
  kF32      /* fp32 by fp32 without tensor cores */
};

struct LinearShape {
  int64_t places;      /* of output features */
  int64_t gated_width; /* gates of a gated matrix; 0 = it is not */
  int64_t in;
  Arithmetic arithmetic;
  int32_t bits;         /* of the codes; 0 = plain */
  bool has_float_codes; /* e4m3 */
  bool has_zero_points;
  kp_dtype scale_dtype;
  int64_t blocks;       /* of kBlockFeatures */
  int64_t slice_blocks; /* blocks of a slice; the last ones may be shorter or empty */
  int64_t group;        /* features that share a scale; 0 = plain */
  int64_t groups;       /* of a row */

  bool is_quantized() const { return bits != 0; }
  int64_t padded_in() const { return blocks * kBlockFeatures; }
};

/* What becomes of products in their launch, beside or instead of being stored. */
struct LinearEnd {
  bool adds;  /* y += product */
  void* norm; /* [rows, out]: y's rows, normed when they are whole; null = they are not. y has no gaps then */
  bool is_layer_norm;
  const float* norm_weight;
  const float* norm_bias;
  float eps;
  unsigned* finished; /* counters of blocks, one a tile of rows */
  void* gated;        /* [rows, out / 2]: act(gate) * up, and y is left alone; null = products are stored */
  kp_activation activation;
  kp_dtype dtype; /* of norm or gated */
};

/* Blocks that have begun, and that have normed rows behind the tiles. */
inline constexpr int kBegunTurn = 3;
inline constexpr int kNormedTurn = 4;

/* Rows of x that are to be made the format's type: where they are, and where they go. */
struct LinearSource {
  const void* x; /* null: they need not */
  kp_dtype dtype;
  int64_t stride;
  int64_t in;
  char* packed; /* [parts][rows, padded_in] */
  int64_t padded_in;
  int64_t rows;
  float* scales; /* [rows]; of fp16 parts and int8 */
};

/* What a product works on: inputs in the format's own type unless they are raw, rows aligned to 16 bytes. */
struct LinearCall {
  const uint4* weights;
  const void* scales;
  const uint8_t* zero_points;
  kp_dtype scale_dtype;
  int32_t half_blocks_of_group; /* 0: the group ends with the slice */
  int64_t groups;
  int64_t blocks;
  int64_t slice_blocks;
  LinearSource source; /* what the launch makes x of before it multiplies */
  unsigned* turns;     /* counters: three of DoFirst, then kBegunTurn and kNormedTurn */
  const void* x;
  kp_dtype x_dtype;      /* of raw inputs */
  bool is_raw;           /* the product makes the format's type of x itself */
  int64_t in;            /* elements of a row of x: with tensor cores whole blocks; without, zeros take the place of what lacks */
  int64_t x_stride;      /* elements between rows */
  int64_t x_part_stride; /* elements between the parts of an input */
  const float* x_scales; /* [rows]: y's row is multiplied by it; null = 1 */
  const float* bias;
  float* y;
  int64_t y_stride;
  int64_t rows;
  int64_t places;
  int64_t gated_width;
  LinearEnd end;
};

/* The parts of a packed matrix, side by side in one allocation. */
struct LinearLayout {
  int64_t weights_bytes;
  int64_t scales_at;
  int64_t zero_points_at;
  int64_t bytes;
};

LinearShape ShapeOf(int64_t out, int64_t in, const kp_linear_format& format);
LinearLayout LayoutOf(const LinearShape& shape);

/* Rows of x that are packed at a time, and the bytes that takes. */
inline constexpr int64_t kSlabRows = 1024;
int64_t PackedInputBytes(const LinearShape& shape);
int64_t InputBytes(const kp_device& device, const LinearShape& shape);

/* Up to so many rows the weights are what is read most. */
inline constexpr int64_t kFewRows = 64;

/* Says where call's inputs are: in x where that is of the format's type or taken raw, and else in scratch, made of call->source. */
void SetInputs(const LinearShape& shape, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows, bool takes_raw, void* scratch,
               LinearCall* call);

/* Whether the product for few rows can take x as it is though it is not of the format's type. */
bool TakesRaw(const LinearShape& shape, kp_dtype x_dtype, int64_t rows);

/* Kernels: of weights into their layout, and of products, which make their inputs of call.source first. */
kp_status PackWeights(kp_stream* stream, const kp_linear& linear, int64_t first_row, int64_t rows, const void* source,
                      kp_dtype source_dtype, int32_t* is_broken);
kp_status MultiplyFewRows(kp_stream* stream, const LinearShape& shape, const LinearCall& call);
kp_status MultiplyManyRows(kp_stream* stream, const LinearShape& shape, const LinearCall& call);
/* laid_rows: scratch behind the packed inputs. */
kp_status MultiplyWide(kp_stream* stream, const LinearShape& shape, const LinearCall& call, char* laid_rows);
bool TakesWide(const kp_device& device, const LinearShape& shape, int64_t rows);
kp_status MultiplyFloats(kp_stream* stream, const LinearShape& shape, const LinearCall& call);

}  // namespace kp::cuda

struct kp_linear : kp::LinearHead {
  kp::cuda::LinearShape shape;
  kp::cuda::LinearLayout layout;
  char* memory;
};

#endif
