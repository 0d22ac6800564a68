/* Products of small tiles by one warp, and what brings numbers into the shape they take: one instruction each on a GPU.
 *
 * D[16, 8] += A[16, k] * B[k, 8], sums in fp32 (or int32). Lane l = 4 g + t holds
 *   D: (row g, columns 2t and 2t + 1), then the same of row g + 8
 *   A: four words, for 16-bit elements the pairs (row g, k = 2t …), (row g + 8, 2t …), (row g, 2t + 8 …), (row g + 8, 2t + 8 …);
 *      for bytes fours of them, 4t in place of 2t and 16 in place of 8
 *   B: two words, of column g likewise: k = 2t …, then 2t + 8 …
 * The sum over k may be taken in any order by the device, but in the same one for every row and column. */
#ifndef KP_CUDA_DEVICE_MMA_CUH_
#define KP_CUDA_DEVICE_MMA_CUH_

#include <cstdint>

#include "common/half.h"
#include "cuda/platform.h"

namespace kp::cuda {

#if defined(__CUDACC__)

__device__ __forceinline__ void MmaBf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void MmaF16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void MmaS8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* Two floats rounded to nearest even, the first in the low half. */
__device__ __forceinline__ uint32_t PackBf16(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
__device__ __forceinline__ uint32_t PackF16(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;\n" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
__device__ __forceinline__ void UnpackF16(uint32_t packed, float& low, float& high) {
  asm("{\n.reg .b16 l, h;\nmov.b32 {l, h}, %2;\ncvt.f32.f16 %0, l;\ncvt.f32.f16 %1, h;\n}\n" : "=f"(low), "=f"(high) : "r"(packed));
}

/* a + b in each half, rounded once. */
__device__ __forceinline__ uint32_t AddBf16(uint32_t a, uint32_t b) {
  uint32_t sum;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;\n" : "=r"(sum) : "r"(a), "r"(0x3f803f80u), "r"(b));
  return sum;
}
__device__ __forceinline__ uint32_t AddF16(uint32_t a, uint32_t b) {
  uint32_t sum;
  asm("add.rn.f16x2 %0, %1, %2;\n" : "=r"(sum) : "r"(a), "r"(b));
  return sum;
}

/* a * b in each half, rounded once; the sign of zero is kept. */
__device__ __forceinline__ uint32_t MultiplyBf16(uint32_t a, uint32_t b) {
  uint32_t product;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;\n" : "=r"(product) : "r"(a), "r"(b), "r"(0x80008000u));
  return product;
}
__device__ __forceinline__ uint32_t MultiplyF16(uint32_t a, uint32_t b) {
  uint32_t product;
  asm("mul.rn.f16x2 %0, %1, %2;\n" : "=r"(product) : "r"(a), "r"(b));
  return product;
}

#else

/* The last lane to come computes for all. Sums are rounded after every product, in rising k: no device is less exact. */
template <int kDepth, typename Sum, typename Element>
void EmulateMma(Sum (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, const Element& element) {
  emulation::Block& block = emulation::TheBlock();
  emulation::Thread& mine = block.current();
  const uint32_t b[2] = {b0, b1};
  const int turn = mine.turn ^= 1;
  mine.offers[turn] = {0, {d, a, b}};
  block.SyncWarp([&] {
    constexpr int kPerWord = kDepth / 8;
    Sum left[16][kDepth];
    Sum right[kDepth][8];
    for (int lane = 0; lane < 32; ++lane) {
      const emulation::Offer& offer = block.LaneOf(lane).offers[turn];
      const int g = lane / 4;
      const int t = lane % 4;
      for (int word = 0; word < 4; ++word) {
        for (int i = 0; i < kPerWord; ++i) {
          left[g + 8 * (word % 2)][kPerWord * (t + 4 * (word / 2)) + i] = element(static_cast<const uint32_t*>(offer.operands[1])[word], i);
        }
      }
      for (int word = 0; word < 2; ++word) {
        for (int i = 0; i < kPerWord; ++i) {
          right[kPerWord * (t + 4 * word) + i][g] = element(static_cast<const uint32_t*>(offer.operands[2])[word], i);
        }
      }
    }
    for (int row = 0; row < 16; ++row) {
      Sum sums[8];
      const auto at = [&](int column) -> Sum& {
        const int lane = row % 8 * 4 + column / 2;
        return static_cast<Sum*>(const_cast<void*>(block.LaneOf(lane).offers[turn].operands[0]))[row / 8 * 2 + column % 2];
      };
      for (int column = 0; column < 8; ++column) {
        sums[column] = at(column);
      }
      for (int k = 0; k < kDepth; ++k) {
        for (int column = 0; column < 8; ++column) {
          sums[column] += left[row][k] * right[k][column];
        }
      }
      for (int column = 0; column < 8; ++column) {
        at(column) = sums[column];
      }
    }
  });
}

template <typename T>
T HalfOf(uint32_t word, int i) {
  return {static_cast<uint16_t>(word >> (16 * i))};
}

inline void MmaBf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  EmulateMma<16>(d, a, b0, b1, [](uint32_t word, int i) { return ToFloat(HalfOf<Bf16>(word, i)); });
}
inline void MmaF16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  EmulateMma<16>(d, a, b0, b1, [](uint32_t word, int i) { return ToFloat(HalfOf<Fp16>(word, i)); });
}
inline void MmaS8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  EmulateMma<32>(d, a, b0, b1, [](uint32_t word, int i) { return int{static_cast<int8_t>(word >> (8 * i))}; });
}

template <typename T>
uint32_t PackHalves(float low, float high) {
  T halves[2];
  FromFloat(low, halves[0]);
  FromFloat(high, halves[1]);
  return halves[0].bits | uint32_t{halves[1].bits} << 16;
}
inline uint32_t PackBf16(float low, float high) { return PackHalves<Bf16>(low, high); }
inline uint32_t PackF16(float low, float high) { return PackHalves<Fp16>(low, high); }
inline void UnpackF16(uint32_t packed, float& low, float& high) {
  low = ToFloat(HalfOf<Fp16>(packed, 0));
  high = ToFloat(HalfOf<Fp16>(packed, 1));
}
template <typename T>
uint32_t AddHalves(uint32_t a, uint32_t b) {
  return PackHalves<T>(ToFloat(HalfOf<T>(a, 0)) + ToFloat(HalfOf<T>(b, 0)), ToFloat(HalfOf<T>(a, 1)) + ToFloat(HalfOf<T>(b, 1)));
}
inline uint32_t AddBf16(uint32_t a, uint32_t b) { return AddHalves<Bf16>(a, b); }
inline uint32_t AddF16(uint32_t a, uint32_t b) { return AddHalves<Fp16>(a, b); }

template <typename T>
uint32_t MultiplyHalves(uint32_t a, uint32_t b) {
  return PackHalves<T>(ToFloat(HalfOf<T>(a, 0)) * ToFloat(HalfOf<T>(b, 0)), ToFloat(HalfOf<T>(a, 1)) * ToFloat(HalfOf<T>(b, 1)));
}
inline uint32_t MultiplyBf16(uint32_t a, uint32_t b) { return MultiplyHalves<Bf16>(a, b); }
inline uint32_t MultiplyF16(uint32_t a, uint32_t b) { return MultiplyHalves<Fp16>(a, b); }

#endif

}  // namespace kp::cuda

#endif
