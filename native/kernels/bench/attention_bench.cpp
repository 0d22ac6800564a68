/* attention_bench [isa [cache dtype [threads]]]: decode and prefill steps of real models against the machine's ceilings. */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/ceilings.h"
#include "kp/attention.h"
#include "kp/memory.h"

namespace {

using kp::bench::Seconds;

struct Step {
  int32_t query_heads;
  int32_t kv_heads;
  int32_t head_dim;
  int32_t inputs;  // sequences side by side
  int32_t rows;    // tokens of each in this step
  int32_t context;
};

constexpr Step kSteps[] = {
    {12, 4, 64, 1, 1, 512},     {12, 4, 64, 16, 1, 512},   {12, 4, 64, 1, 512, 512},  {32, 4, 64, 1, 1, 4096},
    {32, 8, 128, 1, 1, 4096},   {32, 8, 128, 1, 1, 32768}, {32, 8, 128, 16, 1, 1024}, {32, 8, 128, 1, 512, 512},
    {32, 8, 128, 1, 256, 4096}, {14, 2, 64, 8, 1, 1024},   {12, 12, 64, 1, 1, 4096},  {12, 12, 64, 1, 512, 512},
};
constexpr int32_t kBlockTokens = 16;

void Check(kp_status status) {
  if (status != KP_OK) {
    std::fprintf(stderr, "%s\n", kp_last_error());
    std::exit(1);
  }
}

void BenchStep(kp_device* device, kp_stream* stream, const Step& step, kp_cache_dtype dtype, int threads) {
  const int64_t blocks = (step.context + kBlockTokens - 1) / kBlockTokens;
  const int64_t row_bytes = dtype == KP_CACHE_F32 ? 4 * step.head_dim : dtype == KP_CACHE_I8 ? step.head_dim + 4 : 2 * step.head_dim;
  const int64_t block_stride = kBlockTokens * step.kv_heads * row_bytes;
  const int64_t cache_bytes = step.inputs * blocks * block_stride;
  const int copies = 1 + static_cast<int>((int64_t{160} << 20) / (2 * cache_bytes));  // as the layers of a model: no cache holds them all
  std::vector<void*> caches(2 * copies);
  for (void*& cache : caches) {
    Check(kp_buffer_alloc(device, cache_bytes, &cache));
    std::memset(cache, 0x3c, cache_bytes);
  }
  const int64_t tokens = int64_t{step.inputs} * step.rows;
  const int64_t width = int64_t{step.query_heads} * step.head_dim;
  std::vector<float> q(tokens * width, 0.01f);
  std::vector<float> y(tokens * width);
  std::vector<int32_t> tables(step.inputs * blocks);
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i] = static_cast<int32_t>((i * 7919) % tables.size());
  }
  std::vector<int32_t> query_start(step.inputs + 1);
  for (int i = 0; i <= step.inputs; ++i) {
    query_start[i] = i * step.rows;
  }
  std::vector<int32_t> context(step.inputs, step.context);
  std::vector<char> workspace(kp_paged_attention_workspace(device, tokens, step.query_heads, step.head_dim, step.context));
  kp_paged_attention_args args{};
  args.q = q.data();
  args.q_stride = width;
  args.block_tables = tables.data();
  args.block_stride = block_stride;
  args.block_table_stride = blocks;
  args.query_start = query_start.data();
  args.context = context.data();
  args.y = y.data();
  args.y_stride = width;
  args.workspace = workspace.data();
  args.workspace_bytes = static_cast<int64_t>(workspace.size());
  args.tokens = tokens;
  args.sequences = step.inputs;
  args.query_heads = step.query_heads;
  args.kv_heads = step.kv_heads;
  args.head_dim = step.head_dim;
  args.block_tokens = kBlockTokens;
  args.scale = 1.0f / std::sqrt(static_cast<float>(step.head_dim));
  args.cache_dtype = dtype;
  args.y_dtype = KP_F32;
  args.max_context = step.context;
  double bandwidth = 0;
  double peak = 0;
  for (int i = 0; i < 5; ++i) {
    bandwidth = std::max(bandwidth, kp::bench::ReadBandwidth(threads));
    peak = std::max(peak, kp::bench::PeakFloatFlops(threads));
  }
  const double pairs = static_cast<double>(tokens * step.query_heads) * (step.context - (step.rows - 1) / 2.0);
  const double flops = 4.0 * step.head_dim * pairs;
  std::vector<double> times;
  size_t next = 0;
  for (const double end = Seconds() + 0.6; Seconds() < end || times.size() < 5;) {
    next = (next + 2) % caches.size();
    args.key_cache = caches[next];
    args.value_cache = caches[next + 1];
    const double start = Seconds();
    Check(kp_paged_attention(stream, &args));
    times.push_back(Seconds() - start);
  }
  for (void* cache : caches) {
    kp_buffer_free(device, cache);
  }
  std::sort(times.begin(), times.end());
  const double best = times.front();
  const double bytes = 2.0 * static_cast<double>(cache_bytes);
  const double limit = std::max(bytes / bandwidth, flops / peak);
  std::printf(
      "%2d/%2d heads of %3d, %2d x %3d rows, context %5d  best %8.1f us  %5.1f GB/s (%3.0f %%)  %5.1f GFLOP/s (%3.0f %%)  of limit: best "
      "%3.0f "
      "%% median %3.0f %%\n",
      step.query_heads, step.kv_heads, step.head_dim, step.inputs, step.rows, step.context, best * 1e6, bytes / best / 1e9,
      100 * bytes / best / bandwidth, flops / best / 1e9, 100 * flops / best / peak, 100 * limit / best,
      100 * limit / times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  kp_device_options options{};
  options.isa = argc > 1 ? std::atoi(argv[1]) : KP_ISA_AUTO;
  const kp_cache_dtype dtype = argc > 2 ? std::atoi(argv[2]) : KP_CACHE_BF16;
  options.threads = argc > 3 ? std::atoi(argv[3]) : 0;
  kp_device* device = nullptr;
  kp_stream* stream = nullptr;
  kp_device_info info;
  Check(kp_device_open(&options, &device));
  Check(kp_stream_open(device, &stream));
  Check(kp_device_get_info(device, &info));
  kp::bench::CountProcessorTime(info.threads == 1);
  std::printf("%s, %d threads, cache of type %d\n", info.name, info.threads, dtype);
  for (const Step& step : kSteps) {
    BenchStep(device, stream, step, dtype, info.threads);
  }
  kp_stream_close(stream);
  kp_device_close(device);
}
