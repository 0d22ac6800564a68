/* From the spans of a tile, which its blocks took apart, to y. */
#ifndef KP_CUDA_PAGED_ATTENTION_MERGE_CUH_
#define KP_CUDA_PAGED_ATTENTION_MERGE_CUH_

#include "cuda/device/last_block.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/paged_attention_tile.cuh"

namespace kp::cuda {

/* Every one of the tile's `blocks` comes here when its span is in the workspace; the last folds each row's spans, a warp a row. */
template <int kThreads, int kMostDims>
__device__ __forceinline__ void MergeSpans(const AttentionCall& call, const RowTile& tile, unsigned blocks) {
  constexpr int kShare = kMostDims / kWarpThreads;
  if (!IsLastBlock(call.finished + blockIdx.x * gridDim.y + blockIdx.y, blocks)) {
    return;
  }
  const kp_paged_attention_args& args = call.args;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  for (int row = static_cast<int>(threadIdx.x) / kWarpThreads; row < tile.count; row += kThreads / kWarpThreads) {
    float values[kShare] = {};
    float maximum = 0.0f;
    float sum = 0.0f;
    const int last = tile.Position(row) / kSpanTokens;
#pragma unroll 2
    for (int span = tile.FirstVisible(row, args.window) / kSpanTokens; span <= last; ++span) {
      const float* partial = PartialAt(call, tile.Token(row), tile.Head(row), span);
      const Fold fold = FoldOf(maximum, sum, partial[args.head_dim], partial[args.head_dim + 1]);
#pragma unroll
      for (int i = 0; i < kShare; ++i) {
        const int d = lane + i * kWarpThreads;
        if (d < args.head_dim) {
          values[i] = Join(fold, values[i], partial[d]);
        }
      }
      maximum = fold.maximum;
      sum = fold.sum;
    }
#pragma unroll
    for (int i = 0; i < kShare; ++i) {
      const int d = lane + i * kWarpThreads;
      if (d < args.head_dim) {
        WriteResult(args, tile.Token(row), tile.Head(row), d, values[i] / sum);
      }
    }
  }
}

}  // namespace kp::cuda

#endif
