#ifndef KP_CPU_ROPE_H_
#define KP_CPU_ROPE_H_

#include <cstdint>

#include "cpu/thread_pool.h"
#include "kp/rope.h"

namespace kp::cpu {

struct RopeAnglesCall {
  const double* inverse_frequency;
  int64_t half;
  double scale;
  const int32_t* positions;
  int64_t tokens;
  float* cos_sin;
};

using RopeAnglesFunction = void (*)(ThreadPool& pool, const RopeAnglesCall& call);
using RopeCacheWriteFunction = void (*)(ThreadPool& pool, const kp_rope_cache_write_args& args);

}  // namespace kp::cpu

#endif
