/* Matrix products: what a packed matrix is, and what an instruction set brings to multiply it. */
#ifndef KP_CPU_LINEAR_H_
#define KP_CPU_LINEAR_H_

#include <cstdint>

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
  void* scratch; /* LinearFormat::ScratchBytes */
};

/* How one instruction set stores and multiplies one type of weights.
 *
 * A matrix is a row of panels, each panel_width output features wide (the last one filled up with zeros). A panel is a row of steps, each
 * depth input features deep: step s holds the weights of features s * depth … for its first output feature, then for its second, and so
 * on. So a product with one row reads memory from front to back, an output feature is one lane of one vector, and its sum runs over
 * rising input features in that lane whatever the number of rows: that is batch invariance. */
struct LinearFormat {
  int panel_width;
  int depth;
  int weight_bytes;
  int input_bytes; /* of one input feature as the kernel reads it */
  void (*forward)(ThreadPool& pool, const LinearCall& call);

  /* Rows whose inputs are repacked at once. More rows go slab by slab. */
  static constexpr int64_t kSlabRows = 240;

  int64_t Steps(int64_t in) const { return (in + depth - 1) / depth; }
  int64_t Panels(int64_t out) const { return (out + panel_width - 1) / panel_width; }
  int64_t PanelBytes(int64_t in) const { return Steps(in) * depth * panel_width * weight_bytes; }
  int64_t ScratchBytes(int64_t in) const { return kSlabRows * Steps(in) * depth * input_bytes; }
};

/* Packs rows of a checkpoint's matrix into their places. source is not aligned. */
void LoadRows(ThreadPool& pool, kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
              int64_t source_stride);

}  // namespace kp::cpu

struct kp_linear {
  kp_device* device;
  const kp::cpu::LinearFormat* format;
  int64_t out;
  int64_t in;
  kp_dtype dtype;
  int64_t bytes;
  void* weights;
};

#endif
