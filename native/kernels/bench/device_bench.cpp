/* What a device's kernels reach at the shapes of real models, through the ABI alone:
 *
 *   device_bench LIBRARY [shapes=real|tiny] [device=INDEX] [seconds=SECONDS] [copy=GB/S] [products=TFLOP/S]
 *
 * First the ceilings: what a copy inside the device's memory moves, and what the largest bf16 product reaches. copy and products name what
 * else has been seen of the machine (another library's product, say), if that is more. One line of JSON a measurement; its share is that of the time
 * which the ceilings allow. tiny: every kernel once, for emulations and sanitizers. */
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "bench/device_program.h"
#include "kp/activation.h"
#include "kp/attention.h"
#include "kp/embedding.h"
#include "kp/linear.h"
#include "kp/norm.h"
#include "kp/rope.h"
#include "kp/sampling.h"

namespace {

using kp::bench::Check;
using kp::bench::DeviceProgram;

struct Storage {
  const char* name;
  int32_t bits;
  int32_t group;
  int32_t dynamic_inputs;
  int32_t float_codes = 0;

  kp_linear_format Format() const {
    kp_linear_format format{};
    format.dtype = KP_BF16;
    format.bits = bits;
    format.float_codes = float_codes;
    format.group = group;
    format.scale_dtype = group > 0 ? KP_BF16 : KP_F32;
    format.dynamic_inputs = dynamic_inputs;
    return format;
  }
};

constexpr Storage kBf16{"bf16", 0, 0, 0};
constexpr Storage kInt8{"int8", 8, 128, 0};
constexpr Storage kInt4{"int4", 4, 128, 0};
constexpr Storage kDynamic{"int8-dynamic", 8, 0, 1};
constexpr Storage kFp8{"fp8", 8, 0, 0, 1};
constexpr Storage kStorages[] = {kBf16, kInt8, kInt4, kDynamic, kFp8};

struct Model {
  const char* name;
  int64_t hidden;
  int64_t ffn;
  int32_t query_heads;
  int32_t kv_heads;
  int32_t head_dim;
};

constexpr Model kLlama8B{"Llama-3-8B", 4096, 14336, 32, 8, 128};
constexpr Model kQwen06B{"Qwen3-0.6B", 1024, 3072, 16, 8, 128};
constexpr Model kQwen4B{"Qwen3-4B", 2560, 9728, 32, 8, 128};
constexpr Model kLlama70B{"Llama-3-70B, a quarter", 8192, 7168, 16, 2, 128};
constexpr Model kTiny{"tiny", 64, 96, 4, 2, 32};

std::string Times(int64_t left, int64_t right) { return std::to_string(left) + " x " + std::to_string(right); }

void Multiply(kp_stream* stream, const kp_linear* linear, const void* x, int64_t in, int64_t rows, float* y, int64_t out) {
  kp_linear_args args{};
  args.linear = linear;
  args.x = x;
  args.x_dtype = KP_BF16;
  args.x_stride = in;
  args.rows = rows;
  args.y = y;
  args.y_stride = out;
  Check(CALL(kp_linear_forward)(stream, &args));
}

/* Matrices of one shape, enough of them that none is read from a cache. */
class Matrices {
 public:
  Matrices(DeviceProgram& program, int64_t out, int64_t in, const Storage& storage, bool gated = false) : out_(out), in_(in) {
    kp_linear_format format = storage.Format();
    format.gated = gated ? 1 : 0;
    bytes_ = CALL(kp_linear_packed_bytes)(program.device(), out, in, &format);
    linears_.resize(static_cast<size_t>(std::clamp<int64_t>((program.tiny() ? 1 : int64_t{256} << 20) / bytes_ + 1, 1, 64)));
    const int64_t some = std::min<int64_t>(out, 1024);
    std::vector<uint16_t> weights(static_cast<size_t>(some * in));
    for (uint16_t& weight : weights) {
      const float value = program.Random() * 0.02f;
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      weight = static_cast<uint16_t>(bits >> 16);
    }
    for (kp_linear*& linear : linears_) {
      Check(CALL(kp_linear_create)(program.device(), out, in, &format, &linear));
      for (int64_t row = 0; row < out; row += some) {
        Check(CALL(kp_linear_load)(linear, row, std::min(some, out - row), weights.data(), KP_BF16, in));
      }
    }
  }
  ~Matrices() {
    for (kp_linear* linear : linears_) {
      CALL(kp_linear_destroy)(linear);
    }
  }
  Matrices(const Matrices&) = delete;
  Matrices& operator=(const Matrices&) = delete;

