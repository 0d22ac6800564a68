#include "kp/embedding.h"

#include "abi/backend.h"
#include "common/checks.h"

using kp::CheckedMultiply;
using kp::Guard;
using kp::Print;

kp_status kp_embedding(kp_stream* stream, const void* table, kp_dtype dtype, int64_t vocabulary, int64_t hidden, const int32_t* ids,
                       const int32_t* sampled, int64_t tokens, float* y) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    KP_REQUIRE(kp::IsDtype(dtype), "dtype = %d is unknown", dtype);
    KP_REQUIRE(vocabulary >= 1 && hidden >= 1 && CheckedMultiply(vocabulary, hidden) > 0, "a table of %lld x %lld is none",
               Print(vocabulary), Print(hidden));
    KP_REQUIRE(tokens >= 0, "tokens = %lld must not be negative", Print(tokens));
    KP_REQUIRE(tokens == 0 || (table != nullptr && ids != nullptr && y != nullptr), "table, ids and y must not be null");
    const kp::EmbeddingCall call{table, dtype, hidden, ids, sampled, tokens, y};
    for (int64_t t = 0; kp::backend::kHostReadsDeviceMemory && t < tokens; ++t) {
      KP_REQUIRE(ids[t] >= 0 || sampled != nullptr, "ids[%lld] = %d: sampled must not be null", Print(t), ids[t]);
      KP_REQUIRE(call.RowOf(t) < vocabulary, "ids[%lld] = %d must lie in [0, %lld)", Print(t), call.RowOf(t), Print(vocabulary));
    }
    return tokens == 0 ? KP_OK : kp::backend::Embedding(stream, call);
  });
}
