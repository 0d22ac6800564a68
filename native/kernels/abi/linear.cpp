#include "kp/linear.h"

#include "abi/backend.h"
#include "common/checks.h"

using kp::Guard;
using kp::LinearHead;
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
  KP_REQUIRE(f.float_codes == 0 || (f.float_codes == 1 && f.bits == 8 && f.dynamic_inputs == 0),
             "float_codes = %d must be 0, or 1 with 8 bits and inputs that are not quantized", f.float_codes);
  KP_REQUIRE(f.bits != 0 || (f.group == 0 && f.scale_dtype == 0 && f.zero_points == 0 && f.dynamic_inputs == 0),
             "plain weights have no group, scales, zero points or quantized inputs");
  KP_REQUIRE(f.group == 0 || f.group == 32 || f.group == 64 || f.group == 128 || f.group == 256, "group = %d must be 0, 32, 64, 128 or 256",
             f.group);
  KP_REQUIRE(kp::IsDtype(f.scale_dtype), "scale_dtype = %d is unknown", f.scale_dtype);
  KP_REQUIRE(f.zero_points == 0 || (f.zero_points == 1 && f.bits == 4), "zero_points = %d must be 0, or 1 with 4 bits", f.zero_points);
  KP_REQUIRE(f.dynamic_inputs == 0 || f.dynamic_inputs == 1, "dynamic_inputs = %d must be 0 or 1", f.dynamic_inputs);
  KP_REQUIRE(f.gated == 0 || (f.gated == 1 && out % 2 == 0), "gated = %d must be 0, or 1 with an even out, not %lld", f.gated, Print(out));
  return kp::backend::CheckFormat(f);
}

kp_status CheckStore(const kp_linear_args& args, const LinearHead& head) {
  KP_REQUIRE(args.y_dtype == KP_F32, "y_dtype = %d must be KP_F32 where products are stored", args.y_dtype);
  KP_REQUIRE(args.rows <= 1 || args.y_stride >= head.out, "y_stride = %lld is less than a row of %lld", Print(args.y_stride),
             Print(head.out));
  return KP_OK;
}

kp_status CheckEpilogue(const kp_linear_args& args, const LinearHead& head) {
  const bool gates = args.epilogue == KP_GATE;
  KP_REQUIRE(gates || args.epilogue == KP_ADD_RMS_NORM || args.epilogue == KP_ADD_LAYER_NORM, "epilogue = %d is unknown", args.epilogue);
  KP_REQUIRE(args.y_dtype == KP_F32 || args.y_dtype == KP_BF16, "y_dtype = %d must be KP_F32 or KP_BF16", args.y_dtype);
  const int64_t width = gates ? head.out / 2 : head.out;
  KP_REQUIRE(args.y_stride == width, "y_stride = %lld must be %lld: rows have no gaps", Print(args.y_stride), Print(width));
  KP_REQUIRE(args.rows == 0 || args.product != nullptr, "product must not be null");
  if (gates) {
    KP_REQUIRE(head.format.gated == 1, "the linear is not gated");
    KP_REQUIRE(args.activation >= KP_SILU && args.activation <= KP_RELU, "activation = %d is unknown", args.activation);
    return KP_OK;
  }
  KP_REQUIRE(args.rows == 0 || (args.residual != nullptr && args.norm_weight != nullptr), "residual and norm_weight must not be null");
  KP_REQUIRE(args.norm_bias == nullptr || args.epilogue == KP_ADD_LAYER_NORM, "norm_bias goes with KP_ADD_LAYER_NORM alone");
  KP_REQUIRE(args.eps >= 0, "eps = %g must not be negative", static_cast<double>(args.eps));
  return KP_OK;
}

}  // namespace

int64_t kp_linear_packed_bytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format) {
  if (device == nullptr || Check(out, in, format) != KP_OK) {
    return -1;
  }
  return kp::backend::LinearBytes(device, out, in, *format);
}

