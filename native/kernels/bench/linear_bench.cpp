/* linear_bench [isa [format [threads]]], format f32, bf16, f16, int8, int8-dynamic, int4 or int4-dynamic: matrix products of real models
 * against the machine's ceilings.
 *
 * Each shape has as many copies as no cache holds and every product takes the next one, as the layers of a model do. Ceilings are measured
 * anew before each shape. Best and median are over rounds; on a shared machine the best is the one to compare. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/ceilings.h"
#include "kp/linear.h"

namespace {

using kp::bench::Seconds;

struct Shape {
  int64_t out;
  int64_t in;
};

constexpr Shape kShapes[] = {{1280, 768},   {768, 768},   {6144, 768},  {768, 3072},  {32000, 768},
                             {11264, 2048}, {2048, 5632}, {2560, 2048}, {2048, 2048}, {32000, 2048}};
constexpr int64_t kRows[] = {1, 2, 4, 8, 16, 32, 64, 512};
constexpr int64_t kCopiesBytes = int64_t{160} << 20;

void Check(kp_status status) {
  if (status != KP_OK) {
    std::fprintf(stderr, "%s\n", kp_last_error());
    std::exit(1);
  }
}

kp_linear_format FormatOf(const std::string& name) {
  if (name == "f32" || name == "bf16" || name == "f16") {
    return {name == "f32" ? KP_F32 : name == "bf16" ? KP_BF16 : KP_F16, 0, 0, 0, 0, 0};
  }
  const bool four = name.rfind("int4", 0) == 0;
  return {KP_BF16, four ? 4 : 8, four ? 32 : 0, four ? KP_BF16 : KP_F32, 0, name.size() > 4 ? 1 : 0};
}

double Peak(const kp_linear_format& format, int threads) {
  return format.dynamic_inputs != 0 ? kp::bench::PeakInt8Ops(threads)
         : format.dtype == KP_BF16  ? kp::bench::PeakBf16Flops(threads)
                                    : kp::bench::PeakFloatFlops(threads);
}

void BenchShape(kp_device* device, kp_stream* stream, Shape shape, const kp_linear_format& format, int threads) {
  const int64_t weight_bytes = kp_linear_packed_bytes(device, shape.out, shape.in, &format);
  std::vector<kp_linear*> copies(static_cast<size_t>(1 + kCopiesBytes / weight_bytes));
  std::vector<float> source(static_cast<size_t>(shape.out * shape.in));
  for (size_t i = 0; i < source.size(); ++i) {
    source[i] = static_cast<float>(i % 251) * 0.01f - 1.0f;
  }
  for (kp_linear*& copy : copies) {
    Check(kp_linear_create(device, shape.out, shape.in, &format, &copy));
    Check(kp_linear_load(copy, 0, shape.out, source.data(), KP_F32, shape.in));
  }
  double bandwidth = 0;
  double peak = 0;
  for (int i = 0; i < 5; ++i) {
    bandwidth = std::max(bandwidth, kp::bench::ReadBandwidth(threads));
    peak = std::max(peak, Peak(format, threads));
  }
  std::vector<float> x(static_cast<size_t>(512 * shape.in), 0.5f);
  std::vector<float> y(static_cast<size_t>(512 * shape.out));
  for (const int64_t rows : kRows) {
    const double flops = 2.0 * static_cast<double>(rows * shape.out * shape.in);
    const int calls = std::clamp(static_cast<int>(4e8 / flops), 1, static_cast<int>(copies.size()));
    std::vector<double> times;
    size_t next = 0;
    const double end = Seconds() + 0.25;
    while (Seconds() < end || times.size() < 5) {
      const double start = Seconds();
      for (int call = 0; call < calls; ++call) {
        next = (next + 1) % copies.size();
        Check(kp_linear_forward(stream, copies[next], x.data(), KP_F32, shape.in, rows, nullptr, y.data(), shape.out));
      }
      times.push_back((Seconds() - start) / calls);
    }
    std::sort(times.begin(), times.end());
    const double best = times.front();
    const double median = times[times.size() / 2];
    const double limit = std::max(static_cast<double>(weight_bytes) / bandwidth, flops / peak);
    std::printf(
        "%6ld x %5ld  rows %3ld  best %9.1f us  %5.1f GB/s (%3.0f %%)  %6.1f GFLOP/s (%3.0f %%)  of limit: best %3.0f %% median %3.0f %%\n",
        shape.out, shape.in, rows, best * 1e6, static_cast<double>(weight_bytes) / best / 1e9,
        100 * static_cast<double>(weight_bytes) / best / bandwidth, flops / best / 1e9, 100 * flops / best / peak, 100 * limit / best,
        100 * limit / median);
  }
  std::printf("    ceilings: %.1f GB/s, %.0f GFLOP/s\n", bandwidth / 1e9, peak / 1e9);
  for (kp_linear* copy : copies) {
    kp_linear_destroy(copy);
  }
}

}  // namespace

int main(int argc, char** argv) {
  kp_device_options options{};
  options.isa = argc > 1 ? std::atoi(argv[1]) : KP_ISA_AUTO;
  const std::string format = argc > 2 ? argv[2] : "bf16";
  options.threads = argc > 3 ? std::atoi(argv[3]) : 0;
  kp_device* device = nullptr;
  kp_stream* stream = nullptr;
  kp_device_info info;
  Check(kp_device_open(&options, &device));
  Check(kp_stream_open(device, &stream));
  Check(kp_device_get_info(device, &info));
  kp::bench::CountProcessorTime(info.threads == 1);
  std::printf("%s, %d threads, %s weights\n", info.name, info.threads, format.c_str());
  for (const Shape& shape : kShapes) {
    BenchShape(device, stream, shape, FormatOf(format), info.threads);
  }
  kp_stream_close(stream);
  kp_device_close(device);
}
