/* How a block of a product for few rows ends: from the sums of its tile to what is in memory. */
#ifndef KP_CUDA_LINEAR_END_CUH_
#define KP_CUDA_LINEAR_END_CUH_

#include "cuda/activate.cuh"
#include "cuda/device/last_block.cuh"
#include "cuda/device/turns.cuh"
#include "cuda/linear_sum.cuh"
#include "cuda/norm_row.cuh"

namespace kp::cuda {

/* Of a place that holds a gate, and the up beside it. */
__device__ __forceinline__ void WriteGated(const LinearCall& call, int64_t row, int64_t place, float gate_total, float up_total) {
  const int64_t gate = FeatureAt(call.gated_width, call.places, place);
  if (row < call.rows && gate >= 0) {
    const float value =
        Gate(call.end.activation, Finish(call, row, gate, gate_total), Finish(call, row, gate + call.gated_width, up_total));
    const int64_t at = row * call.gated_width + gate;
    if (call.end.dtype == KP_F32) {
      static_cast<float*>(call.end.gated)[at] = value;
    } else {
      FromFloat(value, static_cast<Bf16*>(call.end.gated)[at]);
    }
  }
}

template <typename Team>
__device__ __forceinline__ void NormOne(const NormCall& call, bool is_layer_norm, int64_t row) {
  if (is_layer_norm) {
    NormRow<Team>(call, row).Layer();
  } else {
    NormRow<Team>(call, row).Rms();
  }
}

__device__ __forceinline__ NormCall NormOf(const LinearCall& call) {
  return {nullptr, call.y, call.end.norm_weight, call.end.norm_bias, call.end.norm, call.end.dtype, call.rows, call.places, call.end.eps};
}

__device__ __forceinline__ void NormByWarp(const NormCall& norm, bool is_layer_norm, int64_t row) {
  if (IsSmallNorm(norm)) {
    NormOne<WarpTeam<kSmallNormThreads>>(norm, is_layer_norm, row);
  } else {
    NormOne<WarpTeam<kNormThreads>>(norm, is_layer_norm, row);
  }
}

/* A block of kNormThreads norms rows of y: one after the other where there are so few that most of its warps would have none. */
__device__ __forceinline__ void NormRows(const LinearCall& call, int64_t first_row, int64_t end_row) {
  constexpr int kWarps = kNormThreads / kWarpThreads;
  constexpr int64_t kRowsOfWholeBlocks = 2;
  const NormCall norm = NormOf(call);
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  if (IsSmallNorm(norm) || end_row - first_row > kRowsOfWholeBlocks) {
    for (int64_t row = first_row + warp; row < end_row; row += kWarps) {
      NormByWarp(norm, call.end.is_layer_norm, row);
    }
  } else {
    for (int64_t row = first_row; row < end_row; ++row) {
      NormOne<BlockTeam<kNormThreads>>(norm, call.end.is_layer_norm, row);
    }
  }
}

/* What a lane of a tensor core tile holds: of the rows row and row + 1 the place, then of both the place 8 = kGatedFeatures further. */
__device__ __forceinline__ void EndLane(const LinearCall& call, int64_t row, int64_t place, const float (&total)[4]) {
  static_assert(kGatedFeatures == 8);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (call.end.gated != nullptr) {
      WriteGated(call, row + r, place, total[r], total[r + 2]);
    } else {
      WriteElement(call, row + r, place, total[r]);
      WriteElement(call, row + r, place + kGatedFeatures, total[r + 2]);
    }
  }
}

/* total(row, place): the sum of an element of the block's tile of kRows by kPlaces. Blocks of one tile of rows share blockIdx.y. */
template <int kRows, int kPlaces, typename Total>
__device__ __forceinline__ void EndTile(const LinearCall& call, int64_t first_row, int64_t first_place, const Total& total) {
  constexpr int kThreads = kNormThreads;
  if (call.end.gated != nullptr) {
    for (int at = static_cast<int>(threadIdx.x); at < kRows * kPlaces / 2; at += kThreads) {
      const int row = at / (kPlaces / 2);
      const int pair = at % (kPlaces / 2);
      const int place = pair / kGatedFeatures * 2 * kGatedFeatures + pair % kGatedFeatures;
      WriteGated(call, first_row + row, first_place + place, total(row, place), total(row, place + kGatedFeatures));
    }
    return;
  }
  // Neighbouring threads take neighbouring features.
  for (int at = static_cast<int>(threadIdx.x); at < kRows * kPlaces; at += kThreads) {
    WriteElement(call, first_row + at / kPlaces, first_place + at % kPlaces, total(at / kPlaces, at % kPlaces));
  }
  if (call.end.norm != nullptr && IsLastBlock(call.end.finished + blockIdx.y, gridDim.x)) {
    NormRows(call, first_row, first_row + kRows < call.rows ? first_row + kRows : call.rows);
  }
}

/* Rows for each block that norms behind the tiles of a product for many rows: one a warp. */
inline constexpr int kRowsBehind = kNormThreads / kWarpThreads;

/* Number of blocks that do. */
__host__ __device__ __forceinline__ unsigned BlocksBehind(const LinearCall& call) {
  return call.end.norm == nullptr ? 0 : static_cast<unsigned>((call.rows + kRowsBehind - 1) / kRowsBehind);
}

/* The work of such a block, the block-th of them, begun after all blocks that make tiles: each tile of kRows rows is finished when
 * it has been counted so often. The last one leaves the counters as they were. */
template <int kRows>
__device__ __forceinline__ void NormBehind(const LinearCall& call, unsigned block, unsigned counts_of_tile) {
  const int64_t first_row = int64_t{block} * kRowsBehind;
  WaitUntil(call.end.finished + first_row / kRows, counts_of_tile);
  const NormCall norm = NormOf(call);
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  if (warp < kRowsBehind && first_row + warp < call.rows) {
    NormByWarp(norm, call.end.is_layer_norm, first_row + warp);
  }
  if (IsLastBlock(call.turns + kNormedTurn, BlocksBehind(call)) && threadIdx.x == 0) {
    call.turns[kBegunTurn] = 0;
    for (int64_t tile = 0; tile * kRows < call.rows; ++tile) {
      call.end.finished[tile] = 0;
    }
  }
}

}  // namespace kp::cuda

#endif
