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
  const int32_t* sampled;
  int64_t tokens;
  float* y;

  /* Of the table, for a token whose id the host wrote or that sampling left on the device. */
  constexpr int32_t RowOf(int64_t token) const {
    const int32_t id = ids[token];
    const int32_t row = id >= 0 ? id : sampled[-1 - id];
    return row >= 0 ? row : 0;
  }
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