  kp::bench::Work WorkOf(int64_t rows) const {
    return {static_cast<double>(bytes_ + rows * in_ * 2 + rows * out_ * 4),
            2.0 * static_cast<double>(rows) * static_cast<double>(out_ * in_)};
  }
  const kp_linear* operator[](int call) const { return linears_[static_cast<size_t>(call) % linears_.size()]; }

 private:
  int64_t out_;
  int64_t in_;
  int64_t bytes_;
  std::vector<kp_linear*> linears_;
};

void MeasureCeilings(DeviceProgram& program) {
  const int64_t bytes = program.tiny() ? 1 << 20 : 1 << 30;
  const char* from = reinterpret_cast<const char*>(program.Halves(bytes / 2));
  void* to = program.Allocate(bytes);
  const kp::bench::Work copy{2.0 * static_cast<double>(bytes), 0};
  const double copied =
      program.Measure("copy", std::to_string(bytes), copy, [&](int) { Check(CALL(kp_buffer_copy)(program.stream(), to, from, bytes)); });
  program.Free();
  const int64_t side = program.tiny() ? 64 : 8192;
  const Matrices matrices(program, side, side, kBf16);
  const void* x = program.Halves(side * side);
  float* y = program.Allocate<float>(side * side * 4);
  const kp::bench::Work product{0, matrices.WorkOf(side).operations};
  const double multiplied = program.Measure("largest product bf16", Times(side, side) + ", rows " + std::to_string(side), product,
                                            [&](int i) { Multiply(program.stream(), matrices[i], x, side, side, y, side); });
  program.Free();
  program.Raise(copy.bytes / copied * 1e-9, product.operations / multiplied * 1e-12);
}

void MeasureLinear(DeviceProgram& program, const std::string& name, int64_t out, int64_t in, const Storage& storage,
                   const std::vector<int64_t>& rows) {
  if (!program.HasTime()) {
    return;
  }
  const Matrices matrices(program, out, in, storage);
  const void* x = program.Halves(rows.back() * in);
  float* y = program.Allocate<float>(rows.back() * out * 4);
  for (const int64_t r : rows) {
    program.Measure(std::string("linear ") + storage.name, name + " " + Times(out, in) + ", rows " + std::to_string(r), matrices.WorkOf(r),
                    [&](int i) { Multiply(program.stream(), matrices[i], x, in, r, y, out); });
  }
  program.Free();
}

/* A product with what follows it in a layer, in bf16. */
void MeasureEnding(DeviceProgram& program, const std::string& name, int64_t out, int64_t in, const Storage& storage, kp_epilogue epilogue,
                   const std::vector<int64_t>& rows) {
  if (!program.HasTime()) {
    return;
  }
  const bool gates = epilogue == KP_GATE;
  const Matrices matrices(program, out, in, storage, gates);
  kp_linear_args args{};
  args.x = program.Halves(rows.back() * in);
  args.x_dtype = KP_BF16;
  args.x_stride = in;
  args.y = program.Allocate(rows.back() * out * 2);
  args.y_dtype = KP_BF16;
  args.y_stride = gates ? out / 2 : out;
  args.epilogue = epilogue;
  args.product = program.Allocate<float>(rows.back() * out * 4);
  args.residual = program.Floats(rows.back() * out);
  args.norm_weight = program.Floats(out);
  args.eps = 1e-5f;
  const char* ending = gates ? " and gate" : epilogue == KP_ADD_RMS_NORM ? " and rms norm" : " and layer norm";
  for (const int64_t r : rows) {
    args.rows = r;
    program.Measure(std::string("linear ") + storage.name + ending, name + " " + Times(out, in) + ", rows " + std::to_string(r),
                    matrices.WorkOf(r), [&](int i) {
                      args.linear = matrices[i];
                      Check(CALL(kp_linear_forward)(program.stream(), &args));
                    });
  }
  program.Free();
}

/* The products of a layer. */
void MeasureLinears(DeviceProgram& program, const Model& model, const Storage& storage, const std::vector<int64_t>& rows) {
  const int64_t queries = int64_t{model.query_heads} * model.head_dim;
  const int64_t keys = int64_t{model.kv_heads} * model.head_dim;
  MeasureLinear(program, std::string(model.name) + " qkv", queries + 2 * keys, model.hidden, storage, rows);
  MeasureLinear(program, std::string(model.name) + " o", model.hidden, queries, storage, rows);
  MeasureLinear(program, std::string(model.name) + " gate up", 2 * model.ffn, model.hidden, storage, rows);
  MeasureLinear(program, std::string(model.name) + " down", model.hidden, model.ffn, storage, rows);
}

constexpr int32_t kBlockTokens = 16;

struct Cache {
  int64_t token_bytes; /* of one kv head */
  int64_t block_bytes;
  void* keys;
  void* values;
};

/* Blocks of random numbers; of int8 ones with scales that make numbers of the same size. */
Cache MakeCache(DeviceProgram& program, const Model& model, kp_cache_dtype type, int64_t blocks) {
  Cache cache{};
  cache.token_bytes = type == KP_CACHE_I8 ? model.head_dim + 4 : model.head_dim * 2;
  cache.block_bytes = model.kv_heads * kBlockTokens * cache.token_bytes;
  const int64_t bytes = cache.block_bytes * blocks;
  if (type != KP_CACHE_I8) {
    cache.keys = program.Halves(bytes / 2);
    cache.values = program.Halves(bytes / 2);
    return cache;
  }
  std::vector<char> pattern(static_cast<size_t>(cache.block_bytes * std::min<int64_t>(blocks, 64)));
  const auto part = static_cast<size_t>(kBlockTokens * cache.token_bytes);
  for (size_t head = 0; head < pattern.size(); head += part) {
    const size_t codes = part - kBlockTokens * sizeof(float);
    for (size_t i = 0; i < codes; ++i) {
      pattern[head + i] = static_cast<char>(program.Random() * 40);
    }
    for (size_t i = codes; i < part; i += sizeof(float)) {
      const float scale = 0.02f;
      std::memcpy(&pattern[head + i], &scale, sizeof scale);
    }
  }
  cache.keys = program.Repeat(pattern, bytes);
  cache.values = program.Repeat(pattern, bytes);
  return cache;
}

/* sequences that end with rows new tokens each, at a context of so many. */
void MeasureAttention(DeviceProgram& program, const Model& model, kp_cache_dtype type, int32_t sequences, int32_t rows, int32_t context) {
  if (!program.HasTime()) {
    return;
  }
  const int64_t blocks = (context + kBlockTokens - 1) / kBlockTokens;
  std::vector<int32_t> tables(static_cast<size_t>(sequences * blocks));
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i] = static_cast<int32_t>(i * 7919 % tables.size());  // scattered: 7919 divides no count of blocks here
  }
  std::vector<int32_t> starts;
  for (int32_t s = 0; s <= sequences; ++s) {
    starts.push_back(s * rows);
  }
  const int64_t tokens = int64_t{sequences} * rows;
  const int64_t width = int64_t{model.query_heads} * model.head_dim;
  const Cache cache = MakeCache(program, model, type, static_cast<int64_t>(tables.size()));
  kp_paged_attention_args args{};
  args.q = program.Floats(tokens * width);
  args.q_stride = args.y_stride = width;
  args.key_cache = cache.keys;
  args.value_cache = cache.values;
  args.block_stride = cache.block_bytes;
  args.block_tables = program.Upload(tables);
  args.block_table_stride = blocks;
  args.query_start = program.Upload(starts);
  args.context = program.Upload(std::vector<int32_t>(static_cast<size_t>(sequences), context));
  args.y = program.Allocate(tokens * width * 2);
  args.workspace_bytes = CALL(kp_paged_attention_workspace)(program.device(), tokens, model.query_heads, model.head_dim, context);
  args.workspace = program.Allocate(args.workspace_bytes);
  args.tokens = tokens;
  args.sequences = sequences;
  args.query_heads = model.query_heads;
  args.kv_heads = model.kv_heads;
  args.head_dim = model.head_dim;
  args.block_tokens = kBlockTokens;
  args.scale = 0.088f;
  args.cache_dtype = type;
  args.y_dtype = KP_BF16;
  args.max_context = context;
  const double seen = context - (rows - 1) / 2.0; /* cached tokens of a row, on average */
  const kp::bench::Work work{2.0 * sequences * context * model.kv_heads * static_cast<double>(cache.token_bytes),
                             4.0 * static_cast<double>(tokens) * seen * static_cast<double>(width)};
  program.Measure(std::string(rows == 1 ? "decode" : "prefill") + " attention " + (type == KP_CACHE_I8 ? "int8" : "bf16"),
                  std::string(model.name) + ", " + Times(sequences, rows) + " at " + std::to_string(context), work,
                  [&](int) { Check(CALL(kp_paged_attention)(program.stream(), &args)); });
  program.Free();
}

