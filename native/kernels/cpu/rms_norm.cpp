#include <cmath>

#include "cpu/norm_row.h"

namespace kp::cpu::KP_TARGET {

void RmsNorm(ThreadPool& pool, const NormCall& call) {
  const int64_t hidden = call.hidden;
  ForRows(pool, call, [&](const NormRow& row, auto* y) {
    const float sum = SumRow(hidden, [&](Vec squares, int64_t i, int lanes) {
      const Vec v = row.AddAndLoad(i, lanes);
      return Fma(v, v, squares);
    });
    const Vec scale = Broadcast(1.0f / std::sqrt(sum / static_cast<float>(hidden) + call.eps));
    ForVectors(hidden, [&](int64_t i, int lanes) { Store(y + i, row.Reload(i, lanes) * scale * Load(call.weight + i, lanes), lanes); });
  });
}

}  // namespace kp::cpu::KP_TARGET
