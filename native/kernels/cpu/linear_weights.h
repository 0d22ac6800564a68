/* How a tile reads its weights. A format says
 *   Input, kDepth            what an input feature is, and how many of them one multiplication takes
 *   kParts                   multiplications that one stored step holds weights for
 *   kVectorBytes, Stored     the weights of one step for kLanes output features, as loaded
 *   Unpack<part>             … as multiplied: exact
 *   Sum, MultiplyAdd         kLanes sums
 * and if its weights are codes
 *   kOffset, kShift          where the code of a step's feature k lies: in byte kOffset[k] * kOffsetBytes of its lane, so far up
 *   kLaneBytes               from one lane to the next
 *   kCodeBias                added to codes without zero point
 *   Start, ToFloats          where sums begin and how they become fp32 */
#ifndef KP_CPU_LINEAR_WEIGHTS_H_
#define KP_CPU_LINEAR_WEIGHTS_H_

#include <cstdint>
#include <cstring>

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

/* kLanes bytes as fp32. */
#if defined(__AVX512F__)
using ByteLanes = __m512i;
KP_INLINE ByteLanes WidenSigned(const void* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
KP_INLINE ByteLanes WidenUnsigned(const void* p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
KP_INLINE Vec ByteFloats(ByteLanes a) { return {_mm512_cvtepi32_ps(a)}; }
KP_INLINE ByteLanes LowNibbles(ByteLanes a) { return _mm512_and_si512(a, _mm512_set1_epi32(15)); }
KP_INLINE ByteLanes HighNibbles(ByteLanes a) { return _mm512_srli_epi32(a, 4); }
#elif defined(__AVX2__)
using ByteLanes = __m256i;
KP_INLINE ByteLanes WidenSigned(const void* p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p))); }
KP_INLINE ByteLanes WidenUnsigned(const void* p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p))); }
KP_INLINE Vec ByteFloats(ByteLanes a) { return {_mm256_cvtepi32_ps(a)}; }
KP_INLINE ByteLanes LowNibbles(ByteLanes a) { return _mm256_and_si256(a, _mm256_set1_epi32(15)); }
KP_INLINE ByteLanes HighNibbles(ByteLanes a) { return _mm256_srli_epi32(a, 4); }
#else
using ByteLanes = Ints;
KP_INLINE ByteLanes WidenSigned(const void* p) {
  const int8_t* bytes = static_cast<const int8_t*>(p);
  return Ints{bytes[0], bytes[1], bytes[2], bytes[3]};
}
KP_INLINE ByteLanes WidenUnsigned(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  return Ints{bytes[0], bytes[1], bytes[2], bytes[3]};
}
KP_INLINE Vec ByteFloats(ByteLanes a) { return {__builtin_convertvector(a, Floats)}; }
KP_INLINE ByteLanes LowNibbles(ByteLanes a) { return a & 15; }
KP_INLINE ByteLanes HighNibbles(ByteLanes a) { return a >> 4; }
#endif

KP_INLINE void PrefetchToWrite(const void* p) { __builtin_prefetch(p, 1); }

KP_INLINE Vec LoadUnsigned(const uint8_t* p) { return ByteFloats(WidenUnsigned(p)); }

/* Sums of fp32 products, one input feature at a time. */
struct FloatSums {
  using Input = float;
  using Operand = Vec;
  using Sum = Vec;
  static constexpr int kDepth = 1;
  static constexpr bool kIntegerInputs = false;
  KP_INLINE static Operand BroadcastInput(const Input* x) { return Broadcast(*x); }
  KP_INLINE static Operand LoadInputs(const Input* x, int n) { return Load(x, n); }
  KP_INLINE static Operand Ones() { return Broadcast(1.0f); }
  KP_INLINE static Sum MultiplyAdd(Operand w, Operand x, Sum sum) { return Fma(w, x, sum); }
  KP_INLINE static Sum Zeros() { return Zero(); }
  KP_INLINE static Sum Start(const float*) { return Zero(); }
  KP_INLINE static Vec ToFloats(Sum sum) { return sum; }
};

/* Weights of type T widened to fp32. */
template <typename T>
struct Widened : FloatSums {
  using Weight = T;
  using Stored = Vec;
  static constexpr bool kQuantized = false;
  static constexpr int kParts = 1;
  static constexpr int kVectorBytes = kLanes * static_cast<int>(sizeof(T));
  explicit Widened(bool) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return Load(reinterpret_cast<const T*>(w)); }
  template <int>
  KP_INLINE Operand Unpack(Stored stored) const {
    return stored;
  }
};

