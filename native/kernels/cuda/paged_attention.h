/* Attention over the paged cache on a GPU: what the kernels share.
 *
 * A row is one query head of one token. Rows of a sequence that share a kv head are numbered token after token, and taken in tiles. Cached
 * tokens are taken in spans of kSpanTokens and those in chunks of kChunkTokens, both counted from position 0. A chunk gives a maximum, a
 * sum and weighted values; those of a span are folded in rising order, and a row's spans likewise. So neither the tile that a row is in
 * nor who took a span changes a bit. */
#ifndef KP_CUDA_PAGED_ATTENTION_H_
#define KP_CUDA_PAGED_ATTENTION_H_

#include <cstdint>

#include "cuda/device.h"
#include "kp/attention.h"

namespace kp::cuda {

inline constexpr int kSpanTokens = 256;
inline constexpr int kChunkTokens = 64;
inline constexpr int kSpanChunks = kSpanTokens / kChunkTokens;

inline constexpr int64_t Spans(int64_t context) { return (context + kSpanTokens - 1) / kSpanTokens; }

/* Floats of a span's result: the weighted values, the maximum and the sum. */
inline constexpr int64_t PartialFloats(int64_t head_dim) { return head_dim + 2; }

/* A kernel's call. spans > 0: a block takes one span of a tile, leaves its result in the workspace, and the last of the tile writes y;
 * 0: a block takes all of them. */
struct AttentionCall {
  kp_paged_attention_args args;
  int64_t head_bytes; /* of a kv head's part of a cache block */
  int32_t group;      /* query heads of a kv head */
  int32_t spans;
  int64_t long_rows;  /* sequences of at least so many rows are the long kernel's, the others everybody else's; 0: there is none */
  unsigned* finished; /* a counter of blocks for each tile and kv head */
};

/* Where a sequence is long. */
inline constexpr int64_t kLongRows = 64;

/* The most tiles of so many rows that a call can have; the launch is that large, as only the device knows how rows are shared out. */
inline int64_t MostTiles(const AttentionCall& call, int64_t tile_rows) {
  const int64_t sequences = call.args.sequences;
  const int64_t rows = call.args.tokens * call.group;
  const int64_t tiles = rows / tile_rows + (sequences < rows ? sequences : rows);
  const int64_t tiles_of_short = sequences * ((call.long_rows + tile_rows - 1) / tile_rows);
  return call.long_rows != 0 && tiles_of_short < tiles ? tiles_of_short : tiles;
}

bool HasTensorKernel(const AttentionCall& call);
bool HasLongKernel(const kp_device& device, const AttentionCall& call);
kp_status AttendLongSequences(kp_stream* stream, const AttentionCall& call);
kp_status AttendWithTensorCores(kp_stream* stream, AttentionCall call);
kp_status AttendWithFloats(kp_stream* stream, AttentionCall call);

}  // namespace kp::cuda

#endif
