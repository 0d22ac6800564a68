/* Copies of 16 bytes from device to shared memory that go on while the thread does. They belong to the thread that asks; what they bring is
 * there for it after WaitCopies, for others after a barrier behind that. */
#ifndef KP_CUDA_DEVICE_ASYNC_COPY_CUH_
#define KP_CUDA_DEVICE_ASYNC_COPY_CUH_

#include <cstdint>

#include "cuda/platform.h"

namespace kp::cuda {

#if defined(__CUDACC__)

/* is_valid false: zeros, and from is not read (it must still be an address of device memory). */
__device__ __forceinline__ void CopyAsync16(void* to, const void* from, bool is_valid) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  const int bytes = is_valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(from), "r"(bytes) : "memory");
}

/* Closes a group of copies. */
__device__ __forceinline__ void CommitCopies() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }

/* Waits for all groups but the newest kLeft. */
template <int kLeft>
__device__ __forceinline__ void WaitCopies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kLeft) : "memory");
}

#else

inline void CopyAsync16(void* to, const void* from, bool is_valid) {
  emulation::TheBlock().current().copies.push_back({to, from, is_valid ? 16 : 0, is_valid ? 0 : 16});
}

inline void CommitCopies() {
  emulation::Thread& thread = emulation::TheBlock().current();
  thread.groups.push_back(thread.copies.size());
}

template <int kLeft>
void WaitCopies() {
  emulation::TheBlock().FinishCopies(kLeft);
}

#endif

}  // namespace kp::cuda

#endif
