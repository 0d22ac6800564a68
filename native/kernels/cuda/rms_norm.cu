#include "abi/backend.h"
#include "cuda/device.h"
#include "cuda/norm_row.cuh"

namespace kp::cuda {
namespace {

template <int kThreads>
__global__ void __launch_bounds__(kThreads) RmsNorm(NormCall call) {
  NormRow<BlockTeam<kThreads>>(call, blockIdx.x).Rms();
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::RmsNorm(kp_stream* stream, const NormCall& call) {
  const bool is_small = cuda::IsSmallNorm(call);
  const auto kernel = is_small ? cuda::RmsNorm<cuda::kSmallNormThreads> : cuda::RmsNorm<cuda::kNormThreads>;
  return KP_LAUNCH(kernel, static_cast<unsigned>(call.tokens), is_small ? cuda::kSmallNormThreads : cuda::kNormThreads, 0, stream, call);
}
