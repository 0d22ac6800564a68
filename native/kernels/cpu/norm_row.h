/* What the two norms share: the residual's addition and the walk over rows. Included by kernel files. */
#ifndef KP_CPU_NORM_ROW_H_
#define KP_CPU_NORM_ROW_H_

#include <algorithm>

#include "cpu/norm.h"
#include "cpu/simd/sum_row.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* The values i … of the row that is normed; the first pass over a row adds x to the residual and keeps the sum there. */
struct NormRow {
  const float* x;  // null: nothing to add
  float* residual;

  KP_INLINE Vec AddAndLoad(int64_t i, int lanes) const {
    if (residual == nullptr) {
      return Load(x + i, lanes);
    }
    Vec v = Load(residual + i, lanes);
    if (x != nullptr) {
      v = v + Load(x + i, lanes);
      Store(residual + i, v, lanes);
    }
    return v;
  }
  KP_INLINE Vec Reload(int64_t i, int lanes) const { return Load((residual != nullptr ? residual : x) + i, lanes); }
};

/* Calls norm(row, y) for each row, y being typed. */
template <typename Norm>
KP_INLINE void ForRows(ThreadPool& pool, const NormCall& call, const Norm& norm) {
  constexpr int64_t kGrainElements = 8192;
  pool.ParallelFor(call.tokens, std::max<int64_t>(1, kGrainElements / call.hidden), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t at = t * call.hidden;
      const NormRow row{call.x == nullptr ? nullptr : call.x + at, call.residual == nullptr ? nullptr : call.residual + at};
      if (call.y_dtype == KP_F32) {
        norm(row, static_cast<float*>(call.y) + at);
      } else {
        norm(row, static_cast<Bf16*>(call.y) + at);
      }
    }
  });
}

}  // namespace
}  // namespace kp::cpu::KP_TARGET

#endif
