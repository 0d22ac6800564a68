#include "kp/attention.h"

#include "abi/backend.h"
#include "common/checks.h"
#include "common/kv_cache.h"

namespace {

using kp::kMostHeadDim;

/* Contents of the arrays: a wrong one would read foreign memory. */
kp_status CheckInputs(const kp_paged_attention_args& args) {
  KP_REQUIRE(args.query_start[0] == 0 && args.query_start[args.sequences] == args.tokens, "query_start must run from 0 to tokens = %lld",
             static_cast<long long>(args.tokens));
  for (int32_t i = 0; i < args.sequences; ++i) {
    const int32_t rows = args.query_start[i + 1] - args.query_start[i];
    KP_REQUIRE(args.query_start[i] >= 0 && rows >= 0, "query_start[%d] = %d follows %d", i + 1, args.query_start[i + 1],
               args.query_start[i]);
    KP_REQUIRE(args.context[i] >= rows && args.context[i] <= args.max_context, "context[%d] = %d must lie in [%d, max_context = %d]", i,
               args.context[i], rows, args.max_context);
    KP_REQUIRE((int64_t{args.context[i]} + args.block_tokens - 1) / args.block_tokens <= args.block_table_stride,
               "context[%d] = %d needs more blocks than block_table_stride = %lld", i, args.context[i],
               static_cast<long long>(args.block_table_stride));
  }
  return KP_OK;
}

}  // namespace

int64_t kp_paged_attention_workspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim, int32_t max_context) {
  if (device == nullptr || tokens <= 0 || query_heads <= 0 || head_dim <= 0 || head_dim > kMostHeadDim || max_context <= 0) {
    return 0;
  }
  return kp::backend::PagedAttentionWorkspace(device, tokens, query_heads, head_dim, max_context);
}

kp_status kp_paged_attention(kp_stream* stream, const kp_paged_attention_args* args) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && args != nullptr, "stream and args must not be null");
    const kp_paged_attention_args& a = *args;
    KP_REQUIRE(a.tokens >= 0 && a.tokens <= INT32_MAX, "tokens = %lld must lie in [0, 2^31)", static_cast<long long>(a.tokens));
    KP_REQUIRE(a.sequences >= 0, "sequences = %d must not be negative", a.sequences);
    KP_REQUIRE(a.kv_heads >= 1 && a.query_heads >= 1 && a.query_heads % a.kv_heads == 0, "kv_heads = %d must divide query_heads = %d",
               a.kv_heads, a.query_heads);
    KP_REQUIRE(a.head_dim >= 1 && a.head_dim <= kMostHeadDim, "head_dim = %d must lie in [1, %d]", a.head_dim, kMostHeadDim);
    if (const kp_status status = kp::CheckCache(a.cache_dtype, a.block_stride, a.kv_heads, a.head_dim, a.block_tokens); status != KP_OK) {
      return status;
    }
    KP_REQUIRE(a.window >= 0, "window = %d must not be negative", a.window);
    KP_REQUIRE(a.y_dtype == KP_F32 || a.y_dtype == KP_BF16, "y_dtype = %d must be f32 or bf16", a.y_dtype);
    if (a.tokens == 0) {
      return KP_OK;
    }
    KP_REQUIRE(a.sequences >= 1, "tokens = %lld belong to no sequence", static_cast<long long>(a.tokens));
    KP_REQUIRE(a.q != nullptr && a.key_cache != nullptr && a.value_cache != nullptr && a.y != nullptr, "q, caches and y must not be null");
    KP_REQUIRE(a.block_tables != nullptr && a.query_start != nullptr && a.context != nullptr,
               "block_tables, query_start and context must not be null");
    const int64_t width = int64_t{a.query_heads} * a.head_dim;
    KP_REQUIRE(a.tokens == 1 || (a.q_stride >= width && a.y_stride >= width),
               "q_stride = %lld or y_stride = %lld is less than a row of %lld", static_cast<long long>(a.q_stride),
               static_cast<long long>(a.y_stride), static_cast<long long>(width));
    if (kp::backend::kHostReadsDeviceMemory) {
      if (const kp_status status = CheckInputs(a); status != KP_OK) {
        return status;
      }
    }
    const int64_t workspace_bytes =
        kp_paged_attention_workspace(kp::backend::DeviceOf(stream), a.tokens, a.query_heads, a.head_dim, a.max_context);
    KP_REQUIRE(a.workspace != nullptr && a.workspace_bytes >= workspace_bytes, "workspace_bytes = %lld must be %lld at least",
               static_cast<long long>(a.workspace_bytes), static_cast<long long>(workspace_bytes));
    return kp::backend::PagedAttention(stream, a);
  });
}
