/* linear_bench: matrix products of real models against the machine's ceilings.
 *
 * Each matrix has as many copies as no cache holds and every product takes the next one, as the layers of a model do. Ceilings are measured
 * anew before each matrix. On a shared machine the best time is the one to compare. */
#include <algorithm>
#include <string>
#include <vector>

#include "bench/program.h"

namespace {

using kp::bench::Ceilings;
using kp::bench::Check;
using kp::bench::Multiply;
using kp::bench::Program;
using kp::bench::Timing;

constexpr char kUsage[] =
    "linear_bench [--models=small,tinyllama,qwen2.5-0.5b,llama-3.2-1b] [--matrices=qkv,o,gate_up,down,head]\n"
    "  [--formats=bf16,f32,int8,int8-dynamic,int4] [--rows=1,2,4,8,16,32,64,512] [--isa=N] [--threads=N] [--seconds=S] [--json=FILE]";

struct Model {
  const char* name;
  int64_t hidden;
  int64_t ffn;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t vocab;
};

constexpr Model kModels[] = {
    {"small", 768, 3072, 12, 4, 64, 32000},
    {"tinyllama", 2048, 5632, 32, 4, 64, 32000},
    {"qwen2.5-0.5b", 896, 4864, 14, 2, 64, 151936},
    {"llama-3.2-1b", 2048, 8192, 32, 8, 64, 128256},
};

struct Format {
  const char* name;
  kp_linear_format format;
  double Ceilings::*peak;
};

/* As --quantization makes them of a bf16 checkpoint. */
constexpr Format kFormats[] = {
    {"bf16", {KP_BF16, 0, 0, 0, 0, 0, 0, 0}, &Ceilings::bf16_flops},
    {"f32", {KP_F32, 0, 0, 0, 0, 0, 0, 0}, &Ceilings::float_flops},
    {"int8", {KP_BF16, 8, 0, 0, KP_F32, 0, 0, 0}, &Ceilings::bf16_flops},
    {"int8-dynamic", {KP_BF16, 8, 0, 0, KP_F32, 0, 1, 0}, &Ceilings::int8_ops},
    {"int4", {KP_BF16, 4, 0, 32, KP_BF16, 0, 0, 0}, &Ceilings::bf16_flops},
};

constexpr int64_t kRows[] = {1, 2, 4, 8, 16, 32, 64, 512};
constexpr int64_t kMostRows = 512;
constexpr int64_t kCopiesBytes = int64_t{160} << 20;

struct Matrix {
  const char* name;
  int64_t out;
  int64_t in;
};

kp_linear* Make(kp_device* device, const Matrix& matrix, const Format& format) {
  constexpr int64_t kBlock = 256;
  kp_linear* linear = nullptr;
  Check(kp_linear_create(device, matrix.out, matrix.in, &format.format, &linear));
  std::vector<float> source(kBlock * matrix.in);
  for (size_t i = 0; i < source.size(); ++i) {
    source[i] = static_cast<float>(i % 251) * 0.01f - 1.0f;
  }
  for (int64_t row = 0; row < matrix.out; row += kBlock) {
    Check(kp_linear_load(linear, row, std::min(kBlock, matrix.out - row), source.data(), KP_F32, matrix.in));
  }
  return linear;
}

void BenchMatrix(Program& program, const Model& model, const Matrix& matrix, const Format& format) {
  std::vector<kp_linear*> copies{Make(program.device(), matrix, format)};
  const auto bytes = static_cast<double>(kp_linear_bytes(copies[0]));
  while (static_cast<double>(copies.size()) * bytes < static_cast<double>(kCopiesBytes)) {
    copies.push_back(Make(program.device(), matrix, format));
  }
  const Ceilings ceilings = program.MeasureCeilings();
  const double peak = ceilings.*format.peak;
  const std::vector<float> x(kMostRows * matrix.in, 0.5f);
  std::vector<float> y(kMostRows * matrix.out);
  size_t next = 0;
  for (const int64_t rows : kRows) {
    if (!program.Wants("rows", std::to_string(rows))) {
      continue;
    }
    const double flops = 2.0 * static_cast<double>(rows * matrix.out * matrix.in);
    const int calls = std::clamp(static_cast<int>(4e8 / flops), 1, static_cast<int>(copies.size()));
    const Timing time = program.Time(calls, [&] {
      next = (next + 1) % copies.size();
      Multiply(program.stream(), copies[next], x.data(), KP_F32, matrix.in, rows, y.data(), matrix.out);
    });
    const double limit = std::max(bytes / ceilings.read_bytes, flops / peak);
    program.Row({{"model", model.name},
                 {"matrix", matrix.name},
                 {"out", static_cast<double>(matrix.out), 0},
                 {"in", static_cast<double>(matrix.in), 0},
                 {"format", format.name},
                 {"rows", static_cast<double>(rows), 0},
                 {"best_us", time.best * 1e6, 1},
                 {"gb_s", bytes / time.best / 1e9, 1},
                 {"peak_gb_s", ceilings.read_bytes / 1e9, 1},
                 {"gop_s", flops / time.best / 1e9, 1},
                 {"peak_gop_s", peak / 1e9, 0},
                 {"best_of_limit_percent", 100 * limit / time.best, 0},
                 {"median_of_limit_percent", 100 * limit / time.median, 0}});
  }
  for (kp_linear* copy : copies) {
    kp_linear_destroy(copy);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Program program(argc, argv, kUsage, {"models", "matrices", "formats", "rows"});
  for (const Model& model : kModels) {
    const Matrix matrices[] = {{"qkv", (model.heads + 2 * model.kv_heads) * model.head_dim, model.hidden},
                               {"o", model.hidden, model.heads * model.head_dim},
                               {"gate_up", 2 * model.ffn, model.hidden},
                               {"down", model.hidden, model.ffn},
                               {"head", model.vocab, model.hidden}};
    for (const Matrix& matrix : matrices) {
      for (const Format& format : kFormats) {
        if (program.Wants("models", model.name) && program.Wants("matrices", matrix.name) && program.Wants("formats", format.name)) {
          BenchMatrix(program, model, matrix, format);
        }
      }
    }
  }
}
