#ifndef KP_CPU_EMBEDDING_H_
#define KP_CPU_EMBEDDING_H_

#include <cstdint>

#include "cpu/thread_pool.h"
#include "kp/embedding.h"

namespace kp::cpu {

struct EmbeddingCall {
  const void* table;
  kp_dtype dtype;
  int64_t hidden;
  const int32_t* ids;
  int64_t tokens;
  float* y;
};

using EmbeddingFunction = void (*)(ThreadPool& pool, const EmbeddingCall& call);

}  // namespace kp::cpu

#endif
