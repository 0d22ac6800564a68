/* See simd.h for what the names mean. Portable: four lanes as the compiler's generic vector, so any processor's baseline does well. */
#ifndef KP_CPU_SIMD_SCALAR_H_
#define KP_CPU_SIMD_SCALAR_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/half.h"

namespace kp::cpu::KP_TARGET {

inline constexpr int kLanes = 4;
inline constexpr int kRegisters = 16;

using Floats [[gnu::vector_size(16)]] = float;
using Ints [[gnu::vector_size(16)]] = int32_t;

struct Vec {
  Floats v;
};
struct Mask {
  Ints m;
};

KP_INLINE Mask FirstLanes(int n) { return {Ints{0, 1, 2, 3} < n}; }

KP_INLINE Vec Zero() { return {Floats{}}; }
KP_INLINE Vec Broadcast(float x) { return {Floats{x, x, x, x}}; }

template <typename T>
KP_INLINE Vec Load(const T* p) {
  return {Floats{ToFloat(p[0]), ToFloat(p[1]), ToFloat(p[2]), ToFloat(p[3])}};
}
KP_INLINE Vec Load(const float* p) {
  Vec a;
  std::memcpy(&a, p, sizeof a);
  return a;
}

template <typename T>
KP_INLINE Vec Load(const T* p, int n) {
  if (n >= kLanes) {
    return Load(p);
  }
  Vec a = Zero();
  for (int i = 0; i < n; ++i) {
    a.v[i] = ToFloat(p[i]);
  }
  return a;
}

template <typename T>
KP_INLINE void Store(T* p, Vec a, int n = kLanes) {
  for (int i = 0; i < (n < kLanes ? n : kLanes); ++i) {
    FromFloat(a.v[i], p[i]);
  }
}
KP_INLINE void Store(float* p, Vec a) { std::memcpy(p, &a, sizeof a); }

KP_INLINE Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
KP_INLINE Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
KP_INLINE Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
KP_INLINE Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
KP_INLINE Vec Fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
KP_INLINE Vec Max(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }
KP_INLINE Vec Min(Vec a, Vec b) { return {a.v < b.v ? a.v : b.v}; }
KP_INLINE Vec Abs(Vec a) { return {reinterpret_cast<Floats>(reinterpret_cast<Ints>(a.v) & 0x7fffffff)}; }
KP_INLINE Vec Sqrt(Vec a) { return {Floats{std::sqrt(a.v[0]), std::sqrt(a.v[1]), std::sqrt(a.v[2]), std::sqrt(a.v[3])}}; }

/* Adding and taking away 1.5 * 2^23 leaves a whole number; larger numbers are whole already. */
KP_INLINE Vec Round(Vec a) {
  const Floats magic = Broadcast(12582912.0f).v;
  const Floats rounded = (a.v + magic) - magic;
  return {Abs(a).v < Broadcast(4194304.0f).v ? rounded : a.v};
}
KP_INLINE Mask operator<(Vec a, Vec b) { return {a.v < b.v}; }
KP_INLINE Vec Select(Mask m, Vec a, Vec b) { return {m.m ? a.v : b.v}; }
KP_INLINE unsigned Bits(Mask m) { return static_cast<unsigned>((m.m[0] & 1) | (m.m[1] & 2) | (m.m[2] & 4) | (m.m[3] & 8)); }

/* 2^n for whole n in [-126, 127]. */
KP_INLINE Vec PowerOfTwo(Vec n) { return {reinterpret_cast<Floats>((__builtin_convertvector(n.v, Ints) + 127) << 23)}; }

KP_INLINE float ReduceAdd(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
KP_INLINE float ReduceMax(Vec a) {
  const Vec swapped{Floats{a.v[2], a.v[3], a.v[0], a.v[1]}};
  const Vec x = Max(a, swapped);
  return x.v[0] > x.v[1] ? x.v[0] : x.v[1];
}
KP_INLINE Vec TransposeReduceAdd(const Vec (&v)[kLanes]) {
  return {Floats{ReduceAdd(v[0]), ReduceAdd(v[1]), ReduceAdd(v[2]), ReduceAdd(v[3])}};
}

KP_INLINE void Transpose(Vec (&v)[kLanes]) {
  for (int i = 0; i < kLanes; ++i) {
    for (int j = 0; j < i; ++j) {
      const float swapped = v[i].v[j];
      v[i].v[j] = v[j].v[i];
      v[j].v[i] = swapped;
    }
  }
}

KP_INLINE void Prefetch(const void* p) { __builtin_prefetch(p); }
KP_INLINE void PrefetchOnce(const void* p) { __builtin_prefetch(p, 0, 0); }

}  // namespace kp::cpu::KP_TARGET

#endif
