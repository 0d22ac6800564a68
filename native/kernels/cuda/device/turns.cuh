/* Work of a launch that other blocks of it wait for. It is taken by blocks that run, and so whoever waits, waits for blocks that run: nothing
 * stands still, in whatever order and however few at a time the device runs blocks. All counters are 0 before and after a launch. */
#ifndef KP_CUDA_DEVICE_TURNS_CUH_
#define KP_CUDA_DEVICE_TURNS_CUH_

#include "cuda/platform.h"

namespace kp::cuda {

/* One thread: counts something whose writes its block has made (a barrier lies between), for those who wait for it. */
__device__ __forceinline__ void Publish(unsigned* counter) {
  __threadfence();
  atomicAdd(counter, 1u);
}

/* All threads of a block: return when the counter has come to a number. What was written before each count may then be read. */
__device__ __forceinline__ void WaitUntil(const unsigned* counter, unsigned number) {
  if (threadIdx.x == 0) {
    while (*static_cast<const volatile unsigned*>(counter) < number) {
#if !defined(__CUDACC__)
      emulation::TheBlock().WaitForever();  // the emulation runs block after block
#endif
    }
    __threadfence();
  }
  __syncthreads();
}

/* All threads of a block: its number in the order in which blocks begin. Blocks of lower numbers run, or have run. */
__device__ __forceinline__ unsigned TakeNumber(unsigned* counter) {
  __shared__ unsigned number;
  __syncthreads();  // whoever still reads the number taken before
  if (threadIdx.x == 0) {
    number = atomicAdd(counter, 1u);
  }
  __syncthreads();
  return number;
}

/* Calls body(item) for the items that no other block has taken, and returns when the last of them is done. All threads of so many blocks
 * come, with three counters. */
template <typename Body>
__device__ __forceinline__ void DoFirst(unsigned* counters, unsigned items, unsigned blocks, const Body& body) {
  for (unsigned item = TakeNumber(counters); item < items; item = TakeNumber(counters)) {
    body(item);
    __syncthreads();
    if (threadIdx.x == 0) {
      Publish(counters + 1);
    }
  }
  WaitUntil(counters + 1, items);
  if (threadIdx.x == 0 && atomicAdd(counters + 2, 1u) + 1 == blocks) {
    counters[0] = 0;
    counters[1] = 0;
    counters[2] = 0;
  }
}

}  // namespace kp::cuda

#endif
