/* What the machine can do at most, measured beside the kernels in the same run. */
#ifndef KP_BENCH_CEILINGS_H_
#define KP_BENCH_CEILINGS_H_

#include <cstdint>

namespace kp::bench {

double Seconds();

/* Bytes per second that threads read together from memory that no cache holds. */
double ReadBandwidth(int threads);

/* Floating-point operations per second of register-resident bf16 dot products, or of fp32 fused multiply-adds without them. */
double PeakFlops(int threads);

}  // namespace kp::bench

#endif
