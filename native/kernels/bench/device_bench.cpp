/* What a device's kernels reach at the shapes of real models, through the ABI alone: device_bench LIBRARY [DEVICE INDEX] [quick]
 *
 * The first figure is what a copy inside the device's memory moves, which is the ceiling of everything that reads more than it computes.
 * One line of JSON a measurement: what, shape, microseconds, GB/s, share of the ceiling, TFLOP/s. Times are means of many calls enqueued
 * one after the other; each product has matrices enough that none is read from a cache. */
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kp/activation.h"
#include "kp/attention.h"
#include "kp/linear.h"
#include "kp/memory.h"
#include "kp/norm.h"
#include "kp/rope.h"
#include "kp/sampling.h"

namespace {

void* library;

template <typename Function>
Function* Find(const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  return reinterpret_cast<Function*>(found);
}
#define CALL(function) Find<decltype(function)>(#function)

void Check(kp_status status) {
  if (status != KP_OK) {
    std::fprintf(stderr, "%d: %s\n", status, CALL(kp_last_error)());
    std::exit(1);
  }
}

struct Figure {
  std::string what;
  std::string shape;
  double bytes;
  double operations;
};

class Bench {
 public:
  Bench(int index, bool is_quick) : is_quick_(is_quick) {
    kp_device_options options{};
    options.index = index;
    Check(CALL(kp_device_open)(&options, &device_));
    Check(CALL(kp_stream_open)(device_, &stream_));
  }

  ~Bench() {
    CALL(kp_stream_close)(stream_);
    CALL(kp_device_close)(device_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  kp_device* device() const { return device_; }
  kp_stream* stream() const { return stream_; }
  bool is_quick() const { return is_quick_; }

  template <typename T = void>
  T* Allocate(double bytes) const {
    void* address = nullptr;
    Check(CALL(kp_buffer_alloc)(device_, static_cast<int64_t>(bytes) + 64, &address));
    return static_cast<T*>(address);
  }
  template <typename T>
  T* Upload(const std::vector<T>& values) const {
    T* address = Allocate<T>(static_cast<double>(values.size() * sizeof(T)));
    Check(CALL(kp_buffer_write)(stream_, address, values.data(), static_cast<int64_t>(values.size() * sizeof(T))));
    return address;
  }
  void Free(void* address) const { CALL(kp_buffer_free)(device_, address); }

  /* Mean time of enqueue(i), in seconds; the best of a few rounds, each long enough to forget the first launch. */
  template <typename Enqueue>
  double Time(const Enqueue& enqueue) const {
    int calls = 1;
    double best = 1e30;
    for (int round = 0; round < (is_quick_ ? 1 : 6); ++round) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < calls; ++i) {
        enqueue(i);
      }
      Check(CALL(kp_stream_synchronize)(stream_));
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
      if (round > 0 || is_quick_) {
        best = std::min(best, seconds);
      }
      calls = static_cast<int>(std::clamp(0.02 / seconds, 1.0, 2000.0));
    }
    return best;
  }

  void Report(const Figure& figure, double seconds) {
    const double rate = figure.bytes / seconds * 1e-9;
    if (figure.what == "copy") {
      ceiling_ = rate;
    }
    std::printf("{\"what\": \"%s\", \"shape\": \"%s\", \"us\": %.2f, \"gb_per_s\": %.1f, \"share_of_copy\": %.3f, \"tflops\": %.2f}\n",
                figure.what.c_str(), figure.shape.c_str(), seconds * 1e6, rate, rate / ceiling_, figure.operations / seconds * 1e-12);
    std::fflush(stdout);
  }

