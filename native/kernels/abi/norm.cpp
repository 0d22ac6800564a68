#include "kp/norm.h"

#include "abi/backend.h"
#include "common/checks.h"

using kp::Print;

namespace {

kp_status Run(kp_stream* stream, kp_status (*norm)(kp_stream* stream, const kp::NormCall& call), const kp::NormCall& call) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    KP_REQUIRE(call.tokens >= 0, "tokens = %lld must not be negative", Print(call.tokens));
    KP_REQUIRE(call.hidden >= 1, "hidden = %lld must be at least 1", Print(call.hidden));
    KP_REQUIRE(call.eps >= 0, "eps = %g must not be negative", static_cast<double>(call.eps));
    KP_REQUIRE(call.y_dtype == KP_F32 || call.y_dtype == KP_BF16, "y_dtype = %d must be KP_F32 or KP_BF16", call.y_dtype);
    KP_REQUIRE(call.tokens == 0 || ((call.x != nullptr || call.residual != nullptr) && call.weight != nullptr && call.y != nullptr),
               "weight, y, and one of x and residual must not be null");
    return call.tokens == 0 ? KP_OK : norm(stream, call);
  });
}

}  // namespace

kp_status kp_rms_norm(kp_stream* stream, const float* x, float* residual, const float* weight, void* y, kp_dtype y_dtype, int64_t tokens,
                      int64_t hidden, float eps) {
  return Run(stream, kp::backend::RmsNorm, {x, residual, weight, nullptr, y, y_dtype, tokens, hidden, eps});
}

kp_status kp_layer_norm(kp_stream* stream, const float* x, float* residual, const float* weight, const float* bias, void* y,
                        kp_dtype y_dtype, int64_t tokens, int64_t hidden, float eps) {
  return Run(stream, kp::backend::LayerNorm, {x, residual, weight, bias, y, y_dtype, tokens, hidden, eps});
}
