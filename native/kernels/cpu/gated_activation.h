#ifndef KP_CPU_GATED_ACTIVATION_H_
#define KP_CPU_GATED_ACTIVATION_H_

#include <cstdint>

#include "cpu/thread_pool.h"
#include "kp/activation.h"

namespace kp::cpu {

struct GatedActivationCall {
  kp_activation activation;
  const float* x;
  void* y;
  kp_dtype y_dtype;
  int64_t tokens;
  int64_t width;
};

using GatedActivationFunction = void (*)(ThreadPool& pool, const GatedActivationCall& call);

}  // namespace kp::cpu

#endif