 private:
  kp_device* device_ = nullptr;
  kp_stream* stream_ = nullptr;
  bool is_quick_;
  double ceiling_ = 1;
};

void MeasureCopy(Bench& bench) {
  const double bytes = bench.is_quick() ? 1 << 20 : 1 << 30;
  void* from = bench.Allocate(bytes);
  void* to = bench.Allocate(bytes);
  bench.Report({"copy", std::to_string(static_cast<int64_t>(bytes)), 2 * bytes, 0},
               bench.Time([&](int) { Check(CALL(kp_buffer_copy)(bench.stream(), to, from, static_cast<int64_t>(bytes))); }));
  bench.Free(from);
  bench.Free(to);
}

struct Storage {
  const char* name;
  kp_linear_format format;
};

void MeasureLinear(Bench& bench, const char* model, int64_t out, int64_t in, const Storage& storage, const std::vector<int64_t>& rows) {
  int64_t bytes = CALL(kp_linear_packed_bytes)(bench.device(), out, in, &storage.format);
  const int copies = static_cast<int>(std::clamp<int64_t>((bench.is_quick() ? 1 : int64_t{256} << 20) / bytes + 1, 1, 64));
  std::vector<kp_linear*> linears(static_cast<size_t>(copies));
  std::vector<uint16_t> weights(static_cast<size_t>(in), 0x3c00);
  for (kp_linear*& linear : linears) {
    Check(CALL(kp_linear_create)(bench.device(), out, in, &storage.format, &linear));
    Check(CALL(kp_linear_load)(linear, 0, 1, weights.data(), KP_BF16, in));
  }
  const int64_t most = rows.back();
  void* x = bench.Allocate(static_cast<double>(most * in * 2));
  float* y = bench.Allocate<float>(static_cast<double>(most * out * 4));
  for (const int64_t r : rows) {
    const Figure figure{std::string("linear ") + storage.name,
                        std::string(model) + " " + std::to_string(out) + "x" + std::to_string(in) + " rows " + std::to_string(r),
                        static_cast<double>(bytes + r * in * 2 + r * out * 4),
                        2.0 * static_cast<double>(r) * static_cast<double>(out * in)};
    bench.Report(figure, bench.Time([&](int i) {
      Check(CALL(kp_linear_forward)(bench.stream(), linears[static_cast<size_t>(i % copies)], x, KP_BF16, in, r, nullptr, y, out));
    }));
  }
  bench.Free(x);
  bench.Free(y);
  for (kp_linear* linear : linears) {
    CALL(kp_linear_destroy)(linear);
  }
}

void MeasureAttention(Bench& bench, kp_cache_dtype type, int32_t sequences, int32_t rows, int32_t context) {
  constexpr int32_t kQueryHeads = 32;
  constexpr int32_t kKvHeads = 8;
  constexpr int32_t kHeadDim = 128;
  constexpr int32_t kBlockTokens = 16;
  const int64_t element = type == KP_CACHE_I8 ? 1 : 2;
  const int64_t token_bytes = kHeadDim * element + (type == KP_CACHE_I8 ? 4 : 0);
  const int64_t block_bytes = kKvHeads * kBlockTokens * token_bytes;
  const int64_t blocks = (context + kBlockTokens - 1) / kBlockTokens;
  std::vector<int32_t> tables(static_cast<size_t>(sequences * blocks));
  std::vector<int32_t> starts;
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i] = static_cast<int32_t>(i * 7919 % tables.size());  // scattered: 7919 divides no count of blocks here
  }
  for (int32_t s = 0; s <= sequences; ++s) {
    starts.push_back(s * rows);
  }
  const int64_t tokens = int64_t{sequences} * rows;
  kp_paged_attention_args args{};
  args.q = bench.Allocate<float>(static_cast<double>(tokens * kQueryHeads * kHeadDim * 4));
  args.q_stride = args.y_stride = kQueryHeads * kHeadDim;
  args.key_cache = bench.Allocate(static_cast<double>(block_bytes * static_cast<int64_t>(tables.size())));
  args.value_cache = bench.Allocate(static_cast<double>(block_bytes * static_cast<int64_t>(tables.size())));
  args.block_stride = block_bytes;
  args.block_tables = bench.Upload(tables);
  args.block_table_stride = blocks;
  args.query_start = bench.Upload(starts);
  args.context = bench.Upload(std::vector<int32_t>(static_cast<size_t>(sequences), context));
  args.y = bench.Allocate(static_cast<double>(tokens * kQueryHeads * kHeadDim * 2));
  args.workspace_bytes = CALL(kp_paged_attention_workspace)(bench.device(), tokens, kQueryHeads, kHeadDim, context);
  args.workspace = bench.Allocate(static_cast<double>(args.workspace_bytes));
  args.tokens = tokens;
  args.sequences = sequences;
  args.query_heads = kQueryHeads;
  args.kv_heads = kKvHeads;
  args.head_dim = kHeadDim;
  args.block_tokens = kBlockTokens;
  args.scale = 0.088f;
  args.cache_dtype = type;
  args.y_dtype = KP_BF16;
  args.max_context = context;
  const double seen = rows == 1 ? context : context - rows / 2.0; /* cached tokens of a row, on average */
  const Figure figure{std::string(rows == 1 ? "decode attention " : "prefill attention ") + (type == KP_CACHE_I8 ? "int8" : "bf16"),
                      "32/8 heads of 128, " + std::to_string(sequences) + " x " + std::to_string(rows) + " @ " + std::to_string(context),
                      2.0 * sequences * context * kKvHeads * static_cast<double>(token_bytes),
                      4.0 * static_cast<double>(tokens) * seen * kQueryHeads * kHeadDim};
  bench.Report(figure, bench.Time([&](int) { Check(CALL(kp_paged_attention)(bench.stream(), &args)); }));
  for (const void* address :
       {static_cast<const void*>(args.q), args.key_cache, args.value_cache, static_cast<const void*>(args.block_tables),
        static_cast<const void*>(args.query_start), static_cast<const void*>(args.context), static_cast<const void*>(args.y),
        static_cast<const void*>(args.workspace)}) {
    bench.Free(const_cast<void*>(address));
  }
}

