/* machine_ceilings [threads]: what the machine can do at most, as one JSON object. Medians of several short measurements: a neighbour on
 * the same host that slows or speeds up a few of them does not count. */
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/ceilings.h"

namespace {

constexpr int kMeasurements = 15;

double Median(double (*measure)(int), int threads) {
  std::vector<double> values(kMeasurements);
  for (double& value : values) {
    value = measure(threads);
  }
  std::nth_element(values.begin(), values.begin() + kMeasurements / 2, values.end());
  return values[kMeasurements / 2];
}

int AllowedProcessors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : AllowedProcessors();
  std::printf("{\"threads\": %d, \"read_gb_s\": %.2f, \"fp32_gflop_s\": %.1f, \"bf16_gflop_s\": %.1f, \"int8_gop_s\": %.1f}\n", threads,
              Median(kp::bench::ReadBandwidth, threads) / 1e9, Median(kp::bench::PeakFloatFlops, threads) / 1e9,
              Median(kp::bench::PeakBf16Flops, threads) / 1e9, Median(kp::bench::PeakInt8Ops, threads) / 1e9);
}
