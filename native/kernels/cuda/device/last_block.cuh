/* Work at the end of a launch that needs what its other blocks have written. */
#ifndef KP_CUDA_DEVICE_LAST_BLOCK_CUH_
#define KP_CUDA_DEVICE_LAST_BLOCK_CUH_

#include "cuda/platform.h"

namespace kp::cuda {

/* Whether this block is the last of so many that come here with one counter: it may read what all of them wrote to device memory before. The
 * counter is 0 before and after. All threads of a block come, and get the same answer. */
__device__ __forceinline__ bool IsLastBlock(unsigned* finished, unsigned blocks) {
  __shared__ bool is_last;
  __syncthreads();  // the block's own writes are made
  if (threadIdx.x == 0) {
    __threadfence();  // and come before the count; behind it, no read is answered from this processor's own cache
    is_last = atomicAdd(finished, 1u) + 1 == blocks;
    if (is_last) {
      *finished = 0;
    }
    __threadfence();
  }
  __syncthreads();
  return is_last;
}

}  // namespace kp::cuda

#endif