/* What works on rows of tokens between the products. */
void MeasureRows(DeviceProgram& program, const Model& model, int64_t tokens) {
  if (!program.HasTime()) {
    return;
  }
  const float* x = program.Floats(tokens * 2 * model.ffn);
  float* residual = program.Floats(tokens * model.hidden);
  const float* weight = program.Floats(model.hidden);
  void* y = program.Allocate(tokens * std::max(model.ffn, model.hidden * 2) * 2);
  program.Measure("add and rms norm", Times(tokens, model.hidden), {static_cast<double>(tokens * model.hidden * 14), 0},
                  [&](int) { Check(CALL(kp_rms_norm)(program.stream(), x, residual, weight, y, KP_BF16, tokens, model.hidden, 1e-5f)); });
  program.Measure("add and layer norm", Times(tokens, model.hidden), {static_cast<double>(tokens * model.hidden * 14), 0}, [&](int) {
    Check(CALL(kp_layer_norm)(program.stream(), x, residual, weight, weight, y, KP_BF16, tokens, model.hidden, 1e-5f));
  });
  program.Measure("gated activation", Times(tokens, model.ffn), {static_cast<double>(tokens * model.ffn * 10), 0},
                  [&](int) { Check(CALL(kp_gated_activation)(program.stream(), KP_SILU, x, y, KP_BF16, tokens, model.ffn)); });
  const int64_t vocabulary = program.tiny() ? 100 : 128256;
  const void* table = program.Halves(vocabulary * model.hidden);
  std::vector<int32_t> ids(static_cast<size_t>(tokens));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>(i * 7919 % static_cast<size_t>(vocabulary));
  }
  const int32_t* rows = program.Upload(ids);
  program.Measure("embedding", Times(tokens, model.hidden), {static_cast<double>(tokens * model.hidden * 6), 0}, [&](int) {
    Check(CALL(kp_embedding)(program.stream(), table, KP_BF16, vocabulary, model.hidden, rows, nullptr, tokens, static_cast<float*>(y)));
  });
  program.Free();
}

