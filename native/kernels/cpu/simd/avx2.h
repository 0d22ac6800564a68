/* See simd.h for what the names mean. */
#ifndef KP_CPU_SIMD_AVX2_H_
#define KP_CPU_SIMD_AVX2_H_

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "common/half.h"

namespace kp::cpu::KP_TARGET {

inline constexpr int kLanes = 8;
inline constexpr int kRegisters = 16;

struct Vec {
  __m256 v;
};
struct Mask {
  __m256 m;
};

KP_INLINE Mask FirstLanes(int n) {
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))};
}

KP_INLINE Vec Zero() { return {_mm256_setzero_ps()}; }
KP_INLINE Vec Broadcast(float x) { return {_mm256_set1_ps(x)}; }

KP_INLINE Vec FromBf16Bits(__m128i bits) { return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))}; }

/* AVX2 masks no 16-bit lanes: the tail goes through a small copy. */
KP_INLINE __m128i LoadHalves(const void* p, int n) {
  alignas(16) uint16_t halves[kLanes] = {};
  std::memcpy(halves, p, n <= 0 ? 0 : static_cast<size_t>(n) * sizeof(uint16_t));
  return _mm_load_si128(reinterpret_cast<const __m128i*>(halves));
}
KP_INLINE void StoreHalves(void* p, __m128i bits, int n) {
  alignas(16) uint16_t halves[kLanes];
  _mm_store_si128(reinterpret_cast<__m128i*>(halves), bits);
  std::memcpy(p, halves, n <= 0 ? 0 : static_cast<size_t>(n) * sizeof(uint16_t));
}

KP_INLINE Vec Load(const float* p) { return {_mm256_loadu_ps(p)}; }
KP_INLINE Vec Load(const Bf16* p) { return FromBf16Bits(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
KP_INLINE Vec Load(const Fp16* p) { return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }

KP_INLINE Vec FromInt8Bits(int64_t bits) { return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bits)))}; }
KP_INLINE Vec Load(const int8_t* p, int n = kLanes) {
  int64_t bits = 0;
  std::memcpy(&bits, p, n <= 0 ? 0 : n >= kLanes ? sizeof bits : static_cast<size_t>(n));
  return FromInt8Bits(bits);
}

KP_INLINE Vec Load(const float* p, int n) {
  return n >= kLanes ? Load(p) : Vec{_mm256_maskload_ps(p, _mm256_castps_si256(FirstLanes(n).m))};
}
KP_INLINE Vec Load(const Bf16* p, int n) { return n >= kLanes ? Load(p) : FromBf16Bits(LoadHalves(p, n)); }
KP_INLINE Vec Load(const Fp16* p, int n) { return n >= kLanes ? Load(p) : Vec{_mm256_cvtph_ps(LoadHalves(p, n))}; }

KP_INLINE __m128i ToBf16Bits(Vec a) {
  const __m256i bits = _mm256_castps_si256(a.v);
  const __m256i high = _mm256_srli_epi32(bits, 16);
  const __m256i lowest = _mm256_and_si256(high, _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(lowest, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q));
  const __m256i result = _mm256_blendv_epi8(rounded, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
}
KP_INLINE __m128i ToFp16Bits(Vec a) { return _mm256_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

KP_INLINE void Store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
KP_INLINE void Store(Bf16* p, Vec a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), ToBf16Bits(a)); }
KP_INLINE void Store(Fp16* p, Vec a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), ToFp16Bits(a)); }

KP_INLINE void Store(int8_t* p, Vec a, int n = kLanes) {
  const __m256i whole = _mm256_cvtps_epi32(a.v);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  const int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(words, words));
  std::memcpy(p, &bytes, n <= 0 ? 0 : n >= kLanes ? sizeof bytes : static_cast<size_t>(n));
}

