/* Rows of x in the type that a product multiplies, padded to whole blocks. */
#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/linear.h"
#include "cuda/linear_input.cuh"

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

  __device__ __forceinline__ float Largest() const {
    uint32_t largest = 0;
    ForEach([&](int64_t, const Float4& v) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        largest = LargerMagnitude{}(largest, MagnitudeOf(v.v[e]));
      }
    });
    return LargestOf(BlockReduce<kThreads>(largest, LargerMagnitude{}));
  }
};

template <typename To, typename X>
__global__ void __launch_bounds__(kThreads) Round(InputCall<X> call) {
  To* to = reinterpret_cast<To*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) { Store4(to + i, v, 4); });
}

template <typename X>
__global__ void __launch_bounds__(kThreads) Split(InputCall<X> call) {
  const SplitInput input = SplitInput::Of(call.Largest());
  if (threadIdx.x == 0) {
    call.scales[blockIdx.x] = input.Scale();
  }
  Fp16* high = reinterpret_cast<Fp16*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  Fp16* low = high + call.rows * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) {
    uint2 first;
    uint2 second;
    input.Pair(v.v[0], v.v[1], first.x, second.x);
    input.Pair(v.v[2], v.v[3], first.y, second.y);
    *reinterpret_cast<uint2*>(high + i) = first;
    *reinterpret_cast<uint2*>(low + i) = second;
  });
}

template <typename X>
__global__ void __launch_bounds__(kThreads) Quantize(InputCall<X> call) {
  const QuantizeInput input = QuantizeInput::Of(call.Largest());
  if (threadIdx.x == 0) {
    call.scales[blockIdx.x] = input.Scale();
  }
  int8_t* to = reinterpret_cast<int8_t*>(call.packed) + int64_t{blockIdx.x} * call.padded_in;
  call.ForEach([&](int64_t i, const Float4& v) { *reinterpret_cast<uint32_t*>(to + i) = input.Word(v.v[0], v.v[1], v.v[2], v.v[3]); });
}

template <typename X>
kp_status Pack(kp_stream* stream, const LinearShape& shape, const X* x, int64_t x_stride, int64_t rows, void* scratch, LinearCall* call) {
  const int parts = shape.arithmetic == Arithmetic::kF16 ? 2 : 1;
  char* packed = static_cast<char*>(scratch) + kSlabRows * sizeof(float);
  const InputCall<X> inputs{x, x_stride, shape.in, shape.padded_in(), rows, packed, static_cast<float*>(scratch)};
  call->x = packed;
  call->is_raw = false;
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

/* Inputs that the product takes are left where they are if they lie well: with tensor cores in whole blocks, without in whole words. */
kp_status PackInputs(kp_stream* stream, const LinearShape& shape, const void* x, kp_dtype x_dtype, int64_t x_stride, int64_t rows,
                     bool takes_raw, void* scratch, LinearCall* call) {
  const bool is_type =
      (shape.arithmetic == Arithmetic::kBf16 && x_dtype == KP_BF16) || (shape.arithmetic == Arithmetic::kF32 && x_dtype == KP_F32);
  const int64_t row_bytes = x_stride * BytesOf(x_dtype);
  const int64_t unit = shape.arithmetic == Arithmetic::kF32 ? 4 : kBlockFeatures;
  if ((is_type || takes_raw) && shape.in % unit == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0 && (row_bytes % 16 == 0 || rows == 1)) {
    call->x = x;
    call->x_dtype = x_dtype;
    call->is_raw = !is_type;
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
