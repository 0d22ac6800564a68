#include "cpu/linear.h"

#include <memory>

#include "common/checks.h"
#include "cpu/device.h"

using kp::CheckedMultiply;
using kp::Guard;
using kp::Print;

namespace {

/* Far above any model, and low enough that no product of sizes below overflows. */
constexpr int64_t kLargestSide = int64_t{1} << 31;

kp_status Check(int64_t out, int64_t in, const kp_linear_format* format) {
  KP_REQUIRE(out >= 1 && out <= kLargestSide, "out = %lld must lie in [1, 2^31]", Print(out));
  KP_REQUIRE(in >= 1 && in <= kLargestSide, "in = %lld must lie in [1, 2^31]", Print(in));
  KP_REQUIRE(format != nullptr, "format must not be null");
  const kp_linear_format& f = *format;
  KP_REQUIRE(kp::IsDtype(f.dtype), "dtype = %d is unknown", f.dtype);
  KP_REQUIRE(f.bits == 0 || f.bits == 4 || f.bits == 8, "bits = %d must be 0, 4 or 8", f.bits);
  KP_REQUIRE(f.bits != 0 || (f.group == 0 && f.scale_dtype == 0 && f.zero_points == 0 && f.dynamic_inputs == 0),
             "plain weights have no group, scales, zero points or quantized inputs");
  KP_REQUIRE(f.group == 0 || f.group == 32 || f.group == 64 || f.group == 128 || f.group == 256, "group = %d must be 0, 32, 64, 128 or 256",
             f.group);
  KP_REQUIRE(kp::IsDtype(f.scale_dtype), "scale_dtype = %d is unknown", f.scale_dtype);
  KP_REQUIRE(f.zero_points == 0 || (f.zero_points == 1 && f.bits == 4), "zero_points = %d must be 0, or 1 with 4 bits", f.zero_points);
  KP_REQUIRE(f.dynamic_inputs == 0 || f.dynamic_inputs == 1, "dynamic_inputs = %d must be 0 or 1", f.dynamic_inputs);
  return KP_OK;
}

}  // namespace

int64_t kp_linear_packed_bytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format) {
  if (device == nullptr || Check(out, in, format) != KP_OK) {
    return -1;
  }
  const kp::cpu::LinearLayout layout(device->kernels.linear_kernel(*format), *format, out, in);
  return CheckedMultiply(layout.panels, layout.panel_bytes);
}

kp_status kp_linear_create(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format, kp_linear** linear) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && linear != nullptr, "device and linear must not be null");
    if (const kp_status status = Check(out, in, format); status != KP_OK) {
      return status;
    }
    const kp::cpu::LinearKernel& kernel = device->kernels.linear_kernel(*format);
    const kp::cpu::LinearLayout layout(kernel, *format, out, in);
    const int64_t bytes = CheckedMultiply(layout.panels, layout.panel_bytes);
    auto created = std::make_unique<kp_linear>(kp_linear{device, &kernel, *format, layout, out, in, bytes, nullptr});
    if (bytes < 0 || !device->ReserveScratch(layout.ScratchBytes(kernel)) || (created->weights = device->Allocate(bytes)) == nullptr) {
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
    if (!linear->device->kernels.linear_load(linear->device->pool, {*linear, first_row, rows, source, source_dtype, source_stride})) {
      return kp::Fail(KP_INVALID_DATA, "rows [%lld, %lld + %lld) hold NaN, infinity or a number beyond the type", Print(first_row),
                      Print(first_row), Print(rows));
    }
    return KP_OK;
  });
}

kp_status kp_linear_forward(kp_stream* stream, const kp_linear* linear, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows,
                            const float* bias, float* y, int64_t y_stride) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && linear != nullptr, "stream and linear must not be null");
    KP_REQUIRE(stream->device == linear->device, "the linear belongs to another device than the stream");
    KP_REQUIRE(x_dtype == KP_F32 || (x_dtype == KP_BF16 && linear->format.dtype == KP_BF16),
               "x_dtype = %d does not go with weights of type %d", x_dtype, linear->format.dtype);
    KP_REQUIRE(rows >= 0, "rows = %lld must not be negative", Print(rows));
    KP_REQUIRE(rows == 0 || (x != nullptr && y != nullptr), "x and y must not be null");
    KP_REQUIRE(rows <= 1 || x_stride >= linear->in, "x_stride = %lld is less than a row of %lld", Print(x_stride), Print(linear->in));
    KP_REQUIRE(rows <= 1 || y_stride >= linear->out, "y_stride = %lld is less than a row of %lld", Print(y_stride), Print(linear->out));
    linear->kernel->forward(linear->device->pool, {*linear, x, x_dtype, x_stride, rows, bias, y, y_stride, linear->device->scratch()});
    return KP_OK;
  });
}
