/* What the machine can do at most, measured beside the kernels in the same run. */
#ifndef KP_BENCH_CEILINGS_H_
#define KP_BENCH_CEILINGS_H_

#include <cstdint>

namespace kp::bench {

/* Time as the benches see it: the wall clock, or with one thread that thread's processor time, which a busy machine disturbs less. */
void CountProcessorTime(bool on);
double Seconds();

/* Bytes per second that threads read together from memory that no cache holds. */
double ReadBandwidth(int threads);

/* Operations per second of register-resident fp32 multiply-adds, bf16 dot products and 8-bit integer dot products. Where the processor
 * lacks the latter two, kernels widen to fp32, and its peak is theirs. */
double PeakFloatFlops(int threads);
double PeakBf16Flops(int threads);
double PeakInt8Ops(int threads);

}  // namespace kp::bench

#endif
