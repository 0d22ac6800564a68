/* Passes of a block over one row of logits. */
#ifndef KP_CUDA_SAMPLING_ROW_CUH_
#define KP_CUDA_SAMPLING_ROW_CUH_

#include <cstdint>

#include "cuda/device/exp.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/sampling_select.cuh"

namespace kp::cuda {

inline constexpr float kInfinity = __builtin_huge_valf();

struct Smaller {
  __device__ __forceinline__ int operator()(int a, int b) const { return a < b ? a : b; }
};
struct LargerTotal {
  __device__ __forceinline__ Total operator()(Total a, Total b) const { return a > b ? a : b; }
};

/* Rises as the value falls; 0 and -0 are one. */
__device__ __forceinline__ uint32_t FallingKey(float value) {
  const uint32_t bits = __float_as_uint(value + 0.0f);
  return (bits >> 31) != 0 ? bits : ~bits & 0x7fffffffu;
}

template <int kThreads>
struct LogitRow {
  const float* logits;
  int64_t vocabulary;

  /* body(id, logit) for every id; a thread has the same ids in every pass. Two loads at a time, since one block has to keep a memory busy
   * that feeds a hundred. */
  template <typename Body>
  __device__ __forceinline__ void ForEach(const Body& body) const {
    for (int64_t first = 4 * int64_t{threadIdx.x}; first < vocabulary; first += 8 * kThreads) {
      const int64_t second = first + 4 * kThreads;
      const Float4 a = Load4(logits + first, vocabulary - first);
      const Float4 b = second < vocabulary ? Load4(logits + second, vocabulary - second) : Float4{};
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        if (first + e < vocabulary) {
          body(first + e, a.v[e]);
        }
      }
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        if (second + e < vocabulary) {
          body(second + e, b.v[e]);
        }
      }
    }
  }

  /* The largest logit; NaN where the row holds a NaN or +infinity: such a row is the work of a broken model. */
  __device__ float Max() const {
    float max = -kInfinity;
    float broken = 0.0f;
    ForEach([&](int64_t, float logit) {
      max = fmaxf(max, logit);
      broken = logit < kInfinity ? broken : 1.0f;
    });
    max = BlockReduce<kThreads>(max, Larger{});
    return BlockReduce<kThreads>(broken, Larger{}) != 0.0f ? kInfinity - kInfinity : max;
  }

  /* The lowest id whose logit is max. */
  __device__ int FirstOf(float max) const {
    int first = INT32_MAX;
    ForEach([&](int64_t id, float logit) {
      if (logit == max && id < first) {
        first = static_cast<int>(id);
      }
    });
    return BlockReduce<kThreads>(first, Smaller{});
  }

  /* log sum exp of the row. */
  __device__ double LogSum(float max) const {
    float sum = 0.0f;
    ForEach([&](int64_t, float logit) { sum += Exp(logit - max); });
    return static_cast<double>(max) + log(BlockReduce<kThreads>(static_cast<double>(sum), Add{}));
  }

  /* Ids whose logit is at least this one. */
  __device__ int CountFrom(float least) const {
    int count = 0;
    ForEach([&](int64_t, float logit) { count += logit < least ? 0 : 1; });
    return BlockReduce<kThreads>(count, Add{});
  }

  /* The count best ids, ties by rising id; -1 and -infinity where the vocabulary has fewer. list has room for the vocabulary. */
  __device__ void Best(int count, double log_sum, SelectMemory& memory, int* list, int32_t* ids, float* logprobs) const {
    const int found = static_cast<int>(count < vocabulary ? count : vocabulary);
    if (found > 0) {
      const Cut cut = Select<kThreads, false>(
          memory, static_cast<Total>(found), [&](const auto& body) { ForEach([&](int64_t, float logit) { body(FallingKey(logit), 0); }); });
      const int64_t last = LastTie<kThreads>(cut.ties, vocabulary, [&](int64_t id) { return FallingKey(logits[id]) == cut.key; });
      Collect(cut.key, last, list);
      Order(found, log_sum, list, ids, logprobs);
    }
    for (int i = found + static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      ids[i] = -1;
      logprobs[i] = -kInfinity;
    }
  }

 private:
  /* Ids inside the cut, in whatever order the threads come. */
  __device__ void Collect(uint32_t key, int64_t last, int* list) const {
    __shared__ int filled;
    __syncthreads();
    if (threadIdx.x == 0) {
      filled = 0;
    }
    __syncthreads();
    ForEach([&](int64_t id, float logit) {
      const uint32_t own = FallingKey(logit);
      if (own < key || (own == key && id <= last)) {
        list[atomicAdd(&filled, 1)] = static_cast<int>(id);
      }
    });
    __syncthreads();
  }

  /* An id's place is the number of better ones. */
  __device__ void Order(int found, double log_sum, const int* list, int32_t* ids, float* logprobs) const {
    for (int i = static_cast<int>(threadIdx.x); i < found; i += kThreads) {
      const int id = list[i];
      const uint32_t key = FallingKey(logits[id]);
      int place = 0;
      for (int other = 0; other < found; ++other) {
        const uint32_t others = FallingKey(logits[list[other]]);
        place += others < key || (others == key && list[other] < id) ? 1 : 0;
      }
      ids[place] = id;
      logprobs[place] = static_cast<float>(static_cast<double>(logits[id]) - log_sum);
    }
  }
};

}  // namespace kp::cuda

#endif