struct Int8Floats : FloatSums {
  using Stored = ByteLanes;
  static constexpr bool kQuantized = true;
  static constexpr int kParts = 1;
  static constexpr int kVectorBytes = kLanes;
  static constexpr int kLaneBytes = 1;
  static constexpr int kCodeBias = 0;
  static constexpr int kOffset[8] = {};
  static constexpr int kOffsetBytes = 1;
  static constexpr int kShift[8] = {};
  explicit Int8Floats(bool) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return WidenSigned(w); }
  template <int>
  KP_INLINE Operand Unpack(Stored stored) const {
    return ByteFloats(stored);
  }
};

/* A byte holds two input features of one output feature. */
struct Int4Floats : FloatSums {
  using Stored = ByteLanes;
  static constexpr bool kQuantized = true;
  static constexpr int kParts = 2;
  static constexpr int kVectorBytes = kLanes;
  static constexpr int kLaneBytes = 1;
  static constexpr int kCodeBias = 8;
  static constexpr int kOffset[8] = {};
  static constexpr int kOffsetBytes = 1;
  static constexpr int kShift[8] = {0, 4};
  explicit Int4Floats(bool zero_points) : bias_(Broadcast(zero_points ? 0.0f : 8.0f)) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return WidenUnsigned(w); }
  template <int kPart>
  KP_INLINE Operand Unpack(Stored stored) const {
    return ByteFloats(kPart == 0 ? LowNibbles(stored) : HighNibbles(stored)) - bias_;
  }

 private:
  Vec bias_;
};

#if defined(__AVX512BF16__)

/* Pairs of bf16 numbers as the processor multiplies them. */
struct Bf16Sums {
  using Input = Bf16;
  using Operand = __m512bh;
  using Sum = Vec;
  static constexpr int kDepth = 2;
  static constexpr bool kIntegerInputs = false;
  KP_INLINE static Operand BroadcastInput(const Input* x) {
    int32_t pair;
    std::memcpy(&pair, x, sizeof pair);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
  KP_INLINE static Operand LoadInputs(const Input* x, int n) {
    return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi32(FirstLanes(n).m, x));
  }
  KP_INLINE static Operand Ones() { return reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f803f80)); }
  KP_INLINE static Sum MultiplyAdd(Operand w, Operand x, Sum sum) { return {_mm512_dpbf16_ps(sum.v, w, x)}; }
  KP_INLINE static Sum Zeros() { return Zero(); }
  KP_INLINE static Sum Start(const float*) { return Zero(); }
  KP_INLINE static Vec ToFloats(Sum sum) { return sum; }
};

struct Bf16Pairs : Bf16Sums {
  using Weight = Bf16;
  using Stored = __m512i;
  static constexpr bool kQuantized = false;
  static constexpr int kParts = 1;
  static constexpr int kVectorBytes = 64;
  explicit Bf16Pairs(bool) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return _mm512_loadu_si512(w); }
  template <int>
  KP_INLINE Operand Unpack(Stored stored) const {
    return reinterpret_cast<__m512bh>(stored);
  }
};

/* The even features of 16 output features, then the odd ones. A whole number of 7 bits is a bf16 with nothing behind it, so the even half
 * of a pair needs a shift and the odd half not even a mask. */
struct Int8Bf16 : Bf16Sums {
  struct Stored {
    __m512i even;
    __m512i odd;
  };
  static constexpr bool kQuantized = true;
  static constexpr int kParts = 1;
  static constexpr int kVectorBytes = 32;
  static constexpr int kLaneBytes = 1;
  static constexpr int kCodeBias = 0;
  static constexpr int kOffset[8] = {0, 1};
  static constexpr int kOffsetBytes = 16;
  static constexpr int kShift[8] = {};
  explicit Int8Bf16(bool) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return {WidenSigned(w), WidenSigned(w + 16)}; }
  template <int>
  KP_INLINE Operand Unpack(Stored stored) const {
    const __m512i even = _mm512_castps_si512(_mm512_cvtepi32_ps(stored.even));
    const __m512i odd = _mm512_castps_si512(_mm512_cvtepi32_ps(stored.odd));
    return reinterpret_cast<__m512bh>(_mm512_or_si512(_mm512_srli_epi32(even, 16), odd));
  }
};

