/* See simd.h for what the names mean. */
#ifndef KP_CPU_SIMD_AVX512_H_
#define KP_CPU_SIMD_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "common/half.h"

namespace kp::cpu::KP_TARGET {

inline constexpr int kLanes = 16;
inline constexpr int kRegisters = 32;

struct Vec {
  __m512 v;
};
struct Mask {
  __mmask16 m;
};

KP_INLINE Mask FirstLanes(int n) {
  const unsigned count = n <= 0 ? 0u : n >= kLanes ? 16u : static_cast<unsigned>(n);
  return {static_cast<__mmask16>(_bzhi_u32(0xffffu, count))};
}

KP_INLINE Vec Zero() { return {_mm512_setzero_ps()}; }
KP_INLINE Vec Broadcast(float x) { return {_mm512_set1_ps(x)}; }

KP_INLINE Vec FromBf16Bits(__m256i bits) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))}; }

KP_INLINE Vec Load(const float* p) { return {_mm512_loadu_ps(p)}; }
KP_INLINE Vec Load(const Bf16* p) { return FromBf16Bits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
KP_INLINE Vec Load(const Fp16* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))}; }

KP_INLINE Vec FromInt8Bits(__m128i bits) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bits))}; }
KP_INLINE Vec Load(const int8_t* p) { return FromInt8Bits(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
KP_INLINE Vec Load(const int8_t* p, int n) { return n >= kLanes ? Load(p) : FromInt8Bits(_mm_maskz_loadu_epi8(FirstLanes(n).m, p)); }

KP_INLINE Vec Load(const float* p, int n) { return n >= kLanes ? Load(p) : Vec{_mm512_maskz_loadu_ps(FirstLanes(n).m, p)}; }
KP_INLINE Vec Load(const Bf16* p, int n) { return n >= kLanes ? Load(p) : FromBf16Bits(_mm256_maskz_loadu_epi16(FirstLanes(n).m, p)); }
KP_INLINE Vec Load(const Fp16* p, int n) {
  return n >= kLanes ? Load(p) : Vec{_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(FirstLanes(n).m, p))};
}

/* Integer rounding instead of vcvtneps2bf16, which flushes subnormals: every instruction set gives the same bits. */
KP_INLINE __m256i ToBf16Bits(Vec a) {
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i high = _mm512_srli_epi32(bits, 16);
  const __m512i lowest = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(lowest, _mm512_set1_epi32(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40)));
}
KP_INLINE __m256i ToFp16Bits(Vec a) { return _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

KP_INLINE void Store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
KP_INLINE void Store(Bf16* p, Vec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), ToBf16Bits(a)); }
KP_INLINE void Store(Fp16* p, Vec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), ToFp16Bits(a)); }

KP_INLINE void Store(int8_t* p, Vec a, int n = kLanes) { _mm512_mask_cvtepi32_storeu_epi8(p, FirstLanes(n).m, _mm512_cvtps_epi32(a.v)); }

KP_INLINE void Store(float* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    _mm512_mask_storeu_ps(p, FirstLanes(n).m, a.v);
  }
}
KP_INLINE void Store(Bf16* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    _mm256_mask_storeu_epi16(p, FirstLanes(n).m, ToBf16Bits(a));
  }
}
KP_INLINE void Store(Fp16* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    _mm256_mask_storeu_epi16(p, FirstLanes(n).m, ToFp16Bits(a));
  }
}

KP_INLINE Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
KP_INLINE Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
KP_INLINE Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
KP_INLINE Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
KP_INLINE Vec Fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
KP_INLINE Vec Max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
KP_INLINE Vec Min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
KP_INLINE Vec Abs(Vec a) { return {_mm512_abs_ps(a.v)}; }
KP_INLINE Vec Sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
KP_INLINE Vec Round(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
KP_INLINE Mask operator<(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
KP_INLINE Vec Select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.m, b.v, a.v)}; }
KP_INLINE unsigned Bits(Mask m) { return m.m; }
KP_INLINE Vec ScaleByPowerOfTwo(Vec x, Vec n) { return {_mm512_scalef_ps(x.v, n.v)}; }

