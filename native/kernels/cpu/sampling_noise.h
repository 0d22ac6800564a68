/* The noise of a draw: Philox4x32-10 (Salmon et al., SC 2011), key = seed, counter = (place of the id, position). include/kp/sampling.h
 * fixes which word belongs to which id; the layout lets sixteen ids that follow each other fill one vector. */
#ifndef KP_CPU_SAMPLING_NOISE_H_
#define KP_CPU_SAMPLING_NOISE_H_

#include <bit>
#include <cstdint>

#include "common/half.h"

#ifndef KP_TARGET
#error "For kernel files, which are compiled once per instruction set."
#endif

namespace kp::cpu::KP_TARGET {

inline constexpr int kNoiseBlock = 64; /* ids whose noise is made together */
inline constexpr int kNoiseLanes = 16;

/* 1 / Exponential(1) is below this: the generator gives 32 bits. */
inline constexpr float kLargestInverseNoise = 8.6e9f;

class Noise {
 public:
  Noise(uint64_t seed, uint64_t position) : seed_(seed), position_(position) {}

  /* Exponential(1) noise of the ids 64 * block … + 63. */
  KP_INLINE void OfBlock(int64_t block, float (&noise)[kNoiseBlock]) const {
    uint32_t x[4][kNoiseLanes];
    for (int i = 0; i < kNoiseLanes; ++i) {
      x[0][i] = static_cast<uint32_t>(block) * kNoiseLanes + static_cast<uint32_t>(i);
    }
    Generate(x);
    for (int word = 0; word < 4; ++word) {
      for (int i = 0; i < kNoiseLanes; ++i) {
        noise[word * kNoiseLanes + i] = Exponential(x[word][i]);
      }
    }
  }

  /* The same numbers for up to sixteen ids of any place. */
  KP_INLINE void OfIds(const int32_t (&ids)[kNoiseLanes], float (&noise)[kNoiseLanes]) const {
    uint32_t x[4][kNoiseLanes];
    for (int i = 0; i < kNoiseLanes; ++i) {
      const uint32_t id = static_cast<uint32_t>(ids[i]);
      x[0][i] = id / kNoiseBlock * kNoiseLanes + id % kNoiseLanes;
    }
    Generate(x);
    for (int i = 0; i < kNoiseLanes; ++i) {
      noise[i] = Exponential(x[static_cast<uint32_t>(ids[i]) / kNoiseLanes % 4][i]);
    }
  }

 private:
  /* x[0] holds the first counter word; x returns the four words of each lane. */
  KP_INLINE void Generate(uint32_t (&x)[4][kNoiseLanes]) const {
    for (int i = 0; i < kNoiseLanes; ++i) {
      x[1][i] = 0;
      x[2][i] = static_cast<uint32_t>(position_);
      x[3][i] = static_cast<uint32_t>(position_ >> 32);
    }
    uint32_t key0 = static_cast<uint32_t>(seed_);
    uint32_t key1 = static_cast<uint32_t>(seed_ >> 32);
    for (int round = 0; round < 10; ++round) {
      Round(x[0], x[1], x[2], x[3], key0, key1);
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
  }

  /* Small loops, because g++ 12 makes vectors of these and leaves a single one as it is (three times slower). */
  KP_INLINE static void Round(uint32_t (&x0)[kNoiseLanes], uint32_t (&x1)[kNoiseLanes], uint32_t (&x2)[kNoiseLanes],
                              uint32_t (&x3)[kNoiseLanes], uint32_t key0, uint32_t key1) {
    constexpr uint32_t kFactor0 = 0xD2511F53u;
    constexpr uint32_t kFactor1 = 0xCD9E8D57u;
    uint32_t high0[kNoiseLanes];
    uint32_t high1[kNoiseLanes];
    uint32_t low0[kNoiseLanes];
    uint32_t low1[kNoiseLanes];
    for (int i = 0; i < kNoiseLanes; ++i) {
      high0[i] = static_cast<uint32_t>(uint64_t{kFactor0} * x0[i] >> 32);
    }
    for (int i = 0; i < kNoiseLanes; ++i) {
      high1[i] = static_cast<uint32_t>(uint64_t{kFactor1} * x2[i] >> 32);
    }
    for (int i = 0; i < kNoiseLanes; ++i) {
      low0[i] = kFactor0 * x0[i];
      low1[i] = kFactor1 * x2[i];
    }
    for (int i = 0; i < kNoiseLanes; ++i) {
      x0[i] = high1[i] ^ x1[i] ^ key0;
      x2[i] = high0[i] ^ x3[i] ^ key1;
    }
    for (int i = 0; i < kNoiseLanes; ++i) {
      x1[i] = low1[i];
      x3[i] = low0[i];
    }
  }

  /* -log((word + 1/2) / 2^32), in double precision because its small values are what decides a draw. */
  KP_INLINE static float Exponential(uint32_t word) {
    constexpr uint64_t kTwoTo52 = uint64_t{0x433} << 52;          // its bits, or-ed with a whole number, are 2^52 plus that number
    constexpr uint64_t kHalfOctave = uint64_t{0x3fe6a09e} << 32;  // bits of sqrt(1/2): the mantissa is brought into [sqrt(1/2), sqrt(2))
    constexpr double kLn2 = 0.6931471805599453;
    const double u = (std::bit_cast<double>(kTwoTo52 | word) - 0x1p52 + 0.5) * 0x1p-32;
    const uint64_t bits = std::bit_cast<uint64_t>(u);
    const uint64_t exponent = (bits + (uint64_t{0x3ff} << 52) - kHalfOctave) >> 52;  // biased by 1023
    const double mantissa = std::bit_cast<double>(bits - (exponent << 52) + (uint64_t{0x3ff} << 52));
    const double e = std::bit_cast<double>(kTwoTo52 | exponent) - (0x1p52 + 1023.0);
    // log(m) = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716; what is left out is 5e-11 of the result.
    const double s = (mantissa - 1.0) / (mantissa + 1.0);
    const double q = s * s;
    double p = 2.0 / 11;
    p = p * q + 2.0 / 9;
    p = p * q + 2.0 / 7;
    p = p * q + 2.0 / 5;
    p = p * q + 2.0 / 3;
    p = (p * q + 2.0) * s;
    return static_cast<float>(-(e * kLn2 + p));
  }

  uint64_t seed_;
  uint64_t position_;
};

}  // namespace kp::cpu::KP_TARGET

#endif
