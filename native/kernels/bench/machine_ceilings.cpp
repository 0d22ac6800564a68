/* machine_ceilings [threads]: what the machine can do at most, as one JSON object. Of several short measurements, the best where others can
 * only slow it down (registers), the middle one of memory's rate, which also rises for moments while the host's other guests rest. */
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/ceilings.h"

namespace {

constexpr int kMeasurements = 15;

std::vector<double> Measure(double (*measure)(int), int threads) {
  std::vector<double> values(kMeasurements);
  for (double& value : values) {
    value = measure(threads);
  }
  std::sort(values.begin(), values.end());
  return values;
}

double Middle(double (*measure)(int), int threads) { return Measure(measure, threads)[kMeasurements / 2]; }

double Best(double (*measure)(int), int threads) { return Measure(measure, threads).back(); }

int AllowedProcessors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : AllowedProcessors();
  std::printf("{\"threads\": %d, \"read_gb_s\": %.2f, \"fp32_gflop_s\": %.1f, \"bf16_gflop_s\": %.1f, \"int8_gop_s\": %.1f}\n", threads,
              Middle(kp::bench::ReadBandwidth, threads) / 1e9, Best(kp::bench::PeakFloatFlops, threads) / 1e9,
              Best(kp::bench::PeakBf16Flops, threads) / 1e9, Best(kp::bench::PeakInt8Ops, threads) / 1e9);
}
