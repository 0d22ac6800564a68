/* Which rows, tokens and bytes a block of an attention kernel works on, and how results are folded. */
#ifndef KP_CUDA_PAGED_ATTENTION_TILE_CUH_
#define KP_CUDA_PAGED_ATTENTION_TILE_CUH_

#include "common/half.h"
#include "cuda/device/exp.cuh"
#include "cuda/paged_attention.h"

namespace kp::cuda {

/* Rows [first, first + count) of a sequence and kv head. */
struct RowTile {
  int sequence; /* -1: there is no such tile */
  int64_t first;
  int count;
  int64_t first_token; /* of the sequence, in the step */
  int position;        /* of that token */
  int group;
  int kv_head;

  __device__ __forceinline__ int64_t Token(int row) const { return first_token + (first + row) / group; }
  __device__ __forceinline__ int Head(int row) const { return kv_head * group + static_cast<int>((first + row) % group); }
  __device__ __forceinline__ int Position(int row) const { return position + static_cast<int>((first + row) / group); }
  /* The first cached token that the row sees; the last is its own. */
  __device__ __forceinline__ int FirstVisible(int row, int window) const {
    const int at = Position(row) - window + 1;
    return window == 0 || at < 0 ? 0 : at;
  }
};

/* Tiles are numbered through the sequences. Every thread looks for itself; a step that only decodes needs no search. */
template <int kTileRows, bool kLong = false>
__device__ __forceinline__ RowTile FindTile(const AttentionCall& call, int64_t index, int kv_head) {
  const kp_paged_attention_args& args = call.args;
  RowTile tile{-1, 0, 0, 0, 0, call.group, kv_head};
  for (int s = 0; s < args.sequences; ++s) {
    const int64_t rows = int64_t{args.query_start[s + 1] - args.query_start[s]} * call.group;
    const bool is_long = call.long_rows != 0 && rows >= call.long_rows;
    const int64_t tiles = is_long == kLong ? (rows + kTileRows - 1) / kTileRows : 0;
    if (index < tiles) {
      tile.sequence = s;
      tile.first = (kLong ? tiles - 1 - index : index) * kTileRows;
      tile.count = static_cast<int>(rows - tile.first < kTileRows ? rows - tile.first : kTileRows);
      tile.first_token = args.query_start[s];
      tile.position = args.context[s] - (args.query_start[s + 1] - args.query_start[s]);
      return tile;
    }
    index -= tiles;
  }
  return tile;
}

/* Of the long sequences. The last tiles, which see most, come first. */
template <int kTileRows>
__device__ __forceinline__ RowTile FindLongTile(const AttentionCall& call, int64_t index, int kv_head) {
  return FindTile<kTileRows, true>(call, index, kv_head);
}

/* Where a cached token's key or value lies, from the first byte of its cache. */
struct TokenPlace {
  int64_t part; /* of the block and kv head */
  int token;    /* in the block */
};

__device__ __forceinline__ TokenPlace PlaceOf(const AttentionCall& call, const RowTile& tile, int position) {
  const kp_paged_attention_args& args = call.args;
  const int64_t block = args.block_tables[tile.sequence * args.block_table_stride + position / args.block_tokens];
  return {block * args.block_stride + tile.kv_head * call.head_bytes, position % args.block_tokens};
}

/* How a later result joins an earlier one: values = earlier * values + later * more. A sum of 0 says that no token was seen. */
struct Fold {
  float earlier;
  float later;
  float maximum;
  float sum;
};

__device__ __forceinline__ Fold FoldOf(float maximum, float sum, float more_maximum, float more_sum) {
  if (more_sum == 0.0f) {
    return {1.0f, 0.0f, maximum, sum};
  }
  if (sum == 0.0f) {
    return {0.0f, 1.0f, more_maximum, more_sum};
  }
  const float joint = fmaxf(maximum, more_maximum);
  const float earlier = Exp(maximum - joint);
  const float later = Exp(more_maximum - joint);
  return {earlier, later, joint, sum * earlier + more_sum * later};
}

/* Where one side has seen nothing, the other is taken as it is: not even the sign of a zero changes. */
__device__ __forceinline__ float Join(const Fold& fold, float values, float more) {
  if (fold.later == 0.0f && fold.earlier == 1.0f) {
    return values;
  }
  if (fold.earlier == 0.0f && fold.later == 1.0f) {
    return more;
  }
  return fmaf(fold.earlier, values, fold.later * more);
}

__device__ __forceinline__ float* PartialAt(const AttentionCall& call, int64_t token, int head, int64_t span) {
  const kp_paged_attention_args& args = call.args;
  return static_cast<float*>(args.workspace) + ((token * args.query_heads + head) * call.spans + span) * PartialFloats(args.head_dim);
}

__device__ __forceinline__ void WriteResult(const kp_paged_attention_args& args, int64_t token, int head, int d, float value) {
  const int64_t at = token * args.y_stride + int64_t{head} * args.head_dim + d;
  if (args.y_dtype == KP_F32) {
    static_cast<float*>(args.y)[at] = value;
  } else {
    FromFloat(value, static_cast<Bf16*>(args.y)[at]);
  }
}

}  // namespace kp::cuda

#endif
