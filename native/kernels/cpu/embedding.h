#ifndef KP_CPU_EMBEDDING_H_
#define KP_CPU_EMBEDDING_H_

#include "abi/calls.h"
#include "cpu/thread_pool.h"

namespace kp::cpu {

using EmbeddingFunction = void (*)(ThreadPool& pool, const EmbeddingCall& call);

}  // namespace kp::cpu

#endif
