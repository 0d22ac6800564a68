/* Where CUDA comes from: nvcc, or the emulation in tests/Kernels.Emulation, which compiles the same sources as plain C++. The two differ in
 * nothing else but the wrappers in cuda/device/. */
#ifndef KP_CUDA_PLATFORM_H_
#define KP_CUDA_PLATFORM_H_

#if defined(__CUDACC__)
#include <cuda_runtime.h>
/* kernel: the name of a function or of a pointer to one, without template arguments (a comma would part them). */
#define KP_ENQUEUE(kernel, grid, block, shared_bytes, stream, ...) (kernel)<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__)
#define KP_DYNAMIC_SHARED(name) extern __shared__ __align__(128) char name[]
#else
#include "cuda_emulation.h"
#define KP_ENQUEUE(kernel, grid, block, shared_bytes, stream, ...) \
  ::kp::emulation::EnqueueLaunch((stream), #kernel, (grid), (block), (shared_bytes), [=] { (kernel)(__VA_ARGS__); })
#define KP_DYNAMIC_SHARED(name) char* name = static_cast<char*>(::kp::emulation::TheBlock().shared())
#endif

/* Enqueues a kernel on a kp_stream and reports what was wrong with the launch. Whichever thread calls, the stream's device must be its. */
#define KP_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                     \
  [&]() -> kp_status {                                                                \
    if (const kp_status selected = (stream)->device->Select(); selected != KP_OK) {   \
      return selected;                                                                \
    }                                                                                 \
    KP_ENQUEUE(kernel, (grid), (block), (shared_bytes), (stream)->cuda, __VA_ARGS__); \
    return (stream)->device->Check(cudaGetLastError(), #kernel);                      \
  }()

#endif
