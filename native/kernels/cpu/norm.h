#ifndef KP_CPU_NORM_H_
#define KP_CPU_NORM_H_

#include "abi/calls.h"
#include "cpu/thread_pool.h"

namespace kp::cpu {

using NormFunction = void (*)(ThreadPool& pool, const NormCall& call);

}  // namespace kp::cpu

#endif
