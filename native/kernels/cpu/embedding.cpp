#include "cpu/embedding.h"

#include <algorithm>

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {
namespace {

constexpr int64_t kGrainElements = 16384;

template <typename T>
void Gather(ThreadPool& pool, const EmbeddingCall& call) {
  const T* table = static_cast<const T*>(call.table);
  pool.ParallelFor(call.tokens, std::max<int64_t>(1, kGrainElements / call.hidden), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const T* from = table + call.RowOf(t) * call.hidden;
      float* to = call.y + t * call.hidden;
      ForVectors(call.hidden, [&](int64_t i, int lanes) { Store(to + i, Load(from + i, lanes), lanes); });
    }
  });
}

}  // namespace

void Embedding(ThreadPool& pool, const EmbeddingCall& call) {
  switch (call.dtype) {
    case KP_F32:
      return Gather<float>(pool, call);
    case KP_BF16:
      return Gather<Bf16>(pool, call);
    default:
      return Gather<Fp16>(pool, call);
  }
}

}  // namespace kp::cpu::KP_TARGET
