#include "cpu/linear.h"

#include <memory>

#include "common/checks.h"
#include "cpu/device.h"

using kp::CheckedMultiply;
using kp::Guard;

namespace {

long long Print(int64_t value) { return static_cast<long long>(value); }

/* Far above any model, and low enough that no product of sizes below overflows. */
constexpr int64_t kLargestSide = int64_t{1} << 31;

}  // namespace

kp_status kp_linear_create(kp_device* device, int64_t out, int64_t in, kp_dtype dtype, kp_linear** linear) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && linear != nullptr, "device and linear must not be null");
    KP_REQUIRE(out >= 1 && out <= kLargestSide, "out = %lld must lie in [1, 2^31]", Print(out));
    KP_REQUIRE(in >= 1 && in <= kLargestSide, "in = %lld must lie in [1, 2^31]", Print(in));
    KP_REQUIRE(kp::IsDtype(dtype), "dtype = %d is unknown", dtype);
    const kp::cpu::LinearFormat& format = *device->kernels.linear_formats[dtype];
    const int64_t bytes = CheckedMultiply(format.Panels(out), format.PanelBytes(in));
    auto created = std::make_unique<kp_linear>(kp_linear{device, &format, out, in, dtype, bytes, nullptr});
    if (bytes < 0 || !device->ReserveScratch(format.ScratchBytes(in)) || (created->weights = device->Allocate(bytes)) == nullptr) {
      return kp::Fail(KP_OUT_OF_MEMORY, "a matrix of %lld x %lld does not fit: the device has %lld bytes in all", Print(out), Print(in),
                      Print(device->total_bytes));
    }
    *linear = created.release();
    return KP_OK;
  });
}

void kp_linear_destroy(kp_linear* linear) {
  if (linear != nullptr) {
    linear->device->Free(linear->weights);
    delete linear;
  }
}

int64_t kp_linear_bytes(const kp_linear* linear) { return linear == nullptr ? 0 : linear->bytes; }

kp_status kp_linear_load(kp_linear* linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
                         int64_t source_stride) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(linear != nullptr, "linear must not be null");
    KP_REQUIRE(first_row >= 0 && rows >= 0 && first_row <= linear->out && rows <= linear->out - first_row,
               "rows [%lld, %lld + %lld) leave the matrix of %lld", Print(first_row), Print(first_row), Print(rows), Print(linear->out));
    KP_REQUIRE(kp::IsDtype(source_dtype), "source_dtype = %d is unknown", source_dtype);
    KP_REQUIRE(rows == 0 || source != nullptr, "source must not be null");
    KP_REQUIRE(source_stride >= linear->in || rows <= 1, "source_stride = %lld is less than a row of %lld", Print(source_stride),
               Print(linear->in));
    kp::cpu::LoadRows(linear->device->pool, *linear, first_row, rows, source, source_dtype, source_stride);
    return KP_OK;
  });
}

kp_status kp_linear_forward(kp_stream* stream, const kp_linear* linear, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows,
                            const float* bias, float* y, int64_t y_stride) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && linear != nullptr, "stream and linear must not be null");
    KP_REQUIRE(stream->device == linear->device, "the linear belongs to another device than the stream");
    KP_REQUIRE(x_dtype == KP_F32 || (x_dtype == KP_BF16 && linear->dtype == KP_BF16), "x_dtype = %d does not go with weights of type %d",
               x_dtype, linear->dtype);
    KP_REQUIRE(rows >= 0, "rows = %lld must not be negative", Print(rows));
    KP_REQUIRE(rows == 0 || (x != nullptr && y != nullptr), "x and y must not be null");
    KP_REQUIRE(rows <= 1 || x_stride >= linear->in, "x_stride = %lld is less than a row of %lld", Print(x_stride), Print(linear->in));
    KP_REQUIRE(rows <= 1 || y_stride >= linear->out, "y_stride = %lld is less than a row of %lld", Print(y_stride), Print(linear->out));
    linear->format->forward(linear->device->pool, {*linear, x, x_dtype, x_stride, rows, bias, y, y_stride, linear->device->scratch()});
    return KP_OK;
  });
}
