/* Arguments of those ABI functions that have no argument struct of their own, gathered and checked. */
#ifndef KP_ABI_CALLS_H_
#define KP_ABI_CALLS_H_

#include <cstdint>

#include "kp/activation.h"
#include "kp/kp.h"
#include "kp/linear.h"

namespace kp {

struct EmbeddingCall {
  const void* table;
  kp_dtype dtype;
  int64_t hidden;
  const int32_t* ids;
  int64_t tokens;
  float* y;
};

struct NormCall {
  const float* x;
  float* residual;
  const float* weight;
  const float* bias;
  void* y;
  kp_dtype y_dtype;
  int64_t tokens;
  int64_t hidden;
  float eps;
};

struct RopeAnglesCall {
  const double* inverse_frequency;
  int64_t half;
  double scale;
  const int32_t* positions;
  int64_t tokens;
  float* cos_sin;
};

struct GatedActivationCall {
  kp_activation activation;
  const float* x;
  void* y;
  kp_dtype y_dtype;
  int64_t tokens;
  int64_t width;
};

/* What every library's kp_linear begins with. */
struct LinearHead {
  kp_device* device;
  kp_linear_format format;
  int64_t out;
  int64_t in;
  int64_t bytes;
};

}  // namespace kp

#endif
