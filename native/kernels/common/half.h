/* The 16-bit and 8-bit float types as memory holds them, int8, and exact conversions that need no instruction set. */
#ifndef KP_COMMON_HALF_H_
#define KP_COMMON_HALF_H_

#include <bit>
#include <cstdint>

/* Everything inline that a kernel file may use is forced inline or lives in that file's own namespace: an out-of-line copy compiled with
 * AVX-512 flags could be the one that the linker keeps for all. */
#if defined(__CUDACC__)
#define KP_INLINE __host__ __device__ __forceinline__
#else
#define KP_INLINE [[gnu::always_inline]] inline
#endif

namespace kp {

struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};

/* Sign, 4 bits of exponent, 3 of mantissa; the largest number is 448, and there is no infinity. */
struct E4m3 {
  uint8_t bits;
};
inline constexpr float kLargestE4m3 = 448.0f;

KP_INLINE float ToFloat(float value) { return value; }

KP_INLINE float ToFloat(int8_t value) { return value; }

KP_INLINE float ToFloat(Bf16 value) { return std::bit_cast<float>(uint32_t{value.bits} << 16); }

KP_INLINE float ToFloat(Fp16 value) {
  const uint32_t sign = uint32_t{value.bits & 0x8000u} << 16;
  const uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity, or a NaN that keeps its payload and becomes quiet
    const uint32_t quiet = magnitude > 0x7c00u ? 0x00400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13) | quiet);
  }
  // Moving the fields up leaves the exponent biased by 15; the product with 2^112 rebiases it, and is exact for subnormals too.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

/* Of a number, not of NaN. */
KP_INLINE float ToFloat(E4m3 value) {
  // As with fp16: the product rebiases the exponent by 120.
  const float scaled = std::bit_cast<float>((value.bits & 0x7fu) << 20) * 0x1p120f;
  return std::bit_cast<float>((value.bits & 0x80u) << 24 | std::bit_cast<uint32_t>(scaled));
}

/* Round to nearest even; NaN stays NaN, overflow becomes infinity. */
KP_INLINE void FromFloat(float value, float& to) { to = value; }

/* Of a whole number that fits. */
KP_INLINE void FromFloat(float value, int8_t& to) { to = static_cast<int8_t>(value); }

KP_INLINE void FromFloat(float value, Bf16& to) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    to.bits = static_cast<uint16_t>((bits >> 16) | 0x0040u);
    return;
  }
  to.bits = static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

KP_INLINE void FromFloat(float value, Fp16& to) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t result = 0;
  if (magnitude > 0x7f800000u) {
    result = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    result = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // normal: drop 13 bits, rebias by 112
    result = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  } else {  // subnormal: adding 0.5 puts the units of 2^-24 at the end of the mantissa, and the addition rounds
    result = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  }
  to.bits = static_cast<uint16_t>(sign | result);
}

/* What is beyond the largest number becomes that, as does NaN. */
KP_INLINE void FromFloat(float value, E4m3& to) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t limit = std::bit_cast<uint32_t>(kLargestE4m3);
  const uint32_t magnitude = (bits & 0x7fffffffu) < limit ? bits & 0x7fffffffu : limit;
  uint32_t result = 0;
  if (magnitude >= 0x3c800000u) {  // normal: drop 20 bits, rebias by 120
    result = (magnitude + 0x7ffffu + ((magnitude >> 20) & 1u) - (120u << 23)) >> 20;
  } else {  // subnormal: adding 2^14 puts the units of 2^-9 at the end of the mantissa, and the addition rounds
    result = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0x1p14f) - 0x46800000u;
  }
  to.bits = static_cast<uint8_t>((bits >> 24 & 0x80u) | result);
}

}  // namespace kp

#endif
