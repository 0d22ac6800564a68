/* Products in fp32 without tensor cores, which have no such type: a lane is an output feature, a warp a slice of the inputs, and a row's
 * inputs are read by all lanes together. */
#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/linear_end.cuh"
#include "cuda/linear_input.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = kSlices * kWarpThreads;
static_assert(kThreads == kNormThreads);

struct FloatWeights {
  static constexpr bool kQuantized = false;
  static constexpr int kPerWord = 4;
  __device__ __forceinline__ static float Weight(const uint4& raw, int i, float) { return __uint_as_float(WordOf(raw, i)); }
};
struct Int8Weights {
  static constexpr bool kQuantized = true;
  static constexpr int kPerWord = 16;
  __device__ __forceinline__ static float Weight(const uint4& raw, int i, float) {
    return static_cast<float>(static_cast<int>(WordOf(raw, i / 4) >> (8 * (i % 4)) & 0xffu) - 128);
  }
};
struct E4m3Weights {
  static constexpr bool kQuantized = true;
  static constexpr int kPerWord = 16;
  __device__ __forceinline__ static float Weight(const uint4& raw, int i, float) {
    return ToFloat(E4m3{static_cast<uint8_t>(WordOf(raw, i / 4) >> (8 * (i % 4)))});
  }
};
struct Int4Weights {
  static constexpr bool kQuantized = true;
  static constexpr int kPerWord = 32;
  __device__ __forceinline__ static float Weight(const uint4& raw, int i, float zero) {
    return static_cast<float>(static_cast<int>(WordOf(raw, i / 8) >> (4 * (i % 8)) & 0xfu)) - zero;
  }
};

template <int kRows>
struct LaneSums {
  float sum[kRows] = {};
  float slice[kRows] = {};

  __device__ __forceinline__ void Close(const LinearCall& call, int64_t feature_tile, int64_t half_block, int lane) {
    const float scale = ScaleAt(call, GroupAt(call, kLaneFeatures, feature_tile, GroupOf(call, half_block), lane));
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      slice[r] = fmaf(scale, sum[r], slice[r]);
      sum[r] = 0.0f;
    }
  }
};

template <typename Weights, int kRows>
__global__ void __launch_bounds__(kThreads) Floats(LinearCall call) {
  constexpr int kHalfWords = kHalfFeatures / Weights::kPerWord;
  __shared__ float slices[kSlices][kRows][kWarpThreads];
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int slice = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t feature_tile = blockIdx.x;
  const int64_t first_row = int64_t{blockIdx.y} * kRows;
  const int64_t begin = 2 * slice * call.slice_blocks;
  const int64_t end = begin + 2 * call.slice_blocks < 2 * call.blocks ? begin + 2 * call.slice_blocks : 2 * call.blocks;
  const uint4* weights = call.weights + feature_tile * call.blocks * 2 * kHalfWords * kWarpThreads + lane;
  MakeInputs<Arithmetic::kF32, kThreads>(call, gridDim.x * gridDim.y);
  LaneSums<kRows> sums;
  for (int64_t half_block = begin; half_block < end; ++half_block) {
    float zero = 8.0f;
    if (call.zero_points != nullptr) {
      zero = static_cast<float>(call.zero_points[GroupAt(call, kLaneFeatures, feature_tile, GroupOf(call, half_block), lane)]);
    }
    uint4 raw[kHalfWords];
#pragma unroll
    for (int word = 0; word < kHalfWords; ++word) {
      raw[word] = weights[(half_block * kHalfWords + word) * kWarpThreads];
    }
#pragma unroll
    for (int k = 0; k < kHalfFeatures; k += 4) {
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const int64_t row = first_row + r < call.rows ? first_row + r : call.rows - 1;
        const int64_t i = half_block * kHalfFeatures + k;
        const Float4 x = i < call.in ? LoadAligned(static_cast<const float*>(call.x) + row * call.x_stride + i) : Float4{};
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          sums.sum[r] = fmaf(x.v[e], Weights::Weight(raw[(k + e) / Weights::kPerWord], (k + e) % Weights::kPerWord, zero), sums.sum[r]);
        }
      }
    }
    if (Weights::kQuantized && (EndsGroup(call, half_block) || half_block + 1 == end)) {
      sums.Close(call, feature_tile, half_block, lane);
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    slices[slice][r][lane] = Weights::kQuantized ? sums.slice[r] : sums.sum[r];
  }
  __syncthreads();
  EndTile<kRows, kLaneFeatures>(call, first_row, feature_tile * kLaneFeatures, [&](int row, int feature) {
    float total = 0.0f;
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
      total += slices[s][row][feature];
    }
    return total;
  });
}

template <typename Weights>
kp_status Launch(kp_stream* stream, const LinearCall& call) {
  const int rows = call.rows == 1 ? 1 : call.rows <= 4 ? 4 : 16;
  const auto kernel = rows == 1 ? Floats<Weights, 1> : rows == 4 ? Floats<Weights, 4> : Floats<Weights, 16>;
  const dim3 grid(static_cast<unsigned>((call.places + kLaneFeatures - 1) / kLaneFeatures),
                  static_cast<unsigned>((call.rows + rows - 1) / rows));
  return KP_LAUNCH(kernel, grid, kThreads, 0, stream, call);
}

}  // namespace

kp_status MultiplyFloats(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  return shape.bits == 0         ? Launch<FloatWeights>(stream, call)
         : shape.has_float_codes ? Launch<E4m3Weights>(stream, call)
         : shape.bits == 8       ? Launch<Int8Weights>(stream, call)
                                 : Launch<Int4Weights>(stream, call);
}

}  // namespace kp::cuda
