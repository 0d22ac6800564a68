#ifndef KP_CPU_GATED_ACTIVATION_H_
#define KP_CPU_GATED_ACTIVATION_H_

#include "abi/calls.h"
#include "cpu/thread_pool.h"

namespace kp::cpu {

using GatedActivationFunction = void (*)(ThreadPool& pool, const GatedActivationCall& call);

}  // namespace kp::cpu

#endif
