/* Kernels with faults, which the emulation must show. */
#include <vector>

#include "cuda/device/wgmma.cuh"
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

/* A of ones; B of step i holds i + 1 everywhere. Every element of D is 16 times the sum of those. */
constexpr int kSteps = 12;
constexpr int kStages = 2;
constexpr int kColumns = kp::cuda::kProductColumns * 64; /* 16-bit elements of a stage */

void Pipeline(const uint16_t* b, float* sum, kp_emulation_missing missing) {
  using namespace kp::cuda;
  KP_DYNAMIC_SHARED(shared);
  __shared__ Barrier full[kStages];
  __shared__ Barrier empty[kStages];
  char* stages = AlignShared<1024>(shared);
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < kStages; ++stage) {
      InitBarrier(full + stage, 1);
      InitBarrier(empty + stage, kGroupThreads);
    }
  }
  __syncthreads();
  if (threadIdx.x >= kGroupThreads) {
    for (uint32_t step = 0; step < kSteps && threadIdx.x == kGroupThreads; ++step) {
      if (missing != KP_EMULATION_MISSING_WAIT_UNTIL_EMPTY) {
        Wait(empty + step % kStages, step / kStages % 2 ^ 1);
      }
      ArriveExpecting(full + step % kStages, 2 * kColumns);
      CopyBulk(stages + step % kStages * 2 * kColumns, b + step * kColumns, 2 * kColumns, full + step % kStages);
    }
    return;
  }
  const uint32_t ones[4] = {0x3f803f80u, 0x3f803f80u, 0x3f803f80u, 0x3f803f80u};
  float total = 0.0f;
  for (uint32_t step = 0; step < kSteps; ++step) {
    float d[kColumnTiles][4] = {};
    if (missing != KP_EMULATION_MISSING_WAIT_UNTIL_FULL) {
      Wait(full + step % kStages, step / kStages % 2);
    }
    WgmmaBf16(d, ones, stages + step % kStages * 2 * kColumns);
    CommitProducts();
    if (missing != KP_EMULATION_MISSING_WAIT_FOR_PRODUCTS) {
      WaitForProducts();
    }
    total += d[kColumnTiles - 1][3];
    WaitForProducts();
    Arrive(empty + step % kStages);
  }
  if (threadIdx.x == kGroupThreads - 1) {
    *sum = total;
  }
}

template <typename Kernel>
int32_t Run(uint64_t seed, const Kernel& kernel, int threads = kThreads, size_t shared_bytes = 0) {
  cudaStream_t stream;
  cudaSetDevice(static_cast<int>(seed));
  if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) {
    return -1;
  }
  kp::emulation::EnqueueLaunch(stream, "planted", 1, static_cast<unsigned>(threads), shared_bytes, kernel);
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

float kp_emulation_planted_pipeline(uint64_t seed, kp_emulation_missing missing) {
  std::vector<uint16_t> b(kSteps * kColumns);
  for (int i = 0; i < kSteps * kColumns; ++i) {
    kp::Bf16 value;
    kp::FromFloat(static_cast<float>(i / kColumns + 1), value);
    b[static_cast<size_t>(i)] = value.bits;
  }
  float sum = -1.0f;
  const int32_t status = Run(
      seed, [&] { Pipeline(b.data(), &sum, missing); }, kp::cuda::kGroupThreads + 32, kStages * 2 * kColumns + 1024);
  kp_emulation_set_ailment(KP_EMULATION_SOUND);
  return status == cudaSuccess ? sum : -1.0f;
}

int32_t kp_emulation_planted_deadlock(void) {
  const int32_t status = Run(0, Deadlock);
  kp_emulation_set_ailment(KP_EMULATION_SOUND);
  return status;
}
