/* How weights lie in memory and become operands.
 *
 * For tensor cores: [feature tile of 16][block of 64 inputs][words of 16 bytes][lane]: a warp reads whole lines. Inside a half block (32
 * inputs) lane 4 g + t holds the inputs 8 t … 8 t + 7 of output features g and g + 8: so many of a row of x, too, are 16 neighbouring bytes
 * (8 as int8). Which input comes as which k of an mma is thereby settled, for weights and inputs alike.
 *
 * Without tensor cores: [feature tile of 32][block of 64 inputs][words][lane]; a lane is one output feature. */
#ifndef KP_CUDA_LINEAR_FORMAT_CUH_
#define KP_CUDA_LINEAR_FORMAT_CUH_

#include <cstdint>

#include "cuda/device/mma.cuh"
#include "cuda/linear.h"

namespace kp::cuda {

__device__ __forceinline__ uint32_t WordOf(const uint4& raw, int i) { return i == 0 ? raw.x : i == 1 ? raw.y : i == 2 ? raw.z : raw.w; }

/* Zero points of the features g and g + 8 of a lane. */
struct ZeroPair {
  uint32_t low;
  uint32_t high;
};

/* bf16 and fp16 inputs and products. kParts: how many elements make one input. */
struct Bf16Math {
  static constexpr Arithmetic kArithmetic = Arithmetic::kBf16;
  static constexpr int kParts = 1;
  static constexpr uint32_t kMagic = 0x43004300u; /* or-ed with a whole number below 128: 128 + it */
  using Sum = float;
  using Half = uint4; /* 8 inputs of a lane */
  static constexpr int kMmas = 2;
  static constexpr int kInputBytes = 2;
  __device__ __forceinline__ static void Multiply(Sum (&sum)[4], const uint32_t (&a)[4], const Half& x, int mma) {
    MmaBf16(sum, a, mma == 0 ? x.x : x.z, mma == 0 ? x.y : x.w);
  }
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackBf16(low, high); }
  /* Takes 128 + number out of each half. */
  __device__ __forceinline__ static uint32_t TakeOut(uint32_t value, uint32_t number) {
    const float all = -static_cast<float>(128 + number);
    return AddBf16(value, PackBf16(all, all));
  }
  /* Of the e4m3 numbers in the high byte of each half: their fields lie as they do in bf16, but for a bias of 120. */
  __device__ __forceinline__ static uint32_t FromE4m3(uint32_t high_bytes) {
    return MultiplyBf16((high_bytes & 0x80008000u) | (high_bytes >> 4 & 0x07f007f0u), 0x7b807b80u);
  }
};

struct F16Math {
  static constexpr Arithmetic kArithmetic = Arithmetic::kF16;
  static constexpr int kParts = 2;
  static constexpr uint32_t kMagic = 0x64006400u; /* … below 1024: 1024 + it */
  using Sum = float;
  using Half = uint4;
  static constexpr int kMmas = 2;
  static constexpr int kInputBytes = 2;
  __device__ __forceinline__ static void Multiply(Sum (&sum)[4], const uint32_t (&a)[4], const Half& x, int mma) {
    MmaF16(sum, a, mma == 0 ? x.x : x.z, mma == 0 ? x.y : x.w);
  }
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackF16(low, high); }
  __device__ __forceinline__ static uint32_t TakeOut(uint32_t value, uint32_t number) {
    const float all = -static_cast<float>(1024 + number);
    return AddF16(value, PackF16(all, all));
  }
  /* … but for a bias of 8. */
  __device__ __forceinline__ static uint32_t FromE4m3(uint32_t high_bytes) {
    return MultiplyF16((high_bytes & 0x80008000u) | (high_bytes >> 1 & 0x3f803f80u), 0x5c005c00u);
  }
};

/* Plain 16-bit weights: a word is a pair as it lies in the checkpoint. */
template <typename MathType>
struct PlainFormat : MathType {
  using Math = MathType;
  static constexpr bool kQuantized = false;
  static constexpr int kWords = 4; /* of 16 bytes, for a lane and a block */
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int mma, const ZeroPair&, uint32_t (&a)[4]) {
    const uint4& words = raw[2 * half + mma];
    a[0] = words.x;
    a[1] = words.y;
    a[2] = words.z;
    a[3] = words.w;
  }
};

/* int8 codes, biased by 128; a word is a half block, bytes 8 m + 2 p … of it the pair that becomes a[p] of mma m. */
template <typename MathType>
struct Int8Format : MathType {
  using Math = MathType;
  static constexpr bool kQuantized = true;
  static constexpr int kWords = 2;
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int mma, const ZeroPair&, uint32_t (&a)[4]) {
    constexpr float kBias = 8388608.0f + 128.0f;  // 2^23: or-ed into its mantissa, a byte is added
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      const uint32_t bytes = WordOf(raw[half], 2 * mma + pair);
      float code[4];
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        code[e] = __uint_as_float(0x4b000000u | (bytes >> (8 * e) & 0xffu)) - kBias;
      }
      a[2 * pair] = MathType::Pack(code[0], code[1]);
      a[2 * pair + 1] = MathType::Pack(code[2], code[3]);
    }
  }
};

/* e4m3 codes, which lie as those of int8 do. */
template <typename MathType>
struct E4m3Format : MathType {
  using Math = MathType;
  static constexpr bool kQuantized = true;
  static constexpr int kWords = 2;
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int mma, const ZeroPair&, uint32_t (&a)[4]) {
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      const uint32_t bytes = WordOf(raw[half], 2 * mma + pair);
      a[2 * pair] = MathType::FromE4m3((bytes & 0xff00u) << 16 | (bytes & 0xffu) << 8);
      a[2 * pair + 1] = MathType::FromE4m3((bytes & 0xff000000u) | (bytes >> 8 & 0xff00u));
    }
  }
};