void MeasureRope(DeviceProgram& program, const Model& model, kp_cache_dtype type, int64_t tokens) {
  if (!program.HasTime()) {
    return;
  }
  const int64_t blocks = (tokens + kBlockTokens - 1) / kBlockTokens;
  const int64_t half = model.head_dim / 2;
  const Cache cache = MakeCache(program, model, type, blocks);
  std::vector<int64_t> slots(static_cast<size_t>(tokens));
  std::vector<int32_t> positions(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i] = static_cast<int64_t>(i);
    positions[i] = static_cast<int32_t>(i);
  }
  const double* frequencies = program.Upload(std::vector<double>(static_cast<size_t>(half), 0.01));
  const int32_t* at = program.Upload(positions);
  float* angles = program.Allocate<float>(tokens * 2 * half * 4);
  program.Measure("rope angles", Times(tokens, half), {static_cast<double>(tokens * half * 8), 0},
                  [&](int) { Check(CALL(kp_rope_angles)(program.stream(), frequencies, half, 1, at, tokens, angles)); });
  const int64_t queries = int64_t{model.query_heads} * model.head_dim;
  const int64_t keys = int64_t{model.kv_heads} * model.head_dim;
  kp_rope_cache_write_args args{};
  args.qkv_stride = queries + 2 * keys;
  args.qkv = program.Floats(tokens * args.qkv_stride);
  args.cos_sin = angles;
  args.slots = program.Upload(slots);
  args.key_cache = cache.keys;
  args.value_cache = cache.values;
  args.block_stride = cache.block_bytes;
  args.tokens = tokens;
  args.query_heads = model.query_heads;
  args.kv_heads = model.kv_heads;
  args.head_dim = model.head_dim;
  args.half = static_cast<int32_t>(half);
  args.block_tokens = kBlockTokens;
  args.cache_dtype = type;
  const double written = 2.0 * model.kv_heads * static_cast<double>(cache.token_bytes);
  program.Measure(std::string("rope and cache write ") + (type == KP_CACHE_I8 ? "int8" : "bf16"),
                  std::string(model.name) + ", " + std::to_string(tokens),
                  {static_cast<double>(tokens) * (static_cast<double>(queries * 8 + keys * 8) + written), 0},
                  [&](int) { Check(CALL(kp_rope_cache_write)(program.stream(), &args)); });
  program.Free();
}

