#ifndef KP_CPU_ROPE_H_
#define KP_CPU_ROPE_H_

#include "abi/calls.h"
#include "cpu/thread_pool.h"
#include "kp/rope.h"

namespace kp::cpu {

using RopeAnglesFunction = void (*)(ThreadPool& pool, const RopeAnglesCall& call);
using RopeCacheWriteFunction = void (*)(ThreadPool& pool, const kp_rope_cache_write_args& args);

}  // namespace kp::cpu

#endif
