/* invariance_bench: what batch invariance costs. The library's bf16 product of one row, whose order of sums is that of any number of rows,
 * beside variants that exist only here and may choose theirs for one row:
 *   rows of outputs   every thread takes some outputs and sums each along the input, in as many partial sums as hide the latency
 *   split inputs      every thread takes a part of the input for all outputs; the parts are added at the end
 * They get what they like best: weights as they lie in the checkpoint, and threads that wait spinning. */
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "bench/program.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>

namespace {

using kp::bench::Ceilings;
using kp::bench::Check;
using kp::bench::Multiply;
using kp::bench::Program;
using kp::bench::Timing;

constexpr char kUsage[] = "invariance_bench [--threads=N] [--seconds=S] [--json=FILE]";
constexpr int kRounds = 5;
constexpr int64_t kCopiesBytes = int64_t{160} << 20;

struct Matrix {
  const char* name;
  int64_t out;
  int64_t in;
};

/* Narrow and wide ones; in is a multiple of 64, and of 64 for each thread where it is split. */
constexpr Matrix kMatrices[] = {
    {"small o", 768, 768},          {"small down", 768, 3072},        {"small gate_up", 6144, 768},
    {"qwen2.5-0.5b o", 896, 896},   {"qwen2.5-0.5b down", 896, 4864}, {"tinyllama qkv", 2560, 2048},
    {"tinyllama down", 2048, 5632},
};

/* Threads that wait for the next piece of work without ever sleeping. */
class SpinningThreads {
 public:
  explicit SpinningThreads(int count) : count_(count) {
    for (int t = 1; t < count; ++t) {
      threads_.emplace_back([this, t] { Serve(t); });
    }
  }
  ~SpinningThreads() {
    stopping_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }
  int count() const { return count_; }

  void Run(const std::function<void(int)>& work) {
    work_ = &work;
    done_ = 0;
    ++generation_;
    work(0);
    while (done_.load() < count_ - 1) {
    }
  }

 private:
  void Serve(int thread) {
    for (int seen = 0; !stopping_;) {
      if (generation_.load() != seen) {
        ++seen;
        (*work_)(thread);
        ++done_;
      }
    }
  }

  int count_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<int> generation_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> stopping_{false};
};

uint16_t ToBf16(float value) {
  uint32_t bits;
  static_assert(sizeof bits == sizeof value);
  __builtin_memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

__m512bh Load(const uint16_t* at) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(at)); }

/* Four outputs at a time along inputs [first, last), two sums each. */
void DotFour(const uint16_t* weights, int64_t stride, const uint16_t* x, int64_t first, int64_t last, float* y) {
  __m512 sums[4][2] = {};
  for (int64_t i = first; i < last; i += 64) {
    const __m512bh low = Load(x + i);
    const __m512bh high = Load(x + i + 32);
    for (int row = 0; row < 4; ++row) {
      sums[row][0] = _mm512_dpbf16_ps(sums[row][0], Load(weights + row * stride + i), low);
      sums[row][1] = _mm512_dpbf16_ps(sums[row][1], Load(weights + row * stride + i + 32), high);
    }
  }
  for (int row = 0; row < 4; ++row) {
    y[row] = _mm512_reduce_add_ps(_mm512_add_ps(sums[row][0], sums[row][1]));
  }
}

struct Product {
  const Matrix* matrix;
  const uint16_t* x;
  float* y;
  float* parts; /* [threads, out] */
};

void RowsOfOutputs(SpinningThreads& threads, const Product& product, const uint16_t* weights) {
  const int64_t groups = product.matrix->out / 4;
  const int64_t in = product.matrix->in;
  threads.Run([&](int t) {
    for (int64_t group = groups * t / threads.count(); group < groups * (t + 1) / threads.count(); ++group) {
      DotFour(weights + 4 * group * in, in, product.x, 0, in, product.y + 4 * group);
    }
  });
}

void SplitInputs(SpinningThreads& threads, const Product& product, const uint16_t* weights) {
  const int64_t in = product.matrix->in;
  const int64_t out = product.matrix->out;
  const int64_t steps = in / 64;
  threads.Run([&](int t) {
    const int64_t first = 64 * (steps * t / threads.count());
    const int64_t last = 64 * (steps * (t + 1) / threads.count());
    for (int64_t row = 0; row < out; row += 4) {
      DotFour(weights + row * in, in, product.x, first, last, product.parts + t * out + row);
    }
  });
  for (int64_t row = 0; row < out; ++row) {
    product.y[row] = 0;
    for (int t = 0; t < threads.count(); ++t) {
      product.y[row] += product.parts[t * out + row];
    }
  }
}

