/* Kernels with faults, which the emulation must show. */
#include "cuda_emulation.h"
#include "runtime.h"

namespace {

constexpr int kThreads = 256;

void Sum(int* sum, bool with_barrier) {
  __shared__ int warps[kThreads / 32];
  int mine = static_cast<int>(threadIdx.x);
  for (int distance = 16; distance > 0; distance /= 2) {
    mine += __shfl_xor_sync(~0u, mine, distance);
  }
  if (threadIdx.x % 32 == 0) {
    warps[threadIdx.x / 32] = mine;
  }
  if (with_barrier) {
    __syncthreads();
  }
  int total = 0;
  for (int warp = 0; warp < kThreads / 32; ++warp) {
    total += warps[warp];
  }
  if (threadIdx.x == kThreads / 2) {
    *sum = total;
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    warps[threadIdx.x / 32] = 0;
  }
}

void Deadlock() {
  if (threadIdx.x < kThreads / 2) {
    __syncthreads();
  } else {
    kp::emulation::TheBlock().SyncNamed(1, kThreads);
  }
}

template <typename Kernel>
int32_t Run(uint64_t seed, const Kernel& kernel) {
  cudaStream_t stream;
  cudaSetDevice(static_cast<int>(seed));
  if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) {
    return -1;
  }
  kp::emulation::EnqueueLaunch(stream, "planted", 1, kThreads, 0, kernel);
  const cudaError_t status = cudaStreamSynchronize(stream);
  cudaStreamDestroy(stream);
  return status;
}

}  // namespace

int32_t kp_emulation_planted_sum(uint64_t seed, int32_t with_barrier) {
  int sum = -1;
  const int32_t status = Run(seed, [&] { Sum(&sum, with_barrier != 0); });
  return status == cudaSuccess ? sum : -1;
}

int32_t kp_emulation_planted_deadlock(void) {
  const int32_t status = Run(0, Deadlock);
  kp_emulation_set_ailment(KP_EMULATION_SOUND);
  return status;
}
