/* What lies in a device's scratch memory: counters of finished blocks (device/last_block.cuh) and of turns (device/turns.cuh), then inputs of
 * products. The counters are zero between two launches: scratch memory comes zeroed, and each launch that counts leaves zeros. */
#ifndef KP_CUDA_SCRATCH_H_
#define KP_CUDA_SCRATCH_H_

#include <cstdint>

#include "cuda/device.h"

namespace kp::cuda {

inline constexpr int64_t kCounters = 16384;
inline constexpr int64_t kTurnCounters = 64;
inline constexpr int64_t kCounterBytes = (kCounters + kTurnCounters) * static_cast<int64_t>(sizeof(unsigned));

inline kp_status ReserveCounters(kp_device& device) { return device.ReserveScratch(kCounterBytes); }
inline kp_status ReserveInputs(kp_device& device, int64_t bytes) { return device.ReserveScratch(kCounterBytes + bytes); }
inline unsigned* Counters(const kp_device& device) { return static_cast<unsigned*>(device.scratch()); }
inline unsigned* TurnCounters(const kp_device& device) { return Counters(device) + kCounters; }
inline char* Inputs(const kp_device& device) { return static_cast<char*>(device.scratch()) + kCounterBytes; }

}  // namespace kp::cuda

#endif
