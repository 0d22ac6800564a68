#ifndef KP_CPU_NORM_H_
#define KP_CPU_NORM_H_

#include <cstdint>

#include "cpu/thread_pool.h"
#include "kp/norm.h"

namespace kp::cpu {

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

using NormFunction = void (*)(ThreadPool& pool, const NormCall& call);

}  // namespace kp::cpu

#endif