void Compare(const std::vector<float>& expected, const std::vector<float>& got) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::abs(expected[i] - got[i]) > 1e-3f * (1 + std::abs(expected[i]))) {
      std::fprintf(stderr, "output %zu is %g instead of %g\n", i, static_cast<double>(got[i]), static_cast<double>(expected[i]));
      std::exit(1);
    }
  }
}

void Keep(Timing* best, const Timing& time) {
  if (time.best < best->best) {
    *best = time;
  }
}

void BenchMatrix(Program& program, const Matrix& matrix) {
  const int64_t elements = matrix.out * matrix.in;
  const auto bytes = static_cast<double>(2 * elements);
  const size_t copies = static_cast<size_t>(1 + kCopiesBytes / (2 * elements));
  std::vector<uint16_t> source(elements);
  for (int64_t i = 0; i < elements; ++i) {
    source[i] = ToBf16(static_cast<float>(i * 2654435761 % 251) * 0.01f - 1.25f);
  }
  const kp_linear_format format{KP_BF16, 0, 0, 0, 0, 0, 0, 0};
  std::vector<kp_linear*> packed(copies);
  for (kp_linear*& linear : packed) {
    Check(kp_linear_create(program.device(), matrix.out, matrix.in, &format, &linear));
    Check(kp_linear_load(linear, 0, matrix.out, source.data(), KP_BF16, matrix.in));
  }
  const std::vector<std::vector<uint16_t>> plain(copies, source);
  std::vector<uint16_t> x(matrix.in);
  for (int64_t i = 0; i < matrix.in; ++i) {
    x[i] = ToBf16(static_cast<float>(i % 17) * 0.1f - 0.8f);
  }
  std::vector<float> ours(matrix.out);
  std::vector<float> other(matrix.out);
  std::vector<float> parts(matrix.out * program.threads());
  const Product product{&matrix, x.data(), other.data(), parts.data()};
  const int calls = std::clamp(static_cast<int>(4e8 / (2 * bytes)), 1, static_cast<int>(copies));
  size_t next = 0;
  const Ceilings ceilings = program.MeasureCeilings();
  Timing invariant{1e9, 1e9};
  Timing rows{1e9, 1e9};
  Timing split{1e9, 1e9};
  for (int round = 0; round < kRounds; ++round) {  // in turn, so that a disturbed moment hits all of them
    Keep(&invariant, program.Time(calls, [&] {
      next = (next + 1) % copies;
      Multiply(program.stream(), packed[next], x.data(), KP_BF16, matrix.in, 1, ours.data(), matrix.out);
    }));
    SpinningThreads threads(program.threads());  // they take their processors for as long as they live
    Keep(&rows, program.Time(calls, [&] { RowsOfOutputs(threads, product, plain[next = (next + 1) % copies].data()); }));
    Compare(ours, other);
    Keep(&split, program.Time(calls, [&] { SplitInputs(threads, product, plain[next = (next + 1) % copies].data()); }));
    Compare(ours, other);
  }
  const double fastest = std::min(rows.best, split.best);
  program.Row({{"matrix", matrix.name},
               {"out", static_cast<double>(matrix.out), 0},
               {"in", static_cast<double>(matrix.in), 0},
               {"invariant_us", invariant.best * 1e6, 1},
               {"rows_of_outputs_us", rows.best * 1e6, 1},
               {"split_inputs_us", split.best * 1e6, 1},
               {"fastest_other_to_invariant", fastest / invariant.best, 2},
               {"invariant_of_limit_percent", 100 * bytes / ceilings.read_bytes / invariant.best, 0}});
  for (kp_linear* linear : packed) {
    kp_linear_destroy(linear);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Program program(argc, argv, kUsage, {});
  for (const Matrix& matrix : kMatrices) {
    BenchMatrix(program, matrix);
  }
}

#else

int main() {
  std::fprintf(stderr, "invariance_bench compares bf16 dot products, which this processor lacks\n");
  return 2;
}

#endif
