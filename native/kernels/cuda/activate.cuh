#ifndef KP_CUDA_ACTIVATE_CUH_
#define KP_CUDA_ACTIVATE_CUH_

#include "common/activations.h"
#include "cuda/platform.h"
#include "kp/activation.h"

namespace kp::cuda {

/* act(gate) * up, rounded once. */
template <typename Activation>
__device__ __forceinline__ float Gate(float gate, float up) {
  return static_cast<float>(Activation{}(static_cast<double>(gate)) * static_cast<double>(up));
}

__device__ __forceinline__ float Gate(kp_activation activation, float gate, float up) {
  switch (activation) {
    case KP_SILU:
      return Gate<Silu>(gate, up);
    case KP_GELU:
      return Gate<Gelu>(gate, up);
    case KP_GELU_TANH:
      return Gate<GeluTanh>(gate, up);
    default:
      return Gate<Relu>(gate, up);
  }
}

}  // namespace kp::cuda

#endif
