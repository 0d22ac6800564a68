/* attention_bench: decode and prefill steps of real models against the machine's ceilings. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "bench/program.h"
#include "kp/attention.h"
#include "kp/memory.h"

namespace {

using kp::bench::Ceilings;
using kp::bench::Check;
using kp::bench::Program;
using kp::bench::Timing;

constexpr char kUsage[] =
    "attention_bench [--models=small,tinyllama,qwen2.5-0.5b,llama-3.2-1b,llama-3.1-8b] [--steps=decode,prefill] "
    "[--caches=bf16,f16,f32,int8]\n"
    "  [--isa=N] [--threads=N] [--seconds=S] [--json=FILE]";

struct Model {
  const char* name;
  int32_t query_heads;
  int32_t kv_heads;
  int32_t head_dim;
};

constexpr Model kModels[] = {
    {"small", 12, 4, 64}, {"tinyllama", 32, 4, 64}, {"qwen2.5-0.5b", 14, 2, 64}, {"llama-3.2-1b", 32, 8, 64}, {"llama-3.1-8b", 32, 8, 128},
};

struct Step {
  const char* name;
  int32_t inputs;  // sequences side by side
  int32_t rows;    // tokens of each in this step
  int32_t context;
};

constexpr Step kSteps[] = {
    {"decode", 1, 1, 512},   {"decode", 1, 1, 4096},   {"decode", 1, 1, 32768},   {"decode", 16, 1, 512},
    {"decode", 16, 1, 4096}, {"prefill", 1, 512, 512}, {"prefill", 1, 256, 4096},
};

struct Cache {
  const char* name;
  kp_cache_dtype type;
  int32_t element_bytes;
  int32_t scale_bytes;  // of a token and head
};

constexpr Cache kCaches[] = {
    {"bf16", KP_CACHE_BF16, 2, 0}, {"f16", KP_CACHE_F16, 2, 0}, {"f32", KP_CACHE_F32, 4, 0}, {"int8", KP_CACHE_I8, 1, 4}};
constexpr int32_t kBlockTokens = 16;
constexpr int64_t kCopiesBytes = int64_t{160} << 20;

/* Keys and values of several layers, so that no cache of the processor holds them all. */
class Layers {
 public:
  Layers(kp_device* device, int64_t cache_bytes) : device_(device), memory_(2 * (1 + kCopiesBytes / (2 * cache_bytes))) {
    for (void*& cache : memory_) {
      Check(kp_buffer_alloc(device, cache_bytes, &cache));
      std::memset(cache, 0x3c, cache_bytes);
    }
  }
  ~Layers() {
    for (void* cache : memory_) {
      kp_buffer_free(device_, cache);
    }
  }
  Layers(const Layers&) = delete;
  Layers& operator=(const Layers&) = delete;

  void Next(kp_paged_attention_args* args) {
    next_ = (next_ + 2) % memory_.size();
    args->key_cache = memory_[next_];
    args->value_cache = memory_[next_ + 1];
  }

 private:
  kp_device* device_;
  std::vector<void*> memory_;
  size_t next_ = 0;
};

Timing TimeStep(Program& program, const Model& model, const Step& step, const Cache& cache, int64_t block_stride) {
  const int64_t blocks = (step.context + kBlockTokens - 1) / kBlockTokens;
  const int64_t tokens = int64_t{step.inputs} * step.rows;
  const int64_t width = int64_t{model.query_heads} * model.head_dim;
  Layers layers(program.device(), step.inputs * blocks * block_stride);
  const std::vector<float> q(tokens * width, 0.01f);
  std::vector<float> y(tokens * width);
  std::vector<int32_t> tables(step.inputs * blocks);
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i] = static_cast<int32_t>((i * 7919) % tables.size());
  }
  std::vector<int32_t> query_start(step.inputs + 1);
  for (int i = 0; i <= step.inputs; ++i) {
    query_start[i] = i * step.rows;
  }
  const std::vector<int32_t> context(step.inputs, step.context);
  std::vector<char> workspace(kp_paged_attention_workspace(program.device(), tokens, model.query_heads, model.head_dim, step.context));
  kp_paged_attention_args args{};
  args.q = q.data();
  args.q_stride = width;
  args.block_stride = block_stride;
  args.block_tables = tables.data();
  args.block_table_stride = blocks;
  args.query_start = query_start.data();
  args.context = context.data();
  args.y = y.data();
  args.y_stride = width;
  args.workspace = workspace.data();
  args.workspace_bytes = static_cast<int64_t>(workspace.size());
  args.tokens = tokens;
  args.sequences = step.inputs;
  args.query_heads = model.query_heads;
  args.kv_heads = model.kv_heads;
  args.head_dim = model.head_dim;
  args.block_tokens = kBlockTokens;
  args.scale = 1.0f / std::sqrt(static_cast<float>(model.head_dim));
  args.cache_dtype = cache.type;
  args.y_dtype = cache.type == KP_CACHE_BF16 ? KP_BF16 : KP_F32;  // what a bf16 model asks for
  args.max_context = step.context;
  return program.Time(1, [&] {
    layers.Next(&args);
    Check(kp_paged_attention(program.stream(), &args));
  });
}

void BenchStep(Program& program, const Model& model, const Step& step, const Cache& cache) {
  const int64_t block_stride = int64_t{kBlockTokens} * model.kv_heads * (model.head_dim * cache.element_bytes + cache.scale_bytes);
  const Ceilings ceilings = program.MeasureCeilings();
  const Timing time = TimeStep(program, model, step, cache, block_stride);
  const double pairs = static_cast<double>(step.inputs) * step.rows * model.query_heads * (step.context - (step.rows - 1) / 2.0);
  const double flops = 4.0 * model.head_dim * pairs;
  const double bytes = 2.0 * step.inputs * step.context / kBlockTokens * static_cast<double>(block_stride);
  const double limit = std::max(bytes / ceilings.read_bytes, flops / ceilings.float_flops);
  program.Row({{"model", model.name},
               {"step", step.name},
               {"cache", cache.name},
               {"sequences", static_cast<double>(step.inputs), 0},
               {"rows", static_cast<double>(step.rows), 0},
               {"context", static_cast<double>(step.context), 0},
               {"best_us", time.best * 1e6, 1},
               {"gb_s", bytes / time.best / 1e9, 1},
               {"peak_gb_s", ceilings.read_bytes / 1e9, 1},
               {"gop_s", flops / time.best / 1e9, 1},
               {"peak_gop_s", ceilings.float_flops / 1e9, 0},
               {"best_of_limit_percent", 100 * limit / time.best, 0},
               {"median_of_limit_percent", 100 * limit / time.median, 0}});
}

}  // namespace

int main(int argc, char** argv) {
  Program program(argc, argv, kUsage, {"models", "steps", "caches"});
  for (const Model& model : kModels) {
    for (const Step& step : kSteps) {
      for (const Cache& cache : kCaches) {
        if (program.Wants("models", model.name) && program.Wants("steps", step.name) && program.Wants("caches", cache.name)) {
          BenchStep(program, model, step, cache);
        }
      }
    }
  }
}
