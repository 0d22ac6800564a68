/* How inputs become what a product multiplies: the same steps where rows are packed first and where a product reads them as they are, so
 * that its results have the same bits. */
#ifndef KP_CUDA_LINEAR_INPUT_CUH_
#define KP_CUDA_LINEAR_INPUT_CUH_

#include <cstdint>
#include <type_traits>

#include "cuda/device/mma.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/device/turns.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/linear.h"

namespace kp::cuda {

/* A magnitude's bits: whole numbers in the order of the magnitudes, those of infinity and NaN last. */
__device__ __forceinline__ uint32_t MagnitudeOf(float value) { return __float_as_uint(value) & 0x7fffffffu; }

struct LargerMagnitude {
  __device__ __forceinline__ uint32_t operator()(uint32_t a, uint32_t b) const { return a < b ? b : a; }
};

/* The magnitude that is the largest of a row's; NaN where the row holds a NaN or infinity. */
__device__ __forceinline__ float LargestOf(uint32_t magnitude) {
  constexpr uint32_t kInfinity = 0x7f800000u;
  constexpr uint32_t kNan = 0x7fc00000u;
  return __uint_as_float(magnitude < kInfinity ? magnitude : kNan);
}

/* Two fp16 parts whose sum is the input to 22 bits. The row is first brought near 2^14 by a power of two, so that neither part leaves the
 * range in which fp16 has all its bits. */
struct SplitInput {
  float up;

  __device__ __forceinline__ static SplitInput Of(float largest) {
    int exponent = static_cast<int>(__float_as_uint(largest) >> 23 & 0xffu) - 127;
    exponent = exponent < -112 ? -112 : exponent;
    const bool is_finite = largest < __builtin_huge_valf();
    return {is_finite ? __uint_as_float(static_cast<uint32_t>(14 - exponent + 127) << 23) : 1.0f};
  }
  __device__ __forceinline__ float Scale() const { return 1.0f / up; }

  /* The parts of two inputs. */
  __device__ __forceinline__ void Pair(float first, float second, uint32_t& high, uint32_t& low) const {
    float rounded[2];
    high = PackF16(first * up, second * up);
    UnpackF16(high, rounded[0], rounded[1]);
    low = PackF16(first * up - rounded[0], second * up - rounded[1]);
  }
};

/* Whole numbers up to 127. */
struct QuantizeInput {
  float inverse;
  float scale;

  __device__ __forceinline__ static QuantizeInput Of(float largest) {
    constexpr float kSmallest = 0x1p-100f;
    const bool is_zero = largest < kSmallest;
    return {is_zero ? 0.0f : 127.0f / largest, is_zero ? 0.0f : largest / 127.0f};  // NaN where the row is broken
  }
  __device__ __forceinline__ float Scale() const { return scale; }

  /* The codes of four inputs. */
  __device__ __forceinline__ uint32_t Word(float a, float b, float c, float d) const {
    return Code(a) | Code(b) << 8 | Code(c) << 16 | Code(d) << 24;
  }

 private:
  /* The sum's unit is 1: it rounds, and its last byte is the code. */
  __device__ __forceinline__ uint32_t Code(float value) const {
    constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23
    return __float_as_uint(value * inverse + kWhole) & 0xffu;
  }
};

/* Four inputs of a row. */
template <Arithmetic kArithmetic>
__device__ __forceinline__ Float4 LoadSource(const LinearSource& source, int64_t row, int64_t i) {
  const int64_t at = row * source.stride + i;
  if constexpr (kArithmetic == Arithmetic::kBf16 || kArithmetic == Arithmetic::kInteger) {
    if (source.dtype == KP_BF16) {
      return Load4(static_cast<const Bf16*>(source.x) + at, source.in - i);
    }
  }
  return Load4(static_cast<const float*>(source.x) + at, source.in - i);
}

/* A row of a source, by a block of kThreads. */
template <Arithmetic kArithmetic, int kThreads>
__device__ __forceinline__ void PackRow(const LinearSource& source, int64_t row) {
  constexpr bool kIsScaled = kArithmetic == Arithmetic::kF16 || kArithmetic == Arithmetic::kInteger;
  const int64_t to = row * source.padded_in;
  /* A thread has the same inputs every time. */
  const auto for_each = [&](const auto& body) {
    for (int64_t i = 4 * int64_t{threadIdx.x}; i < source.padded_in; i += 4 * kThreads) {
      body(i, LoadSource<kArithmetic>(source, row, i));
    }
  };
  float largest = 0.0f;
  if constexpr (kIsScaled) {
    uint32_t magnitude = 0;
    for_each([&](int64_t, const Float4& v) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        magnitude = LargerMagnitude{}(magnitude, MagnitudeOf(v.v[e]));
      }
    });
    largest = LargestOf(BlockReduce<kThreads>(magnitude, LargerMagnitude{}));
  }
  if constexpr (kArithmetic == Arithmetic::kF16) {
    const SplitInput input = SplitInput::Of(largest);
    Fp16* high = reinterpret_cast<Fp16*>(source.packed) + to;
    Fp16* low = high + source.rows * source.padded_in;
    for_each([&](int64_t i, const Float4& v) {
      uint2 first;
      uint2 second;
      input.Pair(v.v[0], v.v[1], first.x, second.x);
      input.Pair(v.v[2], v.v[3], first.y, second.y);
      *reinterpret_cast<uint2*>(high + i) = first;
      *reinterpret_cast<uint2*>(low + i) = second;
    });
    if (threadIdx.x == 0) {
      source.scales[row] = input.Scale();
    }
  } else if constexpr (kArithmetic == Arithmetic::kInteger) {
    const QuantizeInput input = QuantizeInput::Of(largest);
    for_each([&](int64_t i, const Float4& v) {
      *reinterpret_cast<uint32_t*>(source.packed + to + i) = input.Word(v.v[0], v.v[1], v.v[2], v.v[3]);
    });
    if (threadIdx.x == 0) {
      source.scales[row] = input.Scale();
    }
  } else {
    using To = std::conditional_t<kArithmetic == Arithmetic::kBf16, Bf16, float>;
    for_each([&](int64_t i, const Float4& v) { Store4(reinterpret_cast<To*>(source.packed) + to + i, v, 4); });
  }
}

/* A product's own first work, where its inputs are not ready. A launch for it alone would be about as long, and one more. */
template <Arithmetic kArithmetic, int kThreads>
__device__ __forceinline__ void MakeInputs(const LinearCall& call, unsigned blocks) {
  if (call.source.x != nullptr) {
    DoFirst(call.turns, static_cast<unsigned>(call.rows), blocks, [&](unsigned row) { PackRow<kArithmetic, kThreads>(call.source, row); });
  }
}

}  // namespace kp::cuda

#endif
