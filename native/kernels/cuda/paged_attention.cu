#include "cuda/paged_attention.h"

#include <algorithm>

#include "abi/backend.h"
#include "common/kv_cache.h"
#include "cuda/paged_attention_tile.cuh"

namespace kp::cuda {
namespace {

constexpr int kMergeThreads = 128;

/* Spans of a tile are taken apart where whole tiles are too few to keep the device busy. */
int64_t TilesWorthSplitting(const kp_device& device) { return 2 * int64_t{device.multiprocessors}; }

constexpr int64_t kTileRows = 16; /* the largest tile of any kernel */

/* Row of a block: one query head of one token. */
__global__ void __launch_bounds__(kMergeThreads) MergeSpans(AttentionCall call) {
  const kp_paged_attention_args& args = call.args;
  const int64_t token = blockIdx.x;
  const int head = static_cast<int>(blockIdx.y);
  int s = 0;
  while (args.query_start[s + 1] <= token) {
    ++s;
  }
  const RowTile row{
      s, token - args.query_start[s], 1, args.query_start[s], args.context[s] - (args.query_start[s + 1] - args.query_start[s]), 1, head};
  const int64_t first = row.FirstVisible(0, args.window) / kSpanTokens;
  const int64_t last = row.Position(0) / kSpanTokens;
  for (int d = static_cast<int>(threadIdx.x); d < args.head_dim; d += kMergeThreads) {
    float value = 0.0f;
    float maximum = 0.0f;
    float sum = 0.0f;
    for (int64_t span = first; span <= last; ++span) {
      const float* partial = PartialAt(call, token, head, span);
      const Fold fold = FoldOf(maximum, sum, partial[args.head_dim], partial[args.head_dim + 1]);
      value = Join(fold, value, partial[d]);
      maximum = fold.maximum;
      sum = fold.sum;
    }
    WriteResult(args, token, head, d, value / sum);
  }
}

}  // namespace
}  // namespace kp::cuda

int64_t kp::backend::PagedAttentionWorkspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim,
                                             int32_t max_context) {
  const int64_t most_rows = cuda::TilesWorthSplitting(*device) * cuda::kTileRows;
  const int64_t rows = tokens <= most_rows / query_heads ? tokens * query_heads : most_rows;
  return rows * cuda::Spans(max_context) * cuda::PartialFloats(head_dim) * static_cast<int64_t>(sizeof(float));
}

kp_status kp::backend::PagedAttention(kp_stream* stream, const kp_paged_attention_args& args) {
  cuda::AttentionCall call{args, HeadBytes(args.cache_dtype, args.block_tokens, args.head_dim), args.query_heads / args.kv_heads, 0};
  const int64_t tiles = std::max<int64_t>(1, args.tokens * call.group / cuda::kTileRows) * args.kv_heads;
  const int64_t rows = args.tokens * args.query_heads;
  const int64_t spans = cuda::Spans(args.max_context);
  if (spans > 1 && tiles < cuda::TilesWorthSplitting(*stream->device) &&
      rows <= cuda::TilesWorthSplitting(*stream->device) * cuda::kTileRows) {
    call.spans = static_cast<int32_t>(spans);
  }
  const kp_status status = cuda::HasTensorKernel(call) ? cuda::AttendWithTensorCores(stream, call) : cuda::AttendWithFloats(stream, call);
  if (status != KP_OK || call.spans == 0) {
    return status;
  }
  const dim3 grid(static_cast<unsigned>(args.tokens), static_cast<unsigned>(args.query_heads));
  return KP_LAUNCH(cuda::MergeSpans, grid, cuda::kMergeThreads, 0, stream, call);
}
