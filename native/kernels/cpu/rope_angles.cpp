#include <algorithm>
#include <cmath>

#include "cpu/rope.h"

namespace kp::cpu::KP_TARGET {

void RopeAngles(ThreadPool& pool, const RopeAnglesCall& call) {
  constexpr int64_t kGrainAngles = 128;  // 2 µs: the C library's sine and cosine take 15 ns and are right at any position
  pool.ParallelFor(call.tokens, std::max<int64_t>(1, kGrainAngles / std::max<int64_t>(1, call.half)), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* cosines = call.cos_sin + t * 2 * call.half;
      float* sines = cosines + call.half;
      for (int64_t i = 0; i < call.half; ++i) {
        const double angle = call.positions[t] * call.inverse_frequency[i];
        cosines[i] = static_cast<float>(call.scale * std::cos(angle));
        sines[i] = static_cast<float>(call.scale * std::sin(angle));
      }
    }
  });
}

}  // namespace kp::cpu::KP_TARGET