void MeasureSampling(DeviceProgram& program, int64_t rows, int64_t vocabulary) {
  const struct {
    const char* name;
    float temperature;
    float top_p;
    int32_t top_k;
  } choices[] = {{"greedy", 0, 1, 0}, {"plain", 0.8f, 1, 0}, {"top-p", 0.8f, 0.9f, 0}, {"top-k and top-p", 0.8f, 0.95f, 50}};
  for (const auto& choice : choices) {
    if (!program.HasTime()) {
      return;
    }
    kp_sampling_row row{};
    row.temperature = choice.temperature;
    row.top_p = choice.top_p;
    row.repetition_penalty = 1;
    row.top_k = choice.top_k;
    row.top_logprobs = -1;
    row.given_token = -1;
    kp_sampling_args args{};
    args.logits = program.Floats(rows * vocabulary);
    args.logits_stride = args.vocabulary = vocabulary;
    args.row = program.Upload(std::vector<kp_sampling_row>(static_cast<size_t>(rows), row));
    args.token = program.Allocate<int32_t>(rows * 4);
    args.logprob = program.Allocate<float>(rows * 4);
    args.rank = program.Allocate<int32_t>(rows * 4);
    args.workspace_bytes = CALL(kp_sample_workspace)(program.device(), rows, vocabulary);
    args.workspace = program.Allocate(args.workspace_bytes);
    args.rows = rows;
    program.Measure(std::string("sampling ") + choice.name, Times(rows, vocabulary), {static_cast<double>(rows * vocabulary * 4), 0},
                    [&](int) { Check(CALL(kp_sample)(program.stream(), &args)); });
    program.Free();
  }
}

void MeasureTiny(DeviceProgram& program) {
  for (const Storage& storage : kStorages) {
    MeasureLinear(program, "tiny", 96, 128, storage, {1, 9, 70});
    for (const kp_epilogue epilogue : {KP_ADD_RMS_NORM, KP_ADD_LAYER_NORM, KP_GATE}) {
      MeasureEnding(program, "tiny", 96, 128, storage, epilogue, {1, 9, 70});
    }
  }
  for (const kp_cache_dtype type : {KP_CACHE_BF16, KP_CACHE_I8}) {
    MeasureAttention(program, kTiny, type, 2, 1, 300);
    MeasureAttention(program, kTiny, type, 1, 20, 40);
    MeasureRope(program, kTiny, type, 5);
  }
  MeasureRows(program, kTiny, 3);
  MeasureSampling(program, 2, 3000);
}

