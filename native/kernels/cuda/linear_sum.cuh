/* From sums over inputs to an output element: the same steps in the kernels for few rows and for many, so that their results have the same
 * bits. */
#ifndef KP_CUDA_LINEAR_SUM_CUH_
#define KP_CUDA_LINEAR_SUM_CUH_

#include "cuda/linear_format.cuh"

namespace kp::cuda {

__device__ __forceinline__ float ScaleAt(const LinearCall& call, int64_t at) {
  if (call.scale_dtype == KP_F32) {
    return static_cast<const float*>(call.scales)[at];
  }
  return call.scale_dtype == KP_BF16 ? ToFloat(static_cast<const Bf16*>(call.scales)[at])
                                     : ToFloat(static_cast<const Fp16*>(call.scales)[at]);
}

/* Scales and zero points lie as [feature tile of `tile`][group][feature of the tile]. */
__device__ __forceinline__ int64_t GroupAt(const LinearCall& call, int tile, int64_t feature_tile, int64_t group, int feature) {
  return (feature_tile * call.groups + group) * tile + feature;
}

__device__ __forceinline__ ZeroPair ZerosAt(const LinearCall& call, int64_t feature_tile, int64_t group, int lane) {
  constexpr uint32_t kSymmetric = 8;
  if (call.zero_points == nullptr) {
    return {kSymmetric, kSymmetric};
  }
  const int64_t at = GroupAt(call, kWarpFeatures, feature_tile, group, lane / 4);
  return {call.zero_points[at], call.zero_points[at + 8]};
}

/* Group of a half block, counted over the row. */
__device__ __forceinline__ int64_t GroupOf(const LinearCall& call, int64_t half_block) {
  return call.half_blocks_of_group == 0 ? 0 : half_block / call.half_blocks_of_group;
}
__device__ __forceinline__ bool EndsGroup(const LinearCall& call, int64_t half_block) {
  return call.half_blocks_of_group != 0 && (half_block + 1) % call.half_blocks_of_group == 0;
}

/* slice += scale * group sum, for the 16 x 8 tile of a warp; the group's sum starts again. */
template <typename Sum>
__device__ __forceinline__ void CloseGroup(Sum (&sum)[4], float low_scale, float high_scale, float (&slice)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    slice[i] = fmaf(i < 2 ? low_scale : high_scale, static_cast<float>(sum[i]), slice[i]);
    sum[i] = 0;
  }
}

/* What is left of an element after the sum over all slices. */
__device__ __forceinline__ float Finish(const LinearCall& call, int64_t row, int64_t feature, float total) {
  if (call.x_scales != nullptr) {
    total = total * call.x_scales[row];
  }
  return call.bias == nullptr ? total : total + call.bias[feature];
}

__device__ __forceinline__ void WriteElement(const LinearCall& call, int64_t row, int64_t place, float total) {
  const int64_t feature = FeatureAt(call.gated_width, call.places, place);
  if (row < call.rows && feature >= 0) {
    float* y = call.y + row * call.y_stride + feature;
    const float product = Finish(call, row, feature, total);
    *y = call.end.adds ? *y + product : product;
  }
}

}  // namespace kp::cuda

#endif
