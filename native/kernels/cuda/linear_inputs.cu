/* Rows of x in the type that a product multiplies, padded to whole blocks. */
#include "cuda/device/mma.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/linear.h"

namespace kp::cuda {
namespace {

constexpr int kThreads = 256;

template <typename X>
struct InputCall {
  const X* x;
  int64_t x_stride;
  int64_t in;
  int64_t padded_in;
  int64_t rows;
  char* packed;
  float* scales;

  /* Calls body(i, four inputs from i on); a thread has the same ones every time. */
  template <typename Body>
  __device__ __forceinline__ void ForEach(const Body& body) const {
    const X* row = x + int64_t{blockIdx.x} * x_stride;
    for (int64_t i = 4 * int64_t{threadIdx.x}; i < padded_in; i += 4 * kThreads) {
      body(i, Load4(row + i, in - i));
    }
  }

  /* The largest magnitude; NaN where the row holds a NaN or infinity. */
  __device__ __forceinline__ float Largest() const {
    float largest = 0.0f;
    float broken = 0.0f;
    ForEach([&](int64_t, const Float4& v) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        largest = fmaxf(largest, fabsf(v.v[e]));
        broken = fmaf(v.v[e], 0.0f, broken);
      }
    });
    largest = BlockReduce<kThreads>(largest, Larger{});
    return largest + BlockReduce<kThreads>(broken, Add{});
  }
};

template <typename To, typename X>
__global__ void __launch_bounds__(kThreads) Round(InputCall<X> call) {
  To* to = reinterpret_cast<To*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) { Store4(to + i, v, 4); });
}

/* Two fp16 parts whose sum is the input to 22 bits. The row is first brought near 2^14 by a power of two, so that neither part leaves the
 * range in which fp16 has all its bits. */
template <typename X>
__global__ void __launch_bounds__(kThreads) Split(InputCall<X> call) {
  const float largest = call.Largest();
  int exponent = static_cast<int>(__float_as_uint(largest) >> 23 & 0xffu) - 127;
  exponent = exponent < -112 ? -112 : exponent;
  const bool is_finite = largest < __builtin_huge_valf();
  const float up = is_finite ? __uint_as_float(static_cast<unsigned>(14 - exponent + 127 > 254 ? 254 : 14 - exponent + 127) << 23) : 1.0f;
  if (threadIdx.x == 0) {
    call.scales[blockIdx.x] = 1.0f / up;
  }
  Fp16* high = reinterpret_cast<Fp16*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  Fp16* low = high + call.rows * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) {
    Float4 first;
    Float4 second;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      Fp16 part;
      FromFloat(v.v[e] * up, part);
      first.v[e] = ToFloat(part);
      second.v[e] = v.v[e] * up - first.v[e];
    }
    Store4(high + i, first, 4);
    Store4(low + i, second, 4);
  });
}

template <typename X>
__global__ void __launch_bounds__(kThreads) Quantize(InputCall<X> call) {
  constexpr float kSmallest = 0x1p-100f;
  const float largest = call.Largest();
  const bool is_zero = largest < kSmallest;
  const float inverse = is_zero ? 0.0f : 127.0f / largest;
  if (threadIdx.x == 0) {
    call.scales[blockIdx.x] = is_zero ? 0.0f : largest / 127.0f;  // NaN where the row is broken
  }
  int8_t* to = reinterpret_cast<int8_t*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) {
    uint32_t word = 0;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float code = fmaxf(-127.0f, fminf(127.0f, rintf(v.v[e] * inverse)));
      word |= (static_cast<uint32_t>(static_cast<int>(code)) & 0xffu) << (8 * e);
    }
    *reinterpret_cast<uint32_t*>(to + i) = word;
  });
}

template <typename X>
kp_status Pack(kp_stream* stream, const LinearShape& shape, const X* x, int64_t x_stride, int64_t rows, void* scratch, LinearCall* call) {
  const int parts = shape.arithmetic == Arithmetic::kF16 ? 2 : 1;
  char* packed = static_cast<char*>(scratch) + kSlabRows * sizeof(float);
  const InputCall<X> inputs{x, x_stride, shape.in, shape.padded_in(), rows, packed, static_cast<float*>(scratch)};
  call->x = packed;
  call->in = shape.padded_in();
  call->x_stride = shape.padded_in();
  call->x_part_stride = (parts - 1) * rows * shape.padded_in();
  call->x_scales = shape.arithmetic == Arithmetic::kF16 || shape.arithmetic == Arithmetic::kInteger ? inputs.scales : nullptr;
  const auto kernel = shape.arithmetic == Arithmetic::kBf16  ? Round<Bf16, X>
                      : shape.arithmetic == Arithmetic::kF16 ? Split<X>
                      : shape.arithmetic == Arithmetic::kF32 ? Round<float, X>
                                                             : Quantize<X>;
  return KP_LAUNCH(kernel, static_cast<unsigned>(rows), kThreads, 0, stream, inputs);
}

}  // namespace

int64_t PackedInputBytes(const LinearShape& shape) {
  const int64_t bytes = shape.arithmetic == Arithmetic::kBf16 ? 2 : shape.arithmetic == Arithmetic::kInteger ? 1 : 4;
  return kSlabRows * (bytes * shape.padded_in() + static_cast<int64_t>(sizeof(float)));
}

/* Tiles of the wide kernel take as much again. */
int64_t InputBytes(const kp_device& device, const LinearShape& shape) {
  return (TakesWide(device, shape, kSlabRows) ? 2 : 1) * PackedInputBytes(shape);
}

/* Inputs that already are what the product takes are left where they are: with tensor cores whole blocks, without whole words. */
kp_status PackInputs(kp_stream* stream, const LinearShape& shape, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows,
                     void* scratch, LinearCall* call) {
  const bool is_type =
      (shape.arithmetic == Arithmetic::kBf16 && x_dtype == KP_BF16) || (shape.arithmetic == Arithmetic::kF32 && x_dtype == KP_F32);
  const int64_t row_bytes = x_stride * BytesOf(x_dtype);
  const int64_t unit = shape.arithmetic == Arithmetic::kF32 ? 4 : kBlockFeatures;
  if (is_type && shape.in % unit == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0 && (row_bytes % 16 == 0 || rows == 1)) {
    call->x = x;
    call->in = shape.in;
    call->x_stride = x_stride;
    call->x_part_stride = 0;
    call->x_scales = nullptr;
    return KP_OK;
  }
  return x_dtype == KP_F32 ? Pack(stream, shape, static_cast<const float*>(x), x_stride, rows, scratch, call)
                           : Pack(stream, shape, static_cast<const Bf16*>(x), x_stride, rows, scratch, call);
}

}  // namespace kp::cuda
