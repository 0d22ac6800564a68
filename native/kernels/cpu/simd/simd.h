/* Vectors of fp32, one set of names for every instruction set, in the namespace of the kernel file that includes this.
 *
 *   kLanes, kRegisters            lanes of a Vec; vector registers that a micro kernel may count on
 *   Load(p[, n])                  from float, Bf16, Fp16 or int8; with n only the first n lanes (n may be <= 0 or >= kLanes), the others
 * are 0 Store(p, v[, n])              to float, Bf16, Fp16 (round to nearest even) or int8 (of whole numbers that fit); with n only the
 * first n lanes Zero() Broadcast(x) + - * /   Fma(a, b, c) = a * b + c, fused where the instruction set has it Max Min Abs Sqrt Round Max
 * and Min return the second operand where either is NaN; Round is to nearest even a < b, Select(m, a, b)        lane by lane: m ? a : b
 *   Bits(m)                       lane i as bit i
 *   FirstLanes(n)                 a mask of the first n lanes
 *   Exp(x)                        within 2e-7 relative; subnormals too (0 below -104), infinity above 88.73, NaN for NaN
 *   RoundToBf16(x)                to the nearest bf16, even where two are as near
 *   ReduceAdd ReduceMax           over the lanes, halves first (i with i + kLanes / 2, and so on): one fixed order
 *   TransposeReduceAdd(v)         v[kLanes] -> one Vec whose lane i is ReduceAdd(v[i]), bit for bit
 *   Transpose(v)                  v[kLanes]: lane j of v[i] and lane i of v[j] change places; bits are not touched
 *   Prefetch(p)                   the cache line at p; any address will do
 *   PrefetchOnce(p)               … of what is read once: into the first-level cache alone, where others then lose nothing
 *   ForVectors(n, body)           body(i, lanes) for i = 0, kLanes, …; lanes < kLanes in the last call only: tails are masked, never looped
 */
#ifndef KP_CPU_SIMD_SIMD_H_
#define KP_CPU_SIMD_SIMD_H_

#include <cstdint>

#include "common/half.h"
#include "kp/kp.h"

#ifndef KP_TARGET
#error "Kernel files are compiled once per instruction set, with KP_TARGET naming the namespace."
#endif

#if defined(__AVX512F__)
#include "cpu/simd/avx512.h"
#elif defined(__AVX2__)
#include "cpu/simd/avx2.h"
#else
#include "cpu/simd/scalar.h"
#endif

namespace kp::cpu::KP_TARGET {

#if defined(__AVX512BF16__)
inline constexpr kp_isa kIsa = KP_ISA_AVX512_BF16;
inline constexpr const char* kIsaName = "avx512_bf16";
#elif defined(__AVX512F__)
inline constexpr kp_isa kIsa = KP_ISA_AVX512;
inline constexpr const char* kIsaName = "avx512";
#elif defined(__AVX2__)
inline constexpr kp_isa kIsa = KP_ISA_AVX2;
inline constexpr const char* kIsaName = "avx2";
#else
inline constexpr kp_isa kIsa = KP_ISA_SCALAR;
inline constexpr const char* kIsaName = "scalar";
#endif

KP_INLINE Vec operator-(Vec a) { return Zero() - a; }

KP_INLINE Vec RoundToBf16(Vec value) {
  Bf16 rounded[kLanes];
  Store(rounded, value);
  return Load(rounded);
}

template <typename Body>
KP_INLINE void ForVectors(int64_t n, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    body(i, kLanes);
  }
  if (i < n) {
    body(i, static_cast<int>(n - i));
  }
}

/* 2^n in two steps so that results below the smallest normal number, and 2^128 times a mantissa below 1, come out right. */
#if !defined(__AVX512F__)
KP_INLINE Vec ScaleByPowerOfTwo(Vec x, Vec n) {
  const Vec half = Round(n * Broadcast(0.5f));
  return x * PowerOfTwo(half) * PowerOfTwo(n - half);
}
#endif

/* exp(x) = 2^n * exp(r), |r| <= ln(2) / 2; the polynomial's own error is 4e-9. */
KP_INLINE Vec Exp(Vec x) {
  x = Min(Broadcast(89.0f), Max(Broadcast(-105.0f), x));  // in this operand order NaN stays
  const Vec n = Round(x * Broadcast(1.44269504f));
  Vec r = Fma(n, Broadcast(-0.693145752f), x);  // ln 2 in two parts; the first has 15 bits, so that n times it is exact
  r = Fma(n, Broadcast(-1.42860677e-6f), r);
  Vec p = Broadcast(1.38145976e-3f);
  p = Fma(p, r, Broadcast(8.36871658e-3f));
  p = Fma(p, r, Broadcast(4.1668389e-2f));
  p = Fma(p, r, Broadcast(1.66665211e-1f));
  p = Fma(p, r, Broadcast(0.49999994f));
  return ScaleByPowerOfTwo(Fma(p, r * r, r) + Broadcast(1.0f), n);
}

}  // namespace kp::cpu::KP_TARGET

#endif
