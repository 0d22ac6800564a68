/* Reductions over a warp and a block, in one order. Every thread gets the result. */
#ifndef KP_CUDA_DEVICE_REDUCE_CUH_
#define KP_CUDA_DEVICE_REDUCE_CUH_

#include "cuda/platform.h"

namespace kp::cuda {

inline constexpr int kWarpThreads = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

struct Add {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Larger {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

template <typename T, typename Combine>
__device__ __forceinline__ T WarpReduce(T value, const Combine& combine) {
#pragma unroll
  for (int distance = kWarpThreads / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

/* threads is a multiple of a warp. One call after another may follow at once. */
template <int kThreads, typename T, typename Combine>
__device__ __forceinline__ T BlockReduce(T value, const Combine& combine) {
  constexpr int kWarps = kThreads / kWarpThreads;
  value = WarpReduce(value, combine);
  if constexpr (kWarps > 1) {
    __shared__ T parts[kWarps];
    __syncthreads();  // whoever still reads the parts of the call before
    if (threadIdx.x % kWarpThreads == 0) {
      parts[threadIdx.x / kWarpThreads] = value;
    }
    __syncthreads();
    value = parts[0];
#pragma unroll
    for (int warp = 1; warp < kWarps; ++warp) {
      value = combine(value, parts[warp]);
    }
  }
  return value;
}

}  // namespace kp::cuda

#endif