int64_t kp_linear_scratch_bytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format) {
  if (kp_linear_packed_bytes(device, out, in, format) < 0) {
    return -1;
  }
  return kp::backend::LinearScratchBytes(device, out, in, *format);
}

kp_status kp_linear_create(kp_device* device, int64_t out, int64_t in, const kp_linear_format* format, kp_linear** linear) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && linear != nullptr, "device and linear must not be null");
    if (const kp_status status = Check(out, in, format); status != KP_OK) {
      return status;
    }
    const int64_t bytes = kp::backend::LinearBytes(device, out, in, *format);
    if (bytes < 0) {
      return kp::Fail(KP_OUT_OF_MEMORY, "a matrix of %lld x %lld fits nowhere", Print(out), Print(in));
    }
    return kp::backend::CreateLinear({device, *format, out, in, bytes}, linear);
  });
}

void kp_linear_destroy(kp_linear* linear) {
  if (linear != nullptr) {
    kp::backend::DestroyLinear(linear);
  }
}

int64_t kp_linear_bytes(const kp_linear* linear) { return linear == nullptr ? 0 : kp::backend::HeadOf(*linear).bytes; }

kp_status kp_linear_load(kp_linear* linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
                         int64_t source_stride) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(linear != nullptr, "linear must not be null");
    const LinearHead& head = kp::backend::HeadOf(*linear);
    KP_REQUIRE(first_row >= 0 && rows >= 0 && first_row <= head.out && rows <= head.out - first_row,
               "rows [%lld, %lld + %lld) leave the matrix of %lld", Print(first_row), Print(first_row), Print(rows), Print(head.out));
    KP_REQUIRE(kp::IsDtype(source_dtype), "source_dtype = %d is unknown", source_dtype);
    KP_REQUIRE(rows == 0 || source != nullptr, "source must not be null");
    KP_REQUIRE(source_stride >= head.in || rows <= 1, "source_stride = %lld is less than a row of %lld", Print(source_stride),
               Print(head.in));
    if (rows == 0) {
      return KP_OK;
    }
    bool is_finite = true;
    const kp_status status = kp::backend::LoadLinear(*linear, first_row, rows, source, source_dtype, source_stride, &is_finite);
    if (status == KP_OK && !is_finite) {
      return kp::Fail(KP_INVALID_DATA, "rows [%lld, %lld + %lld) hold NaN, infinity or a number beyond the type", Print(first_row),
                      Print(first_row), Print(rows));
    }
    return status;
  });
}

int64_t kp_linear_lane_bytes(kp_device* device, int64_t in) {
  return device == nullptr || in < 1 || in > kLargestSide ? 0 : kp::backend::LinearLaneBytes(device, in);
}

kp_status kp_linear_free_lanes(kp_device* device) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr, "device must not be null");
    kp::backend::FreeLinearLanes(device);
    return KP_OK;
  });
}

kp_status kp_linear_forward(kp_stream* stream, const kp_linear_args* args) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && args != nullptr && args->linear != nullptr, "stream, args and linear must not be null");
    const LinearHead& head = kp::backend::HeadOf(*args->linear);
    KP_REQUIRE(kp::backend::DeviceOf(stream) == head.device, "the linear belongs to another device than the stream");
    KP_REQUIRE(args->x_dtype == KP_F32 || (args->x_dtype == KP_BF16 && head.format.dtype == KP_BF16),
               "x_dtype = %d does not go with weights of type %d", args->x_dtype, head.format.dtype);
    KP_REQUIRE(args->rows >= 0, "rows = %lld must not be negative", Print(args->rows));
    KP_REQUIRE(args->rows == 0 || (args->x != nullptr && args->y != nullptr), "x and y must not be null");
    KP_REQUIRE(args->rows <= 1 || args->x_stride >= head.in, "x_stride = %lld is less than a row of %lld", Print(args->x_stride),
               Print(head.in));
    const kp_status status = args->epilogue == KP_STORE ? CheckStore(*args, head) : CheckEpilogue(*args, head);
    return status != KP_OK || args->rows == 0 ? status : kp::backend::Multiply(stream, *args);
  });
}
