/* Hopper's copy engine, and the barriers in shared memory to which it reports.
 *
 * A barrier counts the arrivals of threads and the bytes of copies that are still to come in its phase; when both are there, the next phase
 * begins. Phases are told apart by their parity: the first is 0, and the one before it counts as complete. */
#ifndef KP_CUDA_DEVICE_BULK_COPY_CUH_
#define KP_CUDA_DEVICE_BULK_COPY_CUH_

#include <cstdint>

#include "cuda/platform.h"

namespace kp::cuda {

using Barrier = uint64_t; /* in shared memory */

#if defined(__CUDACC__)

__device__ __forceinline__ uint32_t SharedAddress(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

/* The first address from p on that is a multiple of kAlignment in shared memory. */
template <int kAlignment>
__device__ __forceinline__ char* AlignShared(char* p) {
  return p + (kAlignment - SharedAddress(p) % kAlignment) % kAlignment;
}

/* By one thread, for barriers of so many arrivals a phase; others may use them after FenceBarriers and a barrier of the block. */
__device__ __forceinline__ void InitBarrier(Barrier* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(SharedAddress(barrier)), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void FenceBarriers() { asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory"); }

__device__ __forceinline__ void Arrive(Barrier* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(SharedAddress(barrier)) : "memory");
}
/* Arrives, and says that copies of so many bytes belong to the phase. */
__device__ __forceinline__ void ArriveExpecting(Barrier* barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(SharedAddress(barrier)), "r"(bytes) : "memory");
}
/* Until the phase of this parity is complete. */
__device__ __forceinline__ void Wait(Barrier* barrier, uint32_t parity) {
  uint32_t is_complete = 0;
  while (is_complete == 0) {
    asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}\n"
                 : "=r"(is_complete)
                 : "r"(SharedAddress(barrier)), "r"(parity)
                 : "memory");
  }
}

/* Between what threads write to device memory and copies of it: by the writers behind their writes, and by whoever starts the copies. */
__device__ __forceinline__ void FenceCopies() { asm volatile("fence.proxy.async.global;\n" ::: "memory"); }

/* Device to shared memory: addresses and bytes are multiples of 16. */
__device__ __forceinline__ void CopyBulk(void* to, const void* from, uint32_t bytes, Barrier* barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];\n" ::"r"(SharedAddress(to)),
               "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(SharedAddress(barrier))
               : "memory");
}

#else

template <int kAlignment>
char* AlignShared(char* p) {
  return p + (kAlignment - reinterpret_cast<uintptr_t>(p) % kAlignment) % kAlignment;
}

inline void InitBarrier(Barrier* barrier, int arrivals) { emulation::TheBlock().copies().Init(barrier, arrivals); }
inline void FenceBarriers() {}
inline void FenceCopies() {}
inline void Arrive(Barrier* barrier) { emulation::TheBlock().Arrive(barrier, 0); }
inline void ArriveExpecting(Barrier* barrier, uint32_t bytes) { emulation::TheBlock().Arrive(barrier, static_cast<int>(bytes)); }
inline void Wait(Barrier* barrier, uint32_t parity) { emulation::TheBlock().WaitFor(barrier, parity); }
inline void CopyBulk(void* to, const void* from, uint32_t bytes, Barrier* barrier) {
  emulation::TheBlock().CopyBulk({to, from, static_cast<int>(bytes)}, barrier);
}

#endif

}  // namespace kp::cuda

#endif
