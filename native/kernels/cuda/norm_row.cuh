/* A row's norm. It is the work of kThreads threads, a number that is part of the order of its sums: a block of so many takes it, or a warp
 * whose lanes each do the work of several. */
#ifndef KP_CUDA_NORM_ROW_CUH_
#define KP_CUDA_NORM_ROW_CUH_

#include "abi/calls.h"
#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"

namespace kp::cuda {

/* Small rows take few threads. It follows from hidden alone. */
inline constexpr int kSmallNormThreads = 64;
inline constexpr int kNormThreads = 256;
__host__ __device__ __forceinline__ bool IsSmallNorm(const NormCall& call) { return call.hidden <= 1024; }

template <int kThreadsOfSum>
struct BlockTeam {
  static constexpr int kThreads = kThreadsOfSum;
  static constexpr int kTurns = 1;
  __device__ __forceinline__ static int Thread(int) { return static_cast<int>(threadIdx.x); }
  __device__ __forceinline__ static float Sum(const float (&parts)[1]) { return BlockReduce<kThreads>(parts[0], Add{}); }
};

template <int kThreadsOfSum>
struct WarpTeam {
  static constexpr int kThreads = kThreadsOfSum;
  static constexpr int kTurns = kThreads / kWarpThreads;
  __device__ __forceinline__ static int Thread(int turn) { return turn * kWarpThreads + static_cast<int>(threadIdx.x) % kWarpThreads; }
  /* As BlockReduce adds them. */
  __device__ __forceinline__ static float Sum(const float (&parts)[kTurns]) {
    float total = WarpReduce(parts[0], Add{});
#pragma unroll
    for (int turn = 1; turn < kTurns; ++turn) {
      total = total + WarpReduce(parts[turn], Add{});
    }
    return total;
  }
};

template <typename Team>
class NormRow {
 public:
  __device__ __forceinline__ NormRow(const NormCall& call, int64_t row) : call_(call), at_(row * call.hidden) {}

  __device__ __forceinline__ void Rms() const {
    float squares[Team::kTurns] = {};
    AddAndVisit([&](int turn, int64_t, const Float4& v, int64_t count) { squares[turn] += SumSquares(v, count, 0.0f); });
    const float mean_square = Team::Sum(squares) / static_cast<float>(call_.hidden);
    const float scale = 1.0f / sqrtf(mean_square + call_.eps);
    Visit([&](int, int64_t i, const Float4& v, int64_t count) {
      const Float4 weight = Load4(call_.weight + i, count);
      Float4 result;
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        result.v[e] = v.v[e] * scale * weight.v[e];
      }
      Write(i, result, count);
    });
  }

  __device__ __forceinline__ void Layer() const {
    const float hidden = static_cast<float>(call_.hidden);
    float sum[Team::kTurns] = {};
    AddAndVisit([&](int turn, int64_t, const Float4& v, int64_t) { sum[turn] += (v.v[0] + v.v[1]) + (v.v[2] + v.v[3]); });
    const float mean = Team::Sum(sum) / hidden;
    float squares[Team::kTurns] = {};
    Visit([&](int turn, int64_t, const Float4& v, int64_t count) { squares[turn] += SumSquares(v, count, mean); });
    const float variance = Team::Sum(squares) / hidden;
    const float scale = 1.0f / sqrtf(variance + call_.eps);
    Visit([&](int, int64_t i, const Float4& v, int64_t count) {
      const Float4 weight = Load4(call_.weight + i, count);
      const Float4 bias = call_.bias == nullptr ? Float4{} : Load4(call_.bias + i, count);
      Float4 result;
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        result.v[e] = fmaf((v.v[e] - mean) * scale, weight.v[e], bias.v[e]);
      }
      Write(i, result, count);
    });
  }

 private:
  /* body(turn, i, values from i on, how many of them count). */
  template <typename Body>
  __device__ __forceinline__ void Visit(const Body& body) const {
    for (int64_t start = 0; start < call_.hidden; start += 4 * Team::kThreads) {
#pragma unroll
      for (int turn = 0; turn < Team::kTurns; ++turn) {
        const int64_t i = start + 4 * Team::Thread(turn);
        if (i < call_.hidden) {
          body(turn, i, Load4((call_.residual != nullptr ? call_.residual : call_.x) + at_ + i, call_.hidden - i), call_.hidden - i);
        }
      }
    }
  }

  /* The first pass over the row: adds x to the residual and keeps the sum there. */
  template <typename Body>
  __device__ __forceinline__ void AddAndVisit(const Body& body) const {
    Visit([&](int turn, int64_t i, Float4 v, int64_t count) {
      if (call_.residual != nullptr && call_.x != nullptr) {
        const Float4 more = Load4(call_.x + at_ + i, count);
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          v.v[e] = v.v[e] + more.v[e];
        }
        Store4(call_.residual + at_ + i, v, count);
      }
      body(turn, i, v, count);
    });
  }

  __device__ __forceinline__ void Write(int64_t i, const Float4& result, int64_t count) const {
    if (call_.y_dtype == KP_F32) {
      Store4(static_cast<float*>(call_.y) + at_ + i, result, count);
    } else {
      Store4(static_cast<Bf16*>(call_.y) + at_ + i, result, count);
    }
  }

  /* Element e of a tail beyond count adds zero to a sum. */
  __device__ __forceinline__ static float SumSquares(const Float4& v, int64_t count, float mean) {
    float sum = 0.0f;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float difference = e < count ? v.v[e] - mean : 0.0f;
      sum = fmaf(difference, difference, sum);
    }
    return sum;
  }

  const NormCall& call_;
  const int64_t at_;
};

}  // namespace kp::cuda

#endif