void MeasureRows(Bench& bench, int64_t tokens, int64_t hidden, int64_t width) {
  float* x = bench.Allocate<float>(static_cast<double>(2 * tokens * width * 4));
  float* residual = bench.Allocate<float>(static_cast<double>(tokens * hidden * 4));
  float* weight = bench.Allocate<float>(static_cast<double>(hidden * 4));
  void* y = bench.Allocate(static_cast<double>(tokens * width * 2));
  const std::string rows = std::to_string(tokens) + " x ";
  bench.Report({"add and rms norm", rows + std::to_string(hidden), static_cast<double>(tokens * hidden * 14), 0},
               bench.Time([&](int) { Check(CALL(kp_rms_norm)(bench.stream(), x, residual, weight, y, KP_BF16, tokens, hidden, 1e-5f)); }));
  bench.Report({"gated activation", rows + std::to_string(width), static_cast<double>(tokens * width * 10), 0},
               bench.Time([&](int) { Check(CALL(kp_gated_activation)(bench.stream(), KP_SILU, x, y, KP_BF16, tokens, width)); }));
  bench.Free(x);
  bench.Free(residual);
  bench.Free(weight);
  bench.Free(y);
}

void MeasureSampling(Bench& bench, int64_t rows, int64_t vocabulary, const char* name, float top_p, int32_t top_k) {
  std::vector<float> logits(static_cast<size_t>(rows * vocabulary));
  uint32_t state = 1;
  for (float& logit : logits) {
    state = state * 1664525u + 1013904223u;
    logit = static_cast<float>(state >> 8) * 1e-6f;
  }
  kp_sampling_row row{};
  row.temperature = 0.8f;
  row.top_p = top_p;
  row.repetition_penalty = 1;
  row.top_k = top_k;
  row.top_logprobs = -1;
  row.given_token = -1;
  kp_sampling_args args{};
  args.logits = bench.Upload(logits);
  args.logits_stride = args.vocabulary = vocabulary;
  args.row = bench.Upload(std::vector<kp_sampling_row>(static_cast<size_t>(rows), row));
  args.token = bench.Allocate<int32_t>(static_cast<double>(rows * 4));
  args.logprob = bench.Allocate<float>(static_cast<double>(rows * 4));
  args.rank = bench.Allocate<int32_t>(static_cast<double>(rows * 4));
  args.workspace_bytes = CALL(kp_sample_workspace)(bench.device(), rows, vocabulary);
  args.workspace = bench.Allocate(static_cast<double>(args.workspace_bytes));
  args.rows = rows;
  bench.Report({std::string("sampling ") + name, std::to_string(rows) + " x " + std::to_string(vocabulary),
                static_cast<double>(rows * vocabulary * 4), 0},
               bench.Time([&](int) { Check(CALL(kp_sample)(bench.stream(), &args)); }));
  for (const void* address :
       {static_cast<const void*>(args.logits), static_cast<const void*>(args.row), static_cast<const void*>(args.token),
        static_cast<const void*>(args.logprob), static_cast<const void*>(args.rank), static_cast<const void*>(args.workspace)}) {
    bench.Free(const_cast<void*>(address));
  }
}

}  // namespace

