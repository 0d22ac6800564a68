#include "abi/backend.h"
#include "cuda/norm_row.cuh"

namespace kp::cuda {
namespace {

template <int kThreads, typename Y>
__global__ void __launch_bounds__(kThreads) RmsNorm(NormCall call) {
  const NormRow<kThreads> row(call);
  Y* y = static_cast<Y*>(call.y) + int64_t{blockIdx.x} * call.hidden;
  float squares = 0.0f;
  row.AddAndVisit([&](int64_t, const Float4& v, int64_t count) { squares += SumSquares(v, count, 0.0f); });
  const float mean_square = BlockReduce<kThreads>(squares, Add{}) / static_cast<float>(call.hidden);
  const float scale = 1.0f / sqrtf(mean_square + call.eps);
  row.Visit([&](int64_t i, const Float4& v, int64_t count) {
    const Float4 weight = Load4(call.weight + i, count);
    Float4 result;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      result.v[e] = v.v[e] * scale * weight.v[e];
    }
    Store4(y + i, result, count);
  });
}

template <int kThreads>
kp_status Launch(kp_stream* stream, const NormCall& call) {
  const auto kernel = call.y_dtype == KP_F32 ? RmsNorm<kThreads, float> : RmsNorm<kThreads, Bf16>;
  return KP_LAUNCH(kernel, static_cast<unsigned>(call.tokens), kThreads, 0, stream, call);
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::RmsNorm(kp_stream* stream, const NormCall& call) {
  return cuda::IsSmallNorm(call) ? cuda::Launch<cuda::kSmallNormThreads>(stream, call) : cuda::Launch<cuda::kNormThreads>(stream, call);
}
