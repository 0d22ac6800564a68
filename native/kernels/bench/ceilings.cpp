#include "bench/ceilings.h"

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

constexpr int64_t kThreadBytes = int64_t{256} << 20;

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

/* The widest registers of the processor that this is compiled for. */
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#define KP_VECTOR "zmm"
#define KP_SUMS "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23"
#define KP_FACTORS "%%zmm30,%%zmm31"
constexpr int kSums = 24;
#else
constexpr int kVectorBytes = 32;
#define KP_VECTOR "ymm"
#define KP_SUMS "0,1,2,3,4,5,6,7,8,9,10,11"
#define KP_FACTORS "%%ymm14,%%ymm15"
constexpr int kSums = 12;
#endif
using Vector = uint64_t __attribute__((vector_size(kVectorBytes)));

/* A thread's memory read along so many places at a time. */
template <int kStreams>
uint64_t Read(const char* memory) {
  constexpr int64_t kStreamBytes = kThreadBytes / kStreams;
  constexpr int kUnrolled = 8 / kStreams;
  Vector sum[8] = {};
  for (int64_t i = 0; i < kStreamBytes; i += kUnrolled * kVectorBytes) {
    for (int stream = 0; stream < kStreams; ++stream) {
      const auto* at = reinterpret_cast<const Vector*>(memory + stream * kStreamBytes + i);
      for (int j = 0; j < kUnrolled; ++j) {
        sum[stream * kUnrolled + j] ^= at[j];
      }
    }
  }
  uint64_t folded = 0;
  for (const Vector& one : sum) {
    for (size_t i = 0; i < sizeof(one) / sizeof(folded); ++i) {
      folded ^= one[i];
    }
  }
  return folded;
}

/* Sums in registers, hand placed: a compiler left to itself spills these loops. */
#define KP_REGISTER_LOOP(name, instruction)                                                                                            \
  void name(int64_t iterations) {                                                                                                      \
    asm volatile("1:\n\t.irp r," KP_SUMS "\n\t" instruction " " KP_FACTORS ",%%" KP_VECTOR "\\r\n\t.endr\n\tdec %0\n\tjnz 1b"          \
                 : "+r"(iterations)                                                                                                    \
                 :                                                                                                                     \
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
                   "xmm14", "xmm15" KP_UPPER_REGISTERS, "cc");                                                                         \
  }
#if defined(__AVX512F__)
#define KP_UPPER_REGISTERS , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm30", "xmm31"
#else
#define KP_UPPER_REGISTERS
#endif
KP_REGISTER_LOOP(MultiplyFloats, "vfmadd231ps")
#if defined(__AVX512BF16__)
KP_REGISTER_LOOP(MultiplyBf16, "vdpbf16ps")
#endif
#if defined(__AVX512VNNI__)
KP_REGISTER_LOOP(MultiplyInt8, "vpdpbusd")
#endif

/* Each element of a vector of element_bytes takes part in a multiplication and an addition. */
double Rate(int threads, void (*loop)(int64_t), int element_bytes) {
  constexpr int64_t kIterations = 1'000'000;  // about 3 ms
  const double seconds = Together(threads, [&](int) { loop(kIterations); });
  return 2.0 * kSums * (kVectorBytes / element_bytes) * static_cast<double>(kIterations * threads) / seconds;
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
  if (threads > mapped_threads) {
    const size_t bytes = static_cast<size_t>(threads * kThreadBytes + (2 << 20));
    void* mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(mapping) + (2 << 20) - 1) & ~uintptr_t{(2 << 20) - 1});
    madvise(memory, static_cast<size_t>(threads * kThreadBytes), MADV_HUGEPAGE);
    std::memset(memory, 1, static_cast<size_t>(threads * kThreadBytes));
    mapped_threads = threads;
  }
  std::atomic<uint64_t> sink{0};
  const auto bytes = static_cast<double>(threads * kThreadBytes);
  /* Which of them keeps all memory channels busy depends on the machine, and on what its host's other guests do. */
  const double one = Together(threads, [&](int t) { sink += Read<1>(memory + t * kThreadBytes); });
  const double four = Together(threads, [&](int t) { sink += Read<4>(memory + t * kThreadBytes); });
  return bytes / std::min(one, four);
}

double PeakFloatFlops(int threads) { return Rate(threads, MultiplyFloats, 4); }

#if defined(__AVX512BF16__)
double PeakBf16Flops(int threads) { return Rate(threads, MultiplyBf16, 2); }
#else
double PeakBf16Flops(int threads) { return PeakFloatFlops(threads); }
#endif

#if defined(__AVX512VNNI__)
double PeakInt8Ops(int threads) { return Rate(threads, MultiplyInt8, 1); }
#else
double PeakInt8Ops(int threads) { return PeakFloatFlops(threads); }
#endif

}  // namespace kp::bench