/* A lane holds eight input features, in two words of four codes; the words look their numbers up in a table. */
struct Int4Bf16 : Bf16Sums {
  using Stored = __m512i;
  static constexpr bool kQuantized = true;
  static constexpr int kParts = 4;
  static constexpr int kVectorBytes = 64;
  static constexpr int kLaneBytes = 4;
  static constexpr int kCodeBias = 8;
  static constexpr int kOffset[8] = {0, 2, 0, 2, 1, 3, 1, 3};
  static constexpr int kOffsetBytes = 1;
  static constexpr int kShift[8] = {0, 0, 4, 4, 0, 0, 4, 4};
  explicit Int4Bf16(bool zero_points) {
    // Twice, as the processor looks at five bits of a word.
    const Vec lanes = ByteFloats(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    table_ = _mm512_broadcast_i64x4(ToBf16Bits(lanes - Broadcast(zero_points ? 0.0f : 8.0f)));
  }
  KP_INLINE static Stored LoadWeights(const char* w) { return _mm512_loadu_si512(w); }
  template <int kPart>
  KP_INLINE Operand Unpack(Stored stored) const {
    return reinterpret_cast<__m512bh>(_mm512_permutexvar_epi16(_mm512_srli_epi16(stored, 4 * kPart), table_));
  }

 private:
  __m512i table_;
};

#endif

#if defined(__AVX512VNNI__)

/* Sums under the element type that the instruction works on: as __m512i, g++ 12 copies each of them at every step. */
using IntLanes [[gnu::vector_size(64)]] = int32_t;

/* Whole sums of unsigned weight codes times signed input codes, four features at a time. The bias of the weight codes is taken out of the
 * start: minus bias times the sum of the inputs. */
template <int kBias>
struct IntegerSums {
  using Input = int8_t;
  using Operand = __m512i;
  using Sum = IntLanes;
  static constexpr int kDepth = 4;
  static constexpr bool kIntegerInputs = true;
  static constexpr bool kQuantized = true;
  static constexpr int kVectorBytes = 64;
  static constexpr int kLaneBytes = 4;
  static constexpr int kCodeBias = kBias;
  using Stored = __m512i;
  explicit IntegerSums(bool zero_points) : bias_(zero_points ? 0.0f : static_cast<float>(-kBias)) {}
  KP_INLINE static Stored LoadWeights(const char* w) { return _mm512_loadu_si512(w); }
  KP_INLINE static Operand BroadcastInput(const Input* x) {
    int32_t four;
    std::memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
  }
  KP_INLINE static Operand LoadInputs(const Input* x, int n) { return _mm512_maskz_loadu_epi32(FirstLanes(n).m, x); }
  KP_INLINE static Operand Ones() { return _mm512_set1_epi8(1); }
  KP_INLINE static Sum MultiplyAdd(Operand w, Operand x, Sum sum) {
    return reinterpret_cast<IntLanes>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), w, x));
  }
  /* Exact: the sum of a span is below 2^24, the bias a power of two. */
  KP_INLINE static Sum Zeros() { return IntLanes{}; }
  KP_INLINE Sum Start(const float* input_sum) const { return IntLanes{} + static_cast<int32_t>(bias_ * *input_sum); }
  KP_INLINE static Vec ToFloats(Sum sum) { return {_mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sum))}; }

 private:
  float bias_;
};

struct Int8Quads : IntegerSums<128> {
  static constexpr int kParts = 1;
  static constexpr int kOffset[8] = {0, 1, 2, 3};
  static constexpr int kOffsetBytes = 1;
  static constexpr int kShift[8] = {};
  using IntegerSums::IntegerSums;
  template <int>
  KP_INLINE Operand Unpack(Stored stored) const {
    return stored;
  }
};

struct Int4Quads : IntegerSums<8> {
  static constexpr int kParts = 2;
  static constexpr int kOffset[8] = {0, 1, 2, 3, 0, 1, 2, 3};
  static constexpr int kOffsetBytes = 1;
  static constexpr int kShift[8] = {0, 0, 0, 0, 4, 4, 4, 4};
  using IntegerSums::IntegerSums;
  template <int kPart>
  KP_INLINE Operand Unpack(Stored stored) const {
    return _mm512_and_si512(kPart == 0 ? stored : _mm512_srli_epi16(stored, 4), _mm512_set1_epi8(15));
  }
};

#endif

}  // namespace kp::cpu::KP_TARGET

#endif
