#include "kp/activation.h"

#include "abi/backend.h"
#include "common/checks.h"

using kp::CheckedMultiply;
using kp::Print;

kp_status kp_gated_activation(kp_stream* stream, kp_activation activation, const float* x, void* y, kp_dtype y_dtype, int64_t tokens,
                              int64_t width) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    KP_REQUIRE(activation >= KP_SILU && activation <= KP_RELU, "activation = %d is unknown", activation);
    KP_REQUIRE(y_dtype == KP_F32 || y_dtype == KP_BF16, "y_dtype = %d must be KP_F32 or KP_BF16", y_dtype);
    KP_REQUIRE(tokens >= 0 && width >= 0 && CheckedMultiply(tokens, width) >= 0, "tokens = %lld and width = %lld must not be negative",
               Print(tokens), Print(width));
    KP_REQUIRE(tokens == 0 || width == 0 || (x != nullptr && y != nullptr), "x and y must not be null");
    return tokens == 0 || width == 0 ? KP_OK : kp::backend::GatedActivation(stream, {activation, x, y, y_dtype, tokens, width});
  });
}
