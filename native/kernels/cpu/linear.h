/* Matrix products: how a packed matrix lies in memory, and what an instruction set brings to multiply it. */
#ifndef KP_CPU_LINEAR_H_
#define KP_CPU_LINEAR_H_

#include <algorithm>
#include <cstdint>

#include "abi/calls.h"
#include "cpu/thread_pool.h"
#include "kp/linear.h"

namespace kp::cpu {

struct LinearCall {
  const kp_linear& linear;
  const void* x;
  kp_dtype x_dtype;
  int64_t x_stride;
  int64_t rows;
  const float* bias;
  float* y;
  int64_t y_stride;
  void* scratch; /* LinearLayout::ScratchBytes */
};

constexpr int64_t kLargestGroup = 256;

/* How one instruction set stores and multiplies one kind of weights.
 *
 * A matrix is a row of panels, each panel_width output features wide (the last one filled up with zeros). A panel is a row of steps, each
 * depth input features deep: step s holds the weights of features s * depth … for all its output features. So a product with one row reads
 * memory from front to back, an output feature is one lane of one vector, and its sum runs over rising input features in that lane
 * whatever the number of rows: that is batch invariance. */
struct LinearKernel {
  int panel_width;
  int depth;
  int step_bytes;
  int input_bytes; /* of one input feature as the kernel reads it */
  void (*forward)(ThreadPool& pool, const LinearCall& call);

  /* Codes of weights only. Puts codes [lane, kLargestGroup] of the lanes [begin, end) of a panel into its steps. */
  void (*place)(const uint8_t (*codes)[kLargestGroup], int64_t begin, int64_t end, char* to, int64_t steps);
  int code_bias; /* added to a code without zero point before it is placed */

  /* Rows whose inputs are repacked at once. More rows go slab by slab. */
  static constexpr int64_t kSlabRows = 240;
  /* So much of a panel stays near while all tiles of rows pass over it. A tile's inputs for it fit the first-level cache, which is worth
   * 10 % between 16 and 64 rows of wide inputs; where each block ends with scaling, that costs as much as it saves. */
  static constexpr int64_t kPlainBlockBytes = 128 * 1024;
  static constexpr int64_t kScaledBlockBytes = 256 * 1024;
};

/* Where the parts of one matrix's panels are. A span is what is summed in registers: a group of input features with its own scales, which
 * stand before its steps; or, where a row has one scale or none, a block of steps, all scales then standing before the panel's first. */
struct LinearLayout {
  int64_t steps; /* of a panel */
  int64_t span_steps;
  int64_t spans;
  int64_t spans_at_once; /* spans of a block that stays near */
  int64_t header_bytes;  /* scales, then zero points as bytes, of panel_width features */
  int64_t span_bytes;    /* from one span's header to the next; 0 where one header serves all */
  int64_t panel_bytes;
  int64_t panels;

  LinearLayout(const LinearKernel& kernel, const kp_linear_format& format, int64_t out, int64_t in)
      : steps((in + kernel.depth - 1) / kernel.depth), panels((out + kernel.panel_width - 1) / kernel.panel_width) {
    const int64_t block_steps = (format.bits == 0 ? kernel.kPlainBlockBytes : kernel.kScaledBlockBytes) / kernel.step_bytes;
    const int64_t unit = 2 * kernel.panel_width; /* a cache line with AVX-512, so that steps are aligned to lines */
    header_bytes = format.bits == 0 ? 0 : kernel.panel_width * ((format.scale_dtype == KP_F32 ? 4 : 2) + (format.zero_points != 0 ? 1 : 0));
    header_bytes = (header_bytes + unit - 1) / unit * unit;
    if (format.bits != 0 && format.group != 0) {
      span_steps = format.group / kernel.depth;
      spans = (in + format.group - 1) / format.group;
      steps = spans * span_steps;
      span_bytes = header_bytes + span_steps * kernel.step_bytes;
      spans_at_once = std::max<int64_t>(1, block_steps / span_steps);
      panel_bytes = spans * span_bytes;
    } else {
      // Of like length: a short last one would have to fetch a long first one.
      spans = (steps + block_steps - 1) / block_steps;
      span_steps = (steps + spans - 1) / spans;
      span_bytes = 0;
      spans_at_once = 1;
      panel_bytes = header_bytes + steps * kernel.step_bytes;
    }
  }

  /* From the panel's start. */
  int64_t HeaderOf(int64_t span) const { return span * span_bytes; }
  int64_t StepsOf(int64_t span, int step_bytes) const {
    return header_bytes + span * (span_bytes != 0 ? span_bytes : span_steps * step_bytes);
  }

  /* Inputs of a slab, then their scales [rows], then their sums [spans, rows]. */
  int64_t InputBytes(const LinearKernel& kernel) const { return LinearKernel::kSlabRows * steps * kernel.depth * kernel.input_bytes; }
  int64_t ScratchBytes(const LinearKernel& kernel) const {
    return InputBytes(kernel) + LinearKernel::kSlabRows * (1 + spans) * static_cast<int64_t>(sizeof(float));
  }
};

/* Packs rows of a checkpoint's matrix into their places. source is not aligned. False where a number is not finite. */
struct LinearLoadCall {
  kp_linear& linear;
  int64_t first_row;
  int64_t rows;
  const void* source;
  kp_dtype source_dtype;
  int64_t source_stride;
};
using LinearLoadFunction = bool (*)(ThreadPool& pool, const LinearLoadCall& call);

}  // namespace kp::cpu

struct kp_linear : kp::LinearHead {
  const kp::cpu::LinearKernel* kernel;
  kp::cpu::LinearLayout layout;
  void* weights;
};

#endif