int main(int count, char** values) {
  if (count < 2) {
    std::fprintf(stderr, "device_bench LIBRARY [DEVICE INDEX] [quick]\n");
    return 2;
  }
  library = dlopen(values[1], RTLD_NOW);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  Bench bench(count > 2 ? std::atoi(values[2]) : 0, count > 3 && std::strcmp(values[3], "quick") == 0);
  kp_device_info info{};
  Check(CALL(kp_device_get_info)(bench.device(), &info));
  std::printf("{\"device\": \"%s\", \"memory_bytes\": %lld}\n", info.name, static_cast<long long>(info.total_bytes));
  MeasureCopy(bench);
  const Storage bf16{"bf16", {KP_BF16, 0, 0, KP_F32, 0, 0}};
  const Storage int8{"int8", {KP_BF16, 8, 128, KP_BF16, 0, 0}};
  const Storage int4{"int4", {KP_BF16, 4, 128, KP_BF16, 0, 0}};
  const Storage integer{"int8-dynamic", {KP_BF16, 8, 0, KP_F32, 0, 1}};
  if (bench.is_quick()) {
    for (const Storage& storage : {bf16, int8, int4, integer}) {
      MeasureLinear(bench, "tiny", 96, 128, storage, {1, 9, 70});
    }
    MeasureAttention(bench, KP_CACHE_BF16, 2, 1, 300);
    MeasureAttention(bench, KP_CACHE_I8, 1, 20, 40);
    MeasureRows(bench, 3, 256, 512);
    MeasureSampling(bench, 2, 3000, "top-p", 0.9f, 0);
    return 0;
  }
  const struct {
    const char* model;
    int64_t out;
    int64_t in;
  } shapes[] = {{"Llama-3-8B qkv", 6144, 4096},   {"Llama-3-8B o", 4096, 4096},        {"Llama-3-8B gate up", 28672, 4096},
                {"Llama-3-8B down", 4096, 14336}, {"Llama-3-8B logits", 128256, 4096}, {"Qwen3-0.6B gate up", 6144, 1024},
                {"Qwen3-4B down", 2560, 9728},    {"Llama-70B o", 8192, 8192}};
  for (const auto& shape : shapes) {
    for (const Storage& storage : {bf16, int8, int4, integer}) {
      MeasureLinear(bench, shape.model, shape.out, shape.in, storage, {1, 4, 8, 16, 32, 64, 128, 256, 2048});
    }
  }
  for (const kp_cache_dtype type : {KP_CACHE_BF16, KP_CACHE_I8}) {
    for (const int32_t context : {1024, 4096, 16384}) {
      for (const int32_t sequences : {1, 8, 16, 64}) {
        MeasureAttention(bench, type, sequences, 1, context);
      }
    }
    MeasureAttention(bench, type, 1, 2048, 2048);
    MeasureAttention(bench, type, 1, 2048, 8192);
  }
  for (const int64_t tokens : {1, 16, 256, 2048}) {
    MeasureRows(bench, tokens, 4096, 14336);
  }
  for (const int64_t rows : {1, 16, 256}) {
    MeasureSampling(bench, rows, 128256, "plain", 1.0f, 0);
    MeasureSampling(bench, rows, 128256, "top-p", 0.9f, 0);
    MeasureSampling(bench, rows, 128256, "top-k and top-p", 0.95f, 50);
  }
  return 0;
}
