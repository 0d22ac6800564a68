#include "cuda/paged_attention.h"

#include <algorithm>

#include "abi/backend.h"
#include "common/kv_cache.h"
#include "cuda/scratch.h"

namespace kp::cuda {
namespace {

/* Spans of a tile are taken apart where whole tiles are too few to keep the device busy. */
int64_t TilesWorthSplitting(const kp_device& device) { return 2 * int64_t{device.multiprocessors}; }

constexpr int64_t kTileRows = 16; /* the largest tile of any kernel */

/* The most rows whose spans are taken apart. A tile has a row at least, so there are counters enough. */
int64_t MostSplitRows(const kp_device& device) { return std::min(TilesWorthSplitting(device) * kTileRows, kCounters); }

}  // namespace
}  // namespace kp::cuda

int64_t kp::backend::PagedAttentionWorkspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim,
                                             int32_t max_context) {
  const int64_t most_rows = cuda::MostSplitRows(*device);
  const int64_t rows = tokens <= most_rows / query_heads ? tokens * query_heads : most_rows;
  return rows * cuda::Spans(max_context) * cuda::PartialFloats(head_dim) * static_cast<int64_t>(sizeof(float));
}

kp_status kp::backend::PagedAttention(kp_stream* stream, const kp_paged_attention_args& args) {
  cuda::AttentionCall call{args,
                           HeadBytes(args.cache_dtype, args.block_tokens, args.head_dim),
                           args.query_heads / args.kv_heads,
                           0,
                           0,
                           cuda::Counters(*stream->device)};
  const int64_t tiles = std::max<int64_t>(1, args.tokens * call.group / cuda::kTileRows) * args.kv_heads;
  const int64_t rows = args.tokens * args.query_heads;
  const int64_t spans = cuda::Spans(args.max_context);
  if (spans > 1 && tiles < cuda::TilesWorthSplitting(*stream->device) && rows <= cuda::MostSplitRows(*stream->device)) {
    call.spans = static_cast<int32_t>(spans);
  }
  if (call.spans == 0 && cuda::HasLongKernel(*stream->device, call)) {
    call.long_rows = cuda::kLongRows;
    const kp_status status = cuda::AttendLongSequences(stream, call);
    if (status != KP_OK || args.sequences == 1) {
      return status;
    }
  }
  return cuda::HasTensorKernel(call) ? cuda::AttendWithTensorCores(stream, call) : cuda::AttendWithFloats(stream, call);
}
