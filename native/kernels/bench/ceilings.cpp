#include "bench/ceilings.h"

#include <immintrin.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace kp::bench {
namespace {

clockid_t clock_id = CLOCK_MONOTONIC;

constexpr int64_t kStreamBytes = int64_t{64} << 20;

/* Runs body(thread) on each thread at once; seconds from the first start to the last end. */
double Together(int threads, const std::function<void(int)>& body) {
  std::atomic<int> ready{0};
  std::vector<double> start(threads);
  std::vector<double> end(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      ++ready;
      while (ready.load() < threads) {
      }
      start[t] = Seconds();
      body(t);
      end[t] = Seconds();
    });
  }
  for (std::thread& thread : pool) {
    thread.join();
  }
  return *std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end());
}

/* Four streams a thread: one stream of one thread does not keep all memory channels busy. */
uint64_t ReadFourStreams(const char* memory) {
  __m512i sum[4] = {};
  for (int64_t i = 0; i < kStreamBytes; i += 256) {
    for (int stream = 0; stream < 4; ++stream) {
      const char* line = memory + stream * kStreamBytes + i;
      for (int j = 0; j < 4; ++j) {
        sum[j] = _mm512_xor_si512(sum[j], _mm512_load_si512(line + 64 * j));
      }
    }
  }
  return static_cast<uint64_t>(
      _mm512_reduce_add_epi64(_mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3]))));
}

/* 24 sums in registers, hand placed: a compiler left to itself spills these loops. */
#define KP_REGISTER_LOOP(name, instruction)                                                                                            \
  void name(int64_t iterations) {                                                                                                      \
    asm volatile(                                                                                                                      \
        "1:\n\t"                                                                                                                       \
        ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23\n\t" instruction                                         \
        " %%zmm30,%%zmm31,%%zmm\\r\n\t"                                                                                                \
        ".endr\n\tdec %0\n\tjnz 1b"                                                                                                    \
        : "+r"(iterations)                                                                                                             \
        :                                                                                                                              \
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
          "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm30", "xmm31", "cc");                    \
  }
KP_REGISTER_LOOP(MultiplyFloats, "vfmadd231ps")
#if defined(__AVX512BF16__)
KP_REGISTER_LOOP(MultiplyBf16, "vdpbf16ps")
#endif

double Rate(int threads, void (*loop)(int64_t), int flops) {
  constexpr int64_t kIterations = 1'000'000;  // about 3 ms
  const double seconds = Together(threads, [&](int) { loop(kIterations); });
  return 24.0 * flops * static_cast<double>(kIterations * threads) / seconds;
}

}  // namespace

void CountProcessorTime(bool on) { clock_id = on ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC; }

double Seconds() {
  timespec time;
  clock_gettime(clock_id, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double ReadBandwidth(int threads) {
  static char* memory = nullptr;
  static int mapped_threads = 0;
  constexpr int64_t kThreadBytes = 4 * kStreamBytes;
  if (threads > mapped_threads) {
    const size_t bytes = static_cast<size_t>(threads * kThreadBytes + (2 << 20));
    void* mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(mapping) + (2 << 20) - 1) & ~uintptr_t{(2 << 20) - 1});
    madvise(memory, static_cast<size_t>(threads * kThreadBytes), MADV_HUGEPAGE);
    std::memset(memory, 1, static_cast<size_t>(threads * kThreadBytes));
    mapped_threads = threads;
  }
  std::atomic<uint64_t> sink{0};
  const double seconds = Together(threads, [&](int t) { sink += ReadFourStreams(memory + t * kThreadBytes); });
  return static_cast<double>(threads * kThreadBytes) / seconds;
}

double PeakFloatFlops(int threads) { return Rate(threads, MultiplyFloats, 32); }

#if defined(__AVX512BF16__)
double PeakBf16Flops(int threads) { return Rate(threads, MultiplyBf16, 64); }
#else
double PeakBf16Flops(int threads) { return PeakFloatFlops(threads); }
#endif

}  // namespace kp::bench
