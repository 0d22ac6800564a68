#include "abi/backend.h"
#include "cuda/norm_row.cuh"

namespace kp::cuda {
namespace {

template <int kThreads, typename Y>
__global__ void __launch_bounds__(kThreads) LayerNorm(NormCall call) {
  const NormRow<kThreads> row(call);
  Y* y = static_cast<Y*>(call.y) + int64_t{blockIdx.x} * call.hidden;
  const float count = static_cast<float>(call.hidden);
  float sum = 0.0f;
  row.AddAndVisit([&](int64_t, const Float4& v, int64_t) { sum += (v.v[0] + v.v[1]) + (v.v[2] + v.v[3]); });
  const float mean = BlockReduce<kThreads>(sum, Add{}) / count;
  float squares = 0.0f;
  row.Visit([&](int64_t, const Float4& v, int64_t valid) { squares += SumSquares(v, valid, mean); });
  const float variance = BlockReduce<kThreads>(squares, Add{}) / count;
  const float scale = 1.0f / sqrtf(variance + call.eps);
  row.Visit([&](int64_t i, const Float4& v, int64_t valid) {
    const Float4 weight = Load4(call.weight + i, valid);
    const Float4 bias = call.bias == nullptr ? Float4{} : Load4(call.bias + i, valid);
    Float4 result;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      result.v[e] = fmaf((v.v[e] - mean) * scale, weight.v[e], bias.v[e]);
    }
    Store4(y + i, result, valid);
  });
}

template <int kThreads>
kp_status Launch(kp_stream* stream, const NormCall& call) {
  const auto kernel = call.y_dtype == KP_F32 ? LayerNorm<kThreads, float> : LayerNorm<kThreads, Bf16>;
  return KP_LAUNCH(kernel, static_cast<unsigned>(call.tokens), kThreads, 0, stream, call);
}

}  // namespace
}  // namespace kp::cuda

kp_status kp::backend::LayerNorm(kp_stream* stream, const NormCall& call) {
  return cuda::IsSmallNorm(call) ? cuda::Launch<cuda::kSmallNormThreads>(stream, call) : cuda::Launch<cuda::kNormThreads>(stream, call);
}
