#include <cmath>

#include "cpu/norm_row.h"

namespace kp::cpu::KP_TARGET {

void LayerNorm(ThreadPool& pool, const NormCall& call) {
  const int64_t hidden = call.hidden;
  const float count = static_cast<float>(hidden);
  ForRows(pool, call, [&](const NormRow& row, auto* y) {
    const float sum = SumRow(hidden, [&](Vec so_far, int64_t i, int lanes) { return so_far + row.AddAndLoad(i, lanes); });
    const Vec mean = Broadcast(sum / count);
    const float squares = SumRow(hidden, [&](Vec so_far, int64_t i, int lanes) {
      const Vec difference = Select(FirstLanes(lanes), row.Reload(i, lanes) - mean, Zero());
      return Fma(difference, difference, so_far);
    });
    const Vec scale = Broadcast(1.0f / std::sqrt(squares / count + call.eps));
    ForVectors(hidden, [&](int64_t i, int lanes) {
      const Vec scaled = (row.Reload(i, lanes) - mean) * scale;
      const Vec bias = call.bias == nullptr ? Zero() : Load(call.bias + i, lanes);
      Store(y + i, Fma(scaled, Load(call.weight + i, lanes), bias), lanes);
    });
  });
}

}  // namespace kp::cpu::KP_TARGET
