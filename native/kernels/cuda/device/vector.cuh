/* Four neighbouring elements as floats. Where they lie 16 (or 8) bytes apart they move in one instruction; the values, and which thread has
 * which, do not depend on it. */
#ifndef KP_CUDA_DEVICE_VECTOR_CUH_
#define KP_CUDA_DEVICE_VECTOR_CUH_

#include <cstdint>

#include "common/half.h"
#include "cuda/platform.h"

namespace kp::cuda {

struct Float4 {
  float v[4];
};

template <typename T>
__device__ __forceinline__ bool IsAligned4(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % (4 * sizeof(T)) == 0;
}

__device__ __forceinline__ Float4 Unpack(float4 raw, float) { return {{raw.x, raw.y, raw.z, raw.w}}; }
template <typename T>
__device__ __forceinline__ Float4 Unpack(uint2 raw, T) {
  const auto half = [](unsigned bits) {
    T value;
    value.bits = static_cast<uint16_t>(bits);
    return ToFloat(value);
  };
  return {{half(raw.x), half(raw.x >> 16), half(raw.y), half(raw.y >> 16)}};
}

__device__ __forceinline__ Float4 LoadAligned(const float* p) { return Unpack(*reinterpret_cast<const float4*>(p), 0.0f); }
template <typename T>
__device__ __forceinline__ Float4 LoadAligned(const T* p) {
  return Unpack(*reinterpret_cast<const uint2*>(p), T{});
}

__device__ __forceinline__ void StoreAligned(float* p, const Float4& a) {
  *reinterpret_cast<float4*>(p) = make_float4(a.v[0], a.v[1], a.v[2], a.v[3]);
}
template <typename T>
__device__ __forceinline__ void StoreAligned(T* p, const Float4& a) {
  uint16_t bits[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    T value;
    FromFloat(a.v[i], value);
    bits[i] = value.bits;
  }
  uint2 raw;
  raw.x = bits[0] | unsigned{bits[1]} << 16;
  raw.y = bits[2] | unsigned{bits[3]} << 16;
  *reinterpret_cast<uint2*>(p) = raw;
}

/* Eight from p on, which is aligned to 16 bytes. */
struct Float8 {
  float v[8];
};
__device__ __forceinline__ Float8 LoadAligned8(const float* p) {
  const Float4 a = LoadAligned(p);
  const Float4 b = LoadAligned(p + 4);
  return {{a.v[0], a.v[1], a.v[2], a.v[3], b.v[0], b.v[1], b.v[2], b.v[3]}};
}
__device__ __forceinline__ Float8 LoadAligned8(const Bf16* p) {
  const uint4 raw = *reinterpret_cast<const uint4*>(p);
  const Float4 a = Unpack(uint2{raw.x, raw.y}, Bf16{});
  const Float4 b = Unpack(uint2{raw.z, raw.w}, Bf16{});
  return {{a.v[0], a.v[1], a.v[2], a.v[3], b.v[0], b.v[1], b.v[2], b.v[3]}};
}

/* The first count (or 4) elements from p on; zeros behind them. */
template <typename T>
__device__ __forceinline__ Float4 Load4(const T* p, int64_t count) {
  if (count >= 4 && IsAligned4(p)) {
    return LoadAligned(p);
  }
  Float4 a{};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    a.v[i] = i < count ? ToFloat(p[i]) : 0.0f;
  }
  return a;
}

template <typename T>
__device__ __forceinline__ void Store4(T* p, const Float4& a, int64_t count) {
  if (count >= 4 && IsAligned4(p)) {
    StoreAligned(p, a);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (i < count) {
      FromFloat(a.v[i], p[i]);
    }
  }
}

}  // namespace kp::cuda

#endif