KP_INLINE void Store(float* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    _mm256_maskstore_ps(p, _mm256_castps_si256(FirstLanes(n).m), a.v);
  }
}
KP_INLINE void Store(Bf16* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    StoreHalves(p, ToBf16Bits(a), n);
  }
}
KP_INLINE void Store(Fp16* p, Vec a, int n) {
  if (n >= kLanes) {
    Store(p, a);
  } else {
    StoreHalves(p, ToFp16Bits(a), n);
  }
}

KP_INLINE Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
KP_INLINE Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
KP_INLINE Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
KP_INLINE Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
KP_INLINE Vec Fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
KP_INLINE Vec Max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
KP_INLINE Vec Min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
KP_INLINE Vec Abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
KP_INLINE Vec Sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
KP_INLINE Vec Round(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
KP_INLINE Mask operator<(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
KP_INLINE Vec Select(Mask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, m.m)}; }
KP_INLINE unsigned Bits(Mask m) { return static_cast<unsigned>(_mm256_movemask_ps(m.m)); }

/* 2^n for whole n in [-126, 127]. */
KP_INLINE Vec PowerOfTwo(Vec n) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127)), 23))};
}

template <typename Combine>
KP_INLINE float Reduce(Vec a, const Combine& combine) {
  Vec x = combine(a, Vec{_mm256_permute2f128_ps(a.v, a.v, 1)});
  x = combine(x, Vec{_mm256_permute_ps(x.v, 0x4e)});
  x = combine(x, Vec{_mm256_permute_ps(x.v, 0xb1)});
  return _mm256_cvtss_f32(x.v);
}
KP_INLINE float ReduceAdd(Vec a) {
  return Reduce(a, [](Vec x, Vec y) { return x + y; });
}
KP_INLINE float ReduceMax(Vec a) {
  return Reduce(a, [](Vec x, Vec y) { return Max(x, y); });
}

/* Each stage halves the number of vectors: it adds the two halves of what remains of each sum, two sums side by side. */
KP_INLINE Vec TransposeReduceAdd(const Vec (&v)[kLanes]) {
  __m256 a[4];
  for (int i = 0; i < 4; ++i) {  // v[i] in the low 128 bits, v[i + 4] in the high
    a[i] = _mm256_permute2f128_ps(v[i].v, v[i + 4].v, 0x20) + _mm256_permute2f128_ps(v[i].v, v[i + 4].v, 0x31);
  }
  __m256 b[2];
  for (int i = 0; i < 2; ++i) {
    b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44) + _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
  }
  const __m256 c = _mm256_shuffle_ps(b[0], b[1], 0x88) + _mm256_shuffle_ps(b[0], b[1], 0xdd);
  return {_mm256_permute_ps(c, 0xd8)};  // each half held sums 0, 2, 1, 3
}

KP_INLINE void Transpose(Vec (&v)[kLanes]) {
  __m256 a[8];
  for (int i = 0; i < 8; i += 4) {  // within halves: 4 x 4 blocks of four vectors
    const __m256 t0 = _mm256_unpacklo_ps(v[i].v, v[i + 1].v);
    const __m256 t1 = _mm256_unpackhi_ps(v[i].v, v[i + 1].v);
    const __m256 t2 = _mm256_unpacklo_ps(v[i + 2].v, v[i + 3].v);
    const __m256 t3 = _mm256_unpackhi_ps(v[i + 2].v, v[i + 3].v);
    a[i] = _mm256_shuffle_ps(t0, t2, 0x44);
    a[i + 1] = _mm256_shuffle_ps(t0, t2, 0xee);
    a[i + 2] = _mm256_shuffle_ps(t1, t3, 0x44);
    a[i + 3] = _mm256_shuffle_ps(t1, t3, 0xee);
  }
  for (int i = 0; i < 4; ++i) {  // then the 2 x 2 halves
    v[i].v = _mm256_permute2f128_ps(a[i], a[i + 4], 0x20);
    v[i + 4].v = _mm256_permute2f128_ps(a[i], a[i + 4], 0x31);
  }
}

KP_INLINE void Prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
KP_INLINE void PrefetchOnce(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_NTA); }

}  // namespace kp::cpu::KP_TARGET

#endif
