#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/gated_activation.h"

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
    stream->device->kernels.gated_activation(stream->device->pool, {activation, x, y, y_dtype, tokens, width});
    return KP_OK;
  });
}
