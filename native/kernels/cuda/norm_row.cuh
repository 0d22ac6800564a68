/* What the two norms share: a block takes a row, and a thread the same elements of it in every pass. */
#ifndef KP_CUDA_NORM_ROW_CUH_
#define KP_CUDA_NORM_ROW_CUH_

#include "abi/calls.h"
#include "cuda/device.h"
#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"

namespace kp::cuda {

/* The values of the row that is normed; the first pass over it adds x to the residual and keeps the sum there. */
template <int kThreads>
struct NormRow {
  const float* x; /* null: nothing to add */
  float* residual;
  int64_t hidden;

  __device__ __forceinline__ explicit NormRow(const NormCall& call)
      : x(call.x == nullptr ? nullptr : call.x + int64_t{blockIdx.x} * call.hidden),
        residual(call.residual == nullptr ? nullptr : call.residual + int64_t{blockIdx.x} * call.hidden),
        hidden(call.hidden) {}

  /* body(i, values from i on, how many of them count). */
  template <typename Body>
  __device__ __forceinline__ void AddAndVisit(const Body& body) const {
    for (int64_t i = 4 * int64_t{threadIdx.x}; i < hidden; i += 4 * kThreads) {
      Float4 v = Load4((residual != nullptr ? residual : x) + i, hidden - i);
      if (residual != nullptr && x != nullptr) {
        const Float4 more = Load4(x + i, hidden - i);
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          v.v[e] = v.v[e] + more.v[e];
        }
        Store4(residual + i, v, hidden - i);
      }
      body(i, v, hidden - i);
    }
  }

  template <typename Body>
  __device__ __forceinline__ void Visit(const Body& body) const {
    for (int64_t i = 4 * int64_t{threadIdx.x}; i < hidden; i += 4 * kThreads) {
      body(i, Load4((residual != nullptr ? residual : x) + i, hidden - i), hidden - i);
    }
  }
};

/* Small rows take small blocks. The number of threads is part of the order of sums, so it follows from hidden alone. */
inline constexpr int kSmallNormThreads = 64;
inline constexpr int kNormThreads = 256;
inline bool IsSmallNorm(const NormCall& call) { return call.hidden <= 1024; }

/* Element e of a tail beyond count adds zero to a sum. */
__device__ __forceinline__ float SumSquares(const Float4& v, int64_t count, float mean) {
  float sum = 0.0f;
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const float difference = e < count ? v.v[e] - mean : 0.0f;
    sum = fmaf(difference, difference, sum);
  }
  return sum;
}

}  // namespace kp::cuda

#endif
