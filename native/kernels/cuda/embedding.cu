#include "abi/backend.h"
#include "cuda/device.h"
#include "cuda/device/vector.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void __launch_bounds__(kThreads) Embedding(EmbeddingCall call) {
  const int64_t i = 4 * (int64_t{blockIdx.y} * kThreads + threadIdx.x);
  if (i < call.hidden) {
    const int64_t token = blockIdx.x;
    const T* row = static_cast<const T*>(call.table) + call.RowOf(token) * call.hidden;
    Store4(call.y + token * call.hidden + i, Load4(row + i, call.hidden - i), call.hidden - i);
  }
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::Embedding(kp_stream* stream, const EmbeddingCall& call) {
  using namespace kp::cuda;
  const auto kernel = call.dtype == KP_F32 ? cuda::Embedding<float> : call.dtype == KP_BF16 ? cuda::Embedding<Bf16> : cuda::Embedding<Fp16>;
  const dim3 grid(static_cast<unsigned>(call.tokens), static_cast<unsigned>((call.hidden + 4 * kThreads - 1) / (4 * kThreads)));
  return KP_LAUNCH(kernel, grid, kThreads, 0, stream, call);
}
