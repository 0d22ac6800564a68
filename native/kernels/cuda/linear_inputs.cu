/* Where the inputs of a product are: rows of x in the type that it multiplies, padded to whole blocks. */
#include "cuda/linear.h"

namespace kp::cuda {

int64_t PackedInputBytes(const LinearShape& shape) {
  const int64_t bytes = shape.arithmetic == Arithmetic::kBf16 ? 2 : shape.arithmetic == Arithmetic::kInteger ? 1 : 4;
  return kSlabRows * (bytes * shape.padded_in() + static_cast<int64_t>(sizeof(float)));
}

/* Tiles of the wide kernel take as much again. */
int64_t InputBytes(const kp_device& device, const LinearShape& shape) {
  return (TakesWide(device, shape, kSlabRows) ? 2 : 1) * PackedInputBytes(shape);
}

/* Inputs that the product takes are left where they are if they lie well: with tensor cores in whole blocks, without in whole words. */
void SetInputs(const LinearShape& shape, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows, bool takes_raw, void* scratch,
               LinearCall* call) {
  const bool is_type =
      (shape.arithmetic == Arithmetic::kBf16 && x_dtype == KP_BF16) || (shape.arithmetic == Arithmetic::kF32 && x_dtype == KP_F32);
  const int64_t row_bytes = x_stride * BytesOf(x_dtype);
  const int64_t unit = shape.arithmetic == Arithmetic::kF32 ? 4 : kBlockFeatures;
  call->source = {};
  if ((is_type || takes_raw) && shape.in % unit == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0 && (row_bytes % 16 == 0 || rows == 1)) {
    call->x = x;
    call->x_dtype = x_dtype;
    call->is_raw = !is_type;
    call->in = shape.in;
    call->x_stride = x_stride;
    call->x_part_stride = 0;
    call->x_scales = nullptr;
    return;
  }
  auto* scales = static_cast<float*>(scratch);
  char* packed = static_cast<char*>(scratch) + kSlabRows * sizeof(float);
  call->source = {x, x_dtype, x_stride, shape.in, packed, shape.padded_in(), rows, scales};
  call->x = packed;
  call->is_raw = false;
  call->in = shape.padded_in();
  call->x_stride = shape.padded_in();
  call->x_part_stride = shape.arithmetic == Arithmetic::kF16 ? rows * shape.padded_in() : 0;
  call->x_scales = shape.arithmetic == Arithmetic::kF16 || shape.arithmetic == Arithmetic::kInteger ? scales : nullptr;
}

}  // namespace kp::cuda
