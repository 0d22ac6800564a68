/* As much of CUDA as the kernels and their host code use, in plain C++: a kernel is a function that runs once for each thread, on a fibre.
 * Takes the place of cuda_runtime.h. */
#ifndef KP_EMULATION_CUDA_EMULATION_H_
#define KP_EMULATION_CUDA_EMULATION_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) alignas(n)

/* ---- Host ---- */

using dim3 = kp::emulation::Dim3;
using cudaError_t = int;
enum : int {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal = 0, cudaStreamCaptureModeThreadLocal = 1 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;

namespace kp::emulation {
struct Stream;
struct Event;
struct Graph;
}  // namespace kp::emulation
using cudaStream_t = kp::emulation::Stream*;
using cudaEvent_t = kp::emulation::Event*;
using cudaGraph_t = kp::emulation::Graph*;
using cudaGraphExec_t = kp::emulation::Graph*;
using cudaGraphNode_t = void*;

struct cudaDeviceProp {
  char name[256];
};

const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** address, size_t bytes);
cudaError_t cudaFree(void* address);
cudaError_t cudaMallocHost(void** address, size_t bytes);
cudaError_t cudaFreeHost(void* address);
cudaError_t cudaMemsetAsync(void* address, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
template <typename Function>
cudaError_t cudaFuncSetAttribute(Function*, cudaFuncAttribute, int) {
  return cudaSuccess;
}

namespace kp::emulation {

/* Work of a stream is kept until somebody waits for it, so a host that reads or reuses memory too early is found out. */
void Enqueue(Stream* stream, std::function<void()> work);
void EnqueueLaunch(Stream* stream, const char* kernel, Dim3 grid, Dim3 block, size_t shared_bytes, std::function<void()> body);

}  // namespace kp::emulation

/* ---- Device ---- */

#define threadIdx (::kp::emulation::TheBlock().current().index)
#define blockIdx (::kp::emulation::TheBlock().index())
#define blockDim (::kp::emulation::TheBlock().size())
#define gridDim (::kp::emulation::TheBlock().grid())

struct __align__(8) float2 {
  float x, y;
};
struct __align__(16) float4 {
  float x, y, z, w;
};
struct __align__(8) uint2 {
  unsigned x, y;
};
struct __align__(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline void __syncthreads() { ::kp::emulation::TheBlock().SyncBlock(); }
inline void __syncwarp(unsigned = ~0u) {
  ::kp::emulation::TheBlock().SyncWarp([] {});
}

namespace kp::emulation {

/* Every lane gives a value and then takes what it likes of those of the others. */
template <typename T, typename Take>
auto Exchange(T value, const Take& take) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  Block& block = TheBlock();
  Thread& mine = block.current();
  const int turn = mine.turn ^= 1;
  std::memcpy(&mine.offers[turn].value, &value, sizeof value);
  block.SyncWarp([] {});
  return take([&](int lane) {
    T other;
    std::memcpy(&other, &block.LaneOf(lane).offers[turn].value, sizeof other);
    return other;
  });
}

}  // namespace kp::emulation

template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return kp::emulation::Exchange(value, [&](const auto& of) { return of(lane & 31); });
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  const int lane = kp::emulation::TheBlock().current().lane;
  return kp::emulation::Exchange(value, [&](const auto& of) { return of(lane ^ mask); });
}
template <typename T>
T __shfl_up_sync(unsigned, T value, unsigned delta) {
  const int lane = kp::emulation::TheBlock().current().lane;
  return kp::emulation::Exchange(
      value, [&](const auto& of) { return of(lane - static_cast<int>(delta) >= 0 ? lane - static_cast<int>(delta) : lane); });
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  return kp::emulation::Exchange(predicate != 0, [&](const auto& of) {
    unsigned bits = 0;
    for (int lane = 0; lane < kp::emulation::TheBlock().lanes(); ++lane) {
      bits |= of(lane) ? 1u << lane : 0u;
    }
    return bits;
  });
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }

template <typename T>
T atomicAdd(T* address, T value) {
  const T old = *address;
  *address = static_cast<T>(old + value);
  return old;
}
template <typename T>
T atomicMax(T* address, T value) {
  const T old = *address;
  *address = value > old ? value : old;
  return old;
}
template <typename T>
T atomicMin(T* address, T value) {
  const T old = *address;
  *address = value < old ? value : old;
  return old;
}
template <typename T>
T atomicOr(T* address, T value) {
  const T old = *address;
  *address = old | value;
  return old;
}
template <typename T>
T atomicAnd(T* address, T value) {
  const T old = *address;
  *address = old & value;
  return old;
}
inline void __threadfence() {}

inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __ffs(int bits) { return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1; }
using std::fmaf;
using std::fmaxf;
using std::fminf;
using std::rintf;

#endif