/* What matters most comes first, for where the time ends. */
void MeasureReal(DeviceProgram& program) {
  const std::vector<int64_t> rows{1, 4, 16, 64, 256, 2048};
  MeasureLinears(program, kLlama8B, kBf16, rows);
  MeasureEnding(program, "Llama-3-8B o", kLlama8B.hidden, kLlama8B.hidden, kBf16, KP_ADD_RMS_NORM, rows);
  MeasureEnding(program, "Llama-3-8B gate up", 2 * kLlama8B.ffn, kLlama8B.hidden, kBf16, KP_GATE, rows);
  MeasureEnding(program, "Llama-3-8B down", kLlama8B.hidden, kLlama8B.ffn, kBf16, KP_ADD_RMS_NORM, rows);
  for (const int32_t context : {4096, 1024, 16384}) {
    for (const int32_t sequences : {16, 64, 1}) {
      MeasureAttention(program, kLlama8B, KP_CACHE_BF16, sequences, 1, context);
    }
  }
  for (const auto& [tokens, context] : std::vector<std::pair<int32_t, int32_t>>{{2048, 2048}, {2048, 8192}, {8192, 8192}}) {
    MeasureAttention(program, kLlama8B, KP_CACHE_BF16, 1, tokens, context);
  }
  for (const int64_t tokens : {1, 64, 2048}) {
    MeasureRows(program, kLlama8B, tokens);
    MeasureRope(program, kLlama8B, KP_CACHE_BF16, tokens);
  }
  for (const int64_t sequences : {1, 16, 64, 256}) {
    MeasureSampling(program, sequences, 128256);
  }
  MeasureLinear(program, "Llama-3-8B logits", 128256, 4096, kBf16, {1, 16, 64, 256});
  for (const Model& model : {kQwen06B, kQwen4B, kLlama70B}) {
    MeasureLinears(program, model, kBf16, rows);
    MeasureAttention(program, model, KP_CACHE_BF16, 16, 1, 4096);
  }
  for (const Storage& storage : {kInt8, kInt4, kDynamic, kFp8}) {
    MeasureLinears(program, kLlama8B, storage, rows);
  }
  for (const int32_t sequences : {1, 16, 64}) {
    MeasureAttention(program, kLlama8B, KP_CACHE_I8, sequences, 1, 4096);
  }
  MeasureAttention(program, kLlama8B, KP_CACHE_I8, 1, 2048, 8192);
  MeasureRope(program, kLlama8B, KP_CACHE_I8, 2048);
}

}  // namespace

int main(int count, char** values) {
  std::map<std::string, std::string> options{{"shapes", "real"}, {"device", "0"}, {"seconds", "1e9"}, {"copy", "0"}, {"products", "0"}};
  for (int i = 2; i < count; ++i) {
    const std::string given = values[i];
    const size_t sign = given.find('=');
    if (sign == std::string::npos || options.count(given.substr(0, sign)) == 0) {
      count = 0;
      break;
    }
    options[given.substr(0, sign)] = given.substr(sign + 1);
  }
  if (count < 2 || (options["shapes"] != "real" && options["shapes"] != "tiny")) {
    std::fprintf(stderr, "device_bench LIBRARY [shapes=real|tiny] [device=INDEX] [seconds=SECONDS] [copy=GB/S] [products=TFLOP/S]\n");
    return 2;
  }
  kp::bench::library = dlopen(values[1], RTLD_NOW);
  if (kp::bench::library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  DeviceProgram program(std::stoi(options["device"]), options["shapes"] == "tiny", std::stod(options["seconds"]),
                        {std::stod(options["copy"]), std::stod(options["products"])});
  kp_device_info info{};
  Check(CALL(kp_device_get_info)(program.device(), &info));
  std::printf("{\"device\": \"%s\", \"memory_bytes\": %lld}\n", info.name, static_cast<long long>(info.total_bytes));
  MeasureCeilings(program);
  program.tiny() ? MeasureTiny(program) : MeasureReal(program);
  if (program.skipped() > 0) {
    std::printf("{\"skipped\": %d, \"reason\": \"no time was left\"}\n", program.skipped());
  }
  return 0;
}
