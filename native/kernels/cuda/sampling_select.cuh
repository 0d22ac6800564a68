/* Finding where to cut a row, without sorting it: ids are counted, and their weights summed, by the leading bits of a key; the bucket in
 * which the cut falls is then looked into more closely. Weights are summed as whole numbers, so no order of threads changes a sum. */
#ifndef KP_CUDA_SAMPLING_SELECT_CUH_
#define KP_CUDA_SAMPLING_SELECT_CUH_

#include <cstdint>

#include "cuda/device/reduce.cuh"

namespace kp::cuda {

using Total = unsigned long long;

/* Sums of all threads before this one; *all: of all of them. */
template <int kThreads>
__device__ __forceinline__ Total SumBefore(Total value, Total* all) {
  constexpr int kWarps = kThreads / kWarpThreads;
  __shared__ Total warps[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  Total sum = value;
  for (int distance = 1; distance < kWarpThreads; distance *= 2) {
    const Total other = __shfl_up_sync(kAllLanes, sum, static_cast<unsigned>(distance));
    sum += lane >= distance ? other : 0;
  }
  __syncthreads();  // whoever still reads the sums of the call before
  if (lane == kWarpThreads - 1) {
    warps[warp] = sum;
  }
  __syncthreads();
  Total before = 0;
  Total total = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    before += w < warp ? warps[w] : 0;
    total += warps[w];
  }
  *all = total;
  return before + sum - value;
}

/* The cut: every id with a key below `key` is in, and of those with this key the `ties` lowest. */
struct Cut {
  uint32_t key;
  Total ties;
};

inline constexpr int kSelectBuckets = 2048;

struct SelectMemory {
  unsigned count[kSelectBuckets];
  Total weight[kSelectBuckets];
  unsigned bucket;
  Total before;
  Total in_bucket;
};

/* The lowest cut up to which the measure of the ids, in the order of their keys, reaches target: kWeighted: the sum of their weights, else
 * their number. visit(body) calls body(key, weight) for every id that takes part, on whatever thread. Everything is in where the target is
 * never reached. */
template <int kThreads, bool kWeighted, typename Visit>
__device__ Cut Select(SelectMemory& memory, Total target, const Visit& visit) {
  constexpr int kShifts[] = {21, 10, 0};
  constexpr int kBits[] = {11, 11, 10};
  constexpr int kShare = kSelectBuckets / kThreads;
  uint32_t prefix = 0;
  Total left = target;
#pragma unroll
  for (int level = 0; level < 3; ++level) {
    const int shift = kShifts[level];
    const uint32_t mask = (1u << kBits[level]) - 1;
    __syncthreads();
    for (int b = static_cast<int>(threadIdx.x); b < kSelectBuckets; b += kThreads) {
      memory.count[b] = 0;
      memory.weight[b] = 0;
    }
    if (threadIdx.x == 0) {
      memory.bucket = kSelectBuckets;
    }
    __syncthreads();
    visit([&](uint32_t key, Total weight) {
      if (level == 0 || key >> (shift + kBits[level]) == prefix) {
        const uint32_t b = key >> shift & mask;
        atomicAdd(&memory.count[b], 1u);
        if constexpr (kWeighted) {
          atomicAdd(&memory.weight[b], weight);
        }
      }
    });
    __syncthreads();
    const int first = static_cast<int>(threadIdx.x) * kShare;
    Total mine = 0;
    for (int b = first; b < first + kShare; ++b) {
      mine += kWeighted ? memory.weight[b] : memory.count[b];
    }
    Total all = 0;
    Total before = SumBefore<kThreads>(mine, &all);
    if (before < left && before + mine >= left) {
      for (int b = first; b < first + kShare; ++b) {
        const Total measure = kWeighted ? memory.weight[b] : memory.count[b];
        if (before + measure >= left) {
          memory.bucket = static_cast<unsigned>(b);
          memory.before = before;
          memory.in_bucket = memory.count[b];
          break;
        }
        before += measure;
      }
    }
    __syncthreads();
    if (memory.bucket == kSelectBuckets) {
      return {0xffffffffu, ~Total{0}};
    }
    prefix = level == 0 ? memory.bucket : prefix << kBits[level] | memory.bucket;
    left -= memory.before;
  }
  const Total each = kWeighted ? memory.weight[memory.bucket] / memory.in_bucket : 1;
  return {prefix, (left + each - 1) / each};
}

/* Whether there are more ids with the cut's key than it takes, which is then answered by *last, the highest id taken. matches(id): has the
 * key. */
template <int kThreads, typename Matches>
__device__ int64_t LastTie(Total ties, int64_t vocabulary, const Matches& matches) {
  __shared__ int last;
  __syncthreads();
  if (threadIdx.x == 0) {
    last = -1;
  }
  Total seen = 0;
  for (int64_t first = 0; first < vocabulary && seen < ties; first += kThreads) {
    const int64_t id = first + threadIdx.x;
    const Total mine = id < vocabulary && matches(id) ? 1 : 0;
    Total all = 0;
    const Total before = seen + SumBefore<kThreads>(mine, &all);
    if (mine != 0 && before + 1 == ties) {
      last = static_cast<int>(id);
    }
    seen += all;
  }
  __syncthreads();
  return last >= 0 ? last : vocabulary;
}

}  // namespace kp::cuda

#endif
