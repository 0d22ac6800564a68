#include "abi/backend.h"
#include "cuda/activate.cuh"
#include "cuda/device.h"
#include "cuda/device/vector.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = 256;

template <typename Activation, typename Y>
__global__ void __launch_bounds__(kThreads) GatedActivation(GatedActivationCall call) {
  const int64_t i = 4 * (int64_t{blockIdx.y} * kThreads + threadIdx.x);
  if (i < call.width) {
    const int64_t token = blockIdx.x;
    const float* x = call.x + token * 2 * call.width + i;
    const Float4 gate = Load4(x, call.width - i);
    const Float4 up = Load4(x + call.width, call.width - i);
    Float4 result;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      result.v[e] = Gate<Activation>(gate.v[e], up.v[e]);
    }
    Store4(static_cast<Y*>(call.y) + token * call.width + i, result, call.width - i);
  }
}

template <typename Activation>
kp_status Launch(kp_stream* stream, const GatedActivationCall& call) {
  const auto kernel = call.y_dtype == KP_F32 ? GatedActivation<Activation, float> : GatedActivation<Activation, Bf16>;
  const dim3 grid(static_cast<unsigned>(call.tokens), static_cast<unsigned>((call.width + 4 * kThreads - 1) / (4 * kThreads)));
  return KP_LAUNCH(kernel, grid, kThreads, 0, stream, call);
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::GatedActivation(kp_stream* stream, const GatedActivationCall& call) {
  switch (call.activation) {
    case KP_SILU:
      return cuda::Launch<Silu>(stream, call);
    case KP_GELU:
      return cuda::Launch<Gelu>(stream, call);
    case KP_GELU_TANH:
      return cuda::Launch<GeluTanh>(stream, call);
    default:
      return cuda::Launch<Relu>(stream, call);
  }
}