/* Lane i of the result combines lanes i and i + 8, and so on down to one. */
template <typename Combine>
KP_INLINE float Reduce(Vec a, const Combine& combine) {
  Vec x = combine(a, Vec{_mm512_shuffle_f32x4(a.v, a.v, 0x4e)});
  x = combine(x, Vec{_mm512_shuffle_f32x4(x.v, x.v, 0xb1)});
  x = combine(x, Vec{_mm512_permute_ps(x.v, 0x4e)});
  x = combine(x, Vec{_mm512_permute_ps(x.v, 0xb1)});
  return _mm512_cvtss_f32(x.v);
}
KP_INLINE float ReduceAdd(Vec a) {
  return Reduce(a, [](Vec x, Vec y) { return x + y; });
}
KP_INLINE float ReduceMax(Vec a) {
  return Reduce(a, [](Vec x, Vec y) { return Max(x, y); });
}

/* Each stage halves the number of vectors: it adds the two halves of what remains of each sum, two sums side by side. A half that stays
 * where it is is blended in, as blends run on more ports than shuffles. */
KP_INLINE Vec TransposeReduceAdd(const Vec (&v)[kLanes]) {
  __m512 a[8];
  for (int i = 0; i < 8; ++i) {  // v[i] in the low 256 bits, v[i + 8] in the high
    a[i] = _mm512_mask_blend_ps(0xff00, v[i].v, v[i + 8].v) + _mm512_shuffle_f32x4(v[i].v, v[i + 8].v, 0x4e);
  }
  const __m512i swap_quarters = _mm512_setr_epi32(4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26, 27);
  __m512 b[4];
  for (int i = 0; i < 4; ++i) {  // quarters: i, i + 4, i + 8, i + 12
    b[i] = _mm512_mask_blend_ps(0xf0f0, a[i], a[i + 4]) + _mm512_permutex2var_ps(a[i], swap_quarters, a[i + 4]);
  }
  __m512 c[2];
  for (int i = 0; i < 2; ++i) {
    c[i] = _mm512_mask_blend_ps(0xcccc, b[i], b[i + 2]) + _mm512_shuffle_ps(b[i], b[i + 2], 0x4e);
  }
  return {_mm512_mask_blend_ps(0xaaaa, c[0], c[1]) + _mm512_permute_ps(_mm512_mask_blend_ps(0x5555, c[0], c[1]), 0xb1)};
}

KP_INLINE void Transpose(Vec (&v)[kLanes]) {
  __m512 a[16];
  for (int i = 0; i < 16; i += 4) {  // within quarters: 4 x 4 blocks of four vectors
    const __m512 t0 = _mm512_unpacklo_ps(v[i].v, v[i + 1].v);
    const __m512 t1 = _mm512_unpackhi_ps(v[i].v, v[i + 1].v);
    const __m512 t2 = _mm512_unpacklo_ps(v[i + 2].v, v[i + 3].v);
    const __m512 t3 = _mm512_unpackhi_ps(v[i + 2].v, v[i + 3].v);
    a[i] = _mm512_shuffle_ps(t0, t2, 0x44);
    a[i + 1] = _mm512_shuffle_ps(t0, t2, 0xee);
    a[i + 2] = _mm512_shuffle_ps(t1, t3, 0x44);
    a[i + 3] = _mm512_shuffle_ps(t1, t3, 0xee);
  }
  for (int i = 0; i < 4; ++i) {  // then the 4 x 4 quarters
    const __m512 low01 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x44);
    const __m512 high01 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xee);
    const __m512 low23 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x44);
    const __m512 high23 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xee);
    v[i].v = _mm512_shuffle_f32x4(low01, low23, 0x88);
    v[i + 4].v = _mm512_shuffle_f32x4(low01, low23, 0xdd);
    v[i + 8].v = _mm512_shuffle_f32x4(high01, high23, 0x88);
    v[i + 12].v = _mm512_shuffle_f32x4(high01, high23, 0xdd);
  }
}

KP_INLINE void Prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
KP_INLINE void PrefetchOnce(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_NTA); }

}  // namespace kp::cpu::KP_TARGET

#endif
