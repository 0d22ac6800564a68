#include "abi/backend.h"
#include "cuda/device.h"

namespace kp::cuda {
namespace {

constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads) RopeAngles(RopeAnglesCall call) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at < call.tokens * call.half) {
    const int64_t token = at / call.half;
    const int64_t i = at % call.half;
    const double angle = call.positions[token] * call.inverse_frequency[i];
    float* cosines = call.cos_sin + token * 2 * call.half;
    cosines[i] = static_cast<float>(call.scale * cos(angle));
    cosines[call.half + i] = static_cast<float>(call.scale * sin(angle));
  }
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::RopeAngles(kp_stream* stream, const RopeAnglesCall& call) {
  using cuda::kThreads;
  const auto blocks = static_cast<unsigned>((call.tokens * call.half + kThreads - 1) / kThreads);
  return KP_LAUNCH(cuda::RopeAngles, blocks, kThreads, 0, stream, call);
}