/* int4 codes: bits 4 p … of the two halves of 32-bit word i are the pair that becomes a[p] of mma i % 2 in half block i / 2. */
template <typename MathType>
struct Int4Format : MathType {
  using Math = MathType;
  static constexpr bool kQuantized = true;
  static constexpr int kWords = 1;
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int mma, const ZeroPair& zero, uint32_t (&a)[4]) {
    const uint32_t word = WordOf(raw[0], 2 * half + mma);
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      a[p] = MathType::TakeOut((word >> (4 * p) & 0x000f000fu) | MathType::kMagic, p % 2 == 0 ? zero.low : zero.high);
    }
  }
};

/* int8 inputs. */
struct IntegerMath {
  static constexpr Arithmetic kArithmetic = Arithmetic::kInteger;
  static constexpr int kParts = 1;
  using Sum = int;
  using Half = uint2;
  static constexpr int kMmas = 1;
  static constexpr int kInputBytes = 1;
  __device__ __forceinline__ static void Multiply(Sum (&sum)[4], const uint32_t (&a)[4], const Half& x, int) { MmaS8(sum, a, x.x, x.y); }
};

struct IntegerInt8Format : IntegerMath {
  using Math = IntegerMath;
  static constexpr bool kQuantized = true;
  static constexpr int kWords = 2;
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int, const ZeroPair&, uint32_t (&a)[4]) {
    a[0] = raw[half].x;
    a[1] = raw[half].y;
    a[2] = raw[half].z;
    a[3] = raw[half].w;
  }
};

/* 32-bit word i: the low nibbles of its bytes are a[i] of the first half block, the high ones of the second. */
struct IntegerInt4Format : IntegerMath {
  using Math = IntegerMath;
  static constexpr bool kQuantized = true;
  static constexpr int kWords = 1;
  __device__ __forceinline__ static void Unpack(const uint4 (&raw)[kWords], int half, int, const ZeroPair& zero, uint32_t (&a)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint32_t codes = WordOf(raw[0], i) >> (4 * half) & 0x0f0f0f0fu;
      // No byte borrows from its neighbour: 128 + code - zero point lies in [113, 143].
      a[i] = ((codes | 0x80808080u) - (i % 2 == 0 ? zero.low : zero.high) * 0x01010101u) ^ 0x80808080u;
    }
  }
};

/* Where an output feature lies, and which one lies there (-1: none). */
__host__ __device__ __forceinline__ int64_t PlaceOf(int64_t gated_width, int64_t feature) {
  if (gated_width == 0) {
    return feature;
  }
  const int64_t gate = feature % gated_width;
  return (2 * (gate / kGatedFeatures) + feature / gated_width) * kGatedFeatures + gate % kGatedFeatures;
}
__host__ __device__ __forceinline__ int64_t FeatureAt(int64_t gated_width, int64_t places, int64_t place) {
  if (gated_width == 0) {
    return place < places ? place : -1;
  }
  const int64_t gate = place / (2 * kGatedFeatures) * kGatedFeatures + place % kGatedFeatures;
  return gate < gated_width ? place / kGatedFeatures % 2 * gated_width + gate : -1;
}

/* Bits of an element. */
__host__ __device__ __forceinline__ int ElementBits(Arithmetic arithmetic, int bits) {
  return bits != 0 ? bits : arithmetic == Arithmetic::kF32 ? 32 : 16;
}

/* Where the element of place o and input i lies, counted in elements from the start of the weights. */
__host__ __device__ __forceinline__ int64_t ElementAt(Arithmetic arithmetic, int bits, int64_t blocks, int64_t o, int64_t i) {
  const int64_t block = i / kBlockFeatures;
  const int inside = static_cast<int>(i % kBlockFeatures);
  const int per_word = 128 / ElementBits(arithmetic, bits);
  if (arithmetic == Arithmetic::kF32) {
    const int words = kBlockFeatures / per_word;
    return (((o / kLaneFeatures * blocks + block) * words + inside / per_word) * kLaneFeatures + o % kLaneFeatures) * per_word +
           inside % per_word;
  }
  const int half = inside / kHalfFeatures;
  const int t = inside % kHalfFeatures / 8;
  const int e = inside % 8;
  const int row = static_cast<int>(o % kWarpFeatures);
  const int words = kBlockFeatures * kWarpFeatures / 32 / per_word;
  int word = 0;
  int element = 0;
  if (arithmetic == Arithmetic::kInteger) {
    const int a = row / 8 + 2 * (e / 4);
    word = bits == 8 ? half : 0;
    element = bits == 8 ? 4 * a + e % 4 : 2 * (4 * a + e % 4) + half;
  } else {
    const int mma = e / 4;
    const int a = row / 8 + 2 * (e % 4 / 2);
    word = bits == 0 ? 2 * half + mma : bits == 8 ? half : 0;
    element = bits == 0 ? 2 * a + e % 2 : bits == 8 ? 8 * mma + 2 * a + e % 2 : 8 * (2 * half + mma) + 4 * (e % 2) + a;
  }
  const int64_t lane = row % 8 * 4 + t;
  return (((o / kWarpFeatures * blocks + block) * words + word) * 32 + lane) * per_word + element;
}

}  // namespace kp::cuda

#endif
