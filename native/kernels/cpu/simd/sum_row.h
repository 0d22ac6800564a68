#ifndef KP_CPU_SIMD_SUM_ROW_H_
#define KP_CPU_SIMD_SUM_ROW_H_

#include <algorithm>

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

/* Sum over a row: term(sum, i, lanes) returns sum plus the terms i … i + lanes - 1. Four chains keep four additions in flight; the order
 * depends on n alone. */
template <typename Term>
KP_INLINE float SumRow(int64_t n, const Term& term) {
  Vec sum[4] = {Zero(), Zero(), Zero(), Zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int chain = 0; chain < 4; ++chain) {
      sum[chain] = term(sum[chain], i + chain * kLanes, kLanes);
    }
  }
  for (int chain = 0; i < n; ++chain, i += kLanes) {
    sum[chain] = term(sum[chain], i, static_cast<int>(std::min<int64_t>(kLanes, n - i)));
  }
  return ReduceAdd((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

}  // namespace kp::cpu::KP_TARGET

#endif
