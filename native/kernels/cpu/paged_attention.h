/* Attention over the paged cache: the geometry that all instruction sets share, and the kernel's type. */
#ifndef KP_CPU_PAGED_ATTENTION_H_
#define KP_CPU_PAGED_ATTENTION_H_

#include <algorithm>
#include <cstdint>

#include "common/kv_cache.h"
#include "cpu/thread_pool.h"
#include "kp/attention.h"

namespace kp::cpu {

/* Each span of cached tokens is attended to on its own (maximum, sum, weighted values); a row's result is the merge of its spans in rising
 * order. So it does not matter which thread took a span, and one sequence's long cache can be split. */
inline constexpr int kSpanTokens = 256;

inline constexpr int64_t Spans(int64_t context) { return (context + kSpanTokens - 1) / kSpanTokens; }

/* A row is one query head of one token. Rows that share a kv head are taken in tiles, so that they share its keys and values in cache. */
inline constexpr int64_t kTileFloats = 8192;
inline constexpr int64_t kMostTileRows = 64;
inline constexpr int64_t TileRows(int64_t head_dim) { return std::min(kMostTileRows, kTileFloats / head_dim); }

/* Spans of a tile run side by side when there are fewer tiles than this; their partial results go through the workspace. */
inline int64_t TilesWorthSplitting(int threads) { return 2 * int64_t{threads}; }

/* Floats of a partial result: the weighted values, the maximum and the sum. */
inline constexpr int64_t PartialFloats(int64_t head_dim) { return head_dim + 2; }

using PagedAttentionFunction = void (*)(ThreadPool& pool, const kp_paged_attention_args& args);

}  // namespace kp::cpu

#endif
