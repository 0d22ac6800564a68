/* The numbers of include/kp/linear.h: scales, zero points and codes of one group of weights. */
#ifndef KP_CPU_LINEAR_QUANTIZE_H_
#define KP_CPU_LINEAR_QUANTIZE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "common/half.h"
#include "cpu/linear.h"

namespace kp::cpu::KP_TARGET {

struct GroupScale {
  float scale;
  float zero_point;
};

KP_INLINE float RoundTo(kp_dtype dtype, float value) {
  Bf16 brain;
  Fp16 half;
  switch (dtype) {
    case KP_BF16:
      FromFloat(value, brain);
      return ToFloat(brain);
    case KP_F16:
      FromFloat(value, half);
      return ToFloat(half);
    default:
      return value;
  }
}

/* To nearest even, as a vector does it without SSE 4: adding 1.5 * 2^23 leaves a whole number. Codes are far smaller. */
KP_INLINE float RoundCode(float value) {
  constexpr float kMagic = 12582912.0f;
  return (std::clamp(value, -4096.0f, 4096.0f) + kMagic) - kMagic;
}

/* Widens weights [0, count) and hands them out a few at a time: as a rule a number of them that the compiler knows, and makes vectors of.
 */
template <typename From, typename Use>
void ForChunks(const char* from, int64_t count, const Use& use) {
  constexpr int64_t kChunk = 64;
  const auto chunk = [&](int64_t i, auto size) __attribute__((always_inline)) {
    From stored[kChunk];
    float values[kChunk];
    std::memcpy(stored, from + i * static_cast<int64_t>(sizeof(From)), static_cast<size_t>(size) * sizeof(From));
    for (int64_t j = 0; j < size; ++j) {
      values[j] = ToFloat(stored[j]);
    }
    use(values, i, size);
  };
  int64_t i = 0;
  for (; i + kChunk <= count; i += kChunk) {
    chunk(i, std::integral_constant<int64_t, kChunk>{});
  }
  if (i < count) {
    chunk(i, count - i);
  }
}

/* False where a weight is not finite. */
template <typename From>
bool ChooseScale(const kp_linear_format& format, const char* from, int64_t count, GroupScale& chosen) {
  float low = 0.0f;
  float high = 0.0f;
  float poison = 0.0f;
  bool low_is_first = false;
  ForChunks<From>(
      from, count, [&](const float* values, int64_t, auto chunk) __attribute__((always_inline)) {
        float chunk_low = 0.0f;
        float chunk_high = 0.0f;
        float chunk_poison = 0.0f;
        for (int64_t j = 0; j < chunk; ++j) {
          chunk_low = values[j] < chunk_low ? values[j] : chunk_low;
          chunk_high = values[j] > chunk_high ? values[j] : chunk_high;
          chunk_poison += values[j] * 0.0f;
        }
        // Which of two numbers of equal magnitude and unlike signs comes first: looked for only where it matters.
        if (chunk_low == -chunk_high && -chunk_low > std::max(high, -low)) {
          for (int64_t j = 0; j < chunk; ++j) {
            if (values[j] == chunk_low || values[j] == chunk_high) {
              low_is_first = values[j] == chunk_low;
              break;
            }
          }
        } else if (std::max(chunk_high, -chunk_low) > std::max(high, -low)) {
          low_is_first = -chunk_low > chunk_high;
        }
        low = std::min(low, chunk_low);
        high = std::max(high, chunk_high);
        poison += chunk_poison;
      });
  chosen.zero_point = 0.0f;
  if (format.bits == 8) {
    chosen.scale = RoundTo(format.scale_dtype, std::max(high, -low) / 127.0f);
  } else if (format.zero_points == 0) {
    chosen.scale = RoundTo(format.scale_dtype, (low_is_first ? low : high) / -8.0f);
  } else {
    chosen.scale = RoundTo(format.scale_dtype, (high - low) / 15.0f);
    chosen.zero_point = chosen.scale == 0.0f ? 0.0f : std::clamp(RoundCode(-low / chosen.scale), 0.0f, 15.0f);
  }
  // A scale that 16 bits cannot hold is as bad as a weight.
  return poison == 0.0f && std::isfinite(chosen.scale);
}

/* Codes [0, count) as they are stored: with bias, or with the zero point in them. */
template <typename From>
void ChooseCodes(const kp_linear_format& format, const char* from, int64_t count, GroupScale scale, int bias, uint8_t* codes) {
  const float zero = scale.zero_point;
  const float least = format.zero_points != 0 ? 0.0f : format.bits == 8 ? -127.0f : -8.0f;
  const float most = format.zero_points != 0 ? 15.0f : format.bits == 8 ? 127.0f : 7.0f;
  if (scale.scale == 0.0f) {
    std::memset(codes, bias + static_cast<int>(zero), static_cast<size_t>(count));
    return;
  }
  ForChunks<From>(
      from, count, [&](const float* values, int64_t i, auto chunk) __attribute__((always_inline)) {
        int32_t whole[64];
        for (int64_t j = 0; j < chunk; ++j) {
          whole[j] = static_cast<int32_t>(std::clamp(RoundCode(values[j] / scale.scale) + zero, least, most));
        }
        for (int64_t j = 0; j < chunk; ++j) {
          codes[i + j] = static_cast<uint8_t>(whole[j] + bias);
        }
      });
}

}  // namespace kp::cpu::KP_TARGET

#endif
