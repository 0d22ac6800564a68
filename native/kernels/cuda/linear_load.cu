/* Rows of a checkpoint into their places in a packed matrix, quantized on the way where the format asks for it. */
#include "cuda/device/reduce.cuh"
#include "cuda/linear_format.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = 256;

struct WeightCall {
  LinearShape shape;
  char* weights;
  char* scales;
  uint8_t* zero_points;
  int64_t first_row;
  int64_t rows;
  const void* source;
  kp_dtype source_dtype;
  int32_t* is_broken;

  __device__ __forceinline__ int64_t PlaceOfRow(int64_t row) const { return PlaceOf(shape.gated_width, first_row + row); }

  /* As the source has it. */
  __device__ __forceinline__ float At(int64_t row, int64_t i) const {
    const int64_t at = row * shape.in + i;
    const float value = source_dtype == KP_F32    ? static_cast<const float*>(source)[at]
                        : source_dtype == KP_BF16 ? ToFloat(static_cast<const Bf16*>(source)[at])
                                                  : ToFloat(static_cast<const Fp16*>(source)[at]);
    Check(value);
    return value;
  }
  __device__ __forceinline__ void Check(float value) const {
    if (!(fabsf(value) < __builtin_huge_valf())) {
      *is_broken = 1;
    }
  }
};

/* Rounds to T and stores; what becomes infinite by that is noted too. */
template <typename T>
__device__ __forceinline__ float StoreRounded(const WeightCall& call, T& to, float value) {
  FromFloat(value, to);
  call.Check(ToFloat(to));
  return ToFloat(to);
}

__global__ void __launch_bounds__(kThreads) PackPlain(WeightCall call) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at >= call.rows * call.shape.in) {
    return;
  }
  const int64_t row = at / call.shape.in;
  const int64_t i = at % call.shape.in;
  const float value = call.At(row, i);
  const int64_t place = ElementAt(call.shape.arithmetic, 0, call.shape.blocks, call.PlaceOfRow(row), i);
  if (call.shape.arithmetic == Arithmetic::kF32) {
    reinterpret_cast<float*>(call.weights)[place] = value;
  } else if (call.shape.arithmetic == Arithmetic::kBf16) {
    StoreRounded(call, reinterpret_cast<Bf16*>(call.weights)[place], value);
  } else {
    StoreRounded(call, reinterpret_cast<Fp16*>(call.weights)[place], value);
  }
}

/* One group's range, gathered by a warp. */
struct Range {
  float lowest = 0.0f;
  float highest = 0.0f;
  float foremost = 0.0f; /* the first number of the largest magnitude */
};

__device__ __forceinline__ Range RangeOf(const WeightCall& call, int64_t row, int64_t begin, int64_t end, int lane) {
  Range range;
  int64_t first = end;
  for (int64_t i = begin + lane; i < end; i += kWarpThreads) {
    const float value = call.At(row, i);
    range.lowest = fminf(range.lowest, value);
    range.highest = fmaxf(range.highest, value);
    if (fabsf(value) > fabsf(range.foremost)) {
      range.foremost = value;
      first = i;
    }
  }
#pragma unroll
  for (int distance = kWarpThreads / 2; distance > 0; distance /= 2) {
    range.lowest = fminf(range.lowest, __shfl_xor_sync(kAllLanes, range.lowest, distance));
    range.highest = fmaxf(range.highest, __shfl_xor_sync(kAllLanes, range.highest, distance));
    const float other = __shfl_xor_sync(kAllLanes, range.foremost, distance);
    const int64_t others = __shfl_xor_sync(kAllLanes, first, distance);
    if (fabsf(other) > fabsf(range.foremost) || (fabsf(other) == fabsf(range.foremost) && others < first)) {
      range.foremost = other;
      first = others;
    }
  }
  return range;
}

/* Rounds a scale to the type in which it is kept, and keeps it. All lanes store the same. */
__device__ __forceinline__ float KeepScale(const WeightCall& call, int64_t at, float scale) {
  if (call.shape.scale_dtype == KP_F32) {
    return StoreRounded(call, reinterpret_cast<float*>(call.scales)[at], scale);
  }
  return call.shape.scale_dtype == KP_BF16 ? StoreRounded(call, reinterpret_cast<Bf16*>(call.scales)[at], scale)
                                           : StoreRounded(call, reinterpret_cast<Fp16*>(call.scales)[at], scale);
}

__device__ __forceinline__ float Clamp(float value, float least, float most) { return fmaxf(least, fminf(most, value)); }

__device__ __forceinline__ void StoreCode(const WeightCall& call, int64_t row, int64_t i, int code) {
  const int64_t place = ElementAt(call.shape.arithmetic, call.shape.bits, call.shape.blocks, call.PlaceOfRow(row), i);
  if (call.shape.bits == 8) {
    const int bias = call.shape.arithmetic == Arithmetic::kInteger || call.shape.has_float_codes ? 0 : 128;
    reinterpret_cast<uint8_t*>(call.weights)[place] = static_cast<uint8_t>(code + bias);
    return;
  }
  // Eight codes share a word, and rows that share it are packed by different warps.
  unsigned* word = reinterpret_cast<unsigned*>(call.weights) + place / 8;
  const int shift = static_cast<int>(place % 8) * 4;
  atomicAnd(word, ~(0xfu << shift));
  atomicOr(word, static_cast<unsigned>(code) << shift);
}

/* A warp a group of a row. */
__global__ void __launch_bounds__(kThreads) PackCodes(WeightCall call) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int64_t at = int64_t{blockIdx.x} * (kThreads / kWarpThreads) + threadIdx.x / kWarpThreads;
  if (at >= call.rows * call.shape.groups) {
    return;
  }
  const int64_t row = at / call.shape.groups;
  const int64_t group = at % call.shape.groups;
  const int64_t begin = group * call.shape.group;
  const int64_t end = begin + call.shape.group < call.shape.in ? begin + call.shape.group : call.shape.in;
  const Range range = RangeOf(call, row, begin, end, lane);
  const int64_t place = call.PlaceOfRow(row);
  const int tile = call.shape.arithmetic == Arithmetic::kF32 ? kLaneFeatures : kWarpFeatures;
  const int64_t scale_at = (place / tile * call.shape.groups + group) * tile + place % tile;
  const float exact = call.shape.bits == 8         ? fabsf(range.foremost) / (call.shape.has_float_codes ? kLargestE4m3 : 127.0f)
                      : call.shape.has_zero_points ? (range.highest - range.lowest) / 15.0f
                                                   : range.foremost / -8.0f;
  const float scale = KeepScale(call, scale_at, exact);
  float zero = call.shape.bits == 8 ? 0.0f : 8.0f;
  if (call.shape.has_zero_points) {
    zero = scale == 0.0f ? 0.0f : Clamp(rintf(-range.lowest / scale), 0.0f, 15.0f);
    if (lane == 0) {
      call.zero_points[scale_at] = static_cast<uint8_t>(zero);
    }
  }
  for (int64_t i = begin + lane; i < end; i += kWarpThreads) {
    if (call.shape.has_float_codes) {
      E4m3 code;
      FromFloat(scale == 0.0f ? 0.0f : call.At(row, i) / scale, code);
      StoreCode(call, row, i, code.bits);
      continue;
    }
    const float steps = scale == 0.0f ? 0.0f : Clamp(rintf(call.At(row, i) / scale), -4096.0f, 4096.0f);
    const float code = call.shape.bits == 8 ? Clamp(steps, -127.0f, 127.0f) : Clamp(steps + zero, 0.0f, 15.0f);
    StoreCode(call, row, i, static_cast<int>(code));
  }
}

}  // namespace

kp_status PackWeights(kp_stream* stream, const kp_linear& linear, int64_t first_row, int64_t rows, const void* source,
                      kp_dtype source_dtype, int32_t* is_broken) {
  const LinearShape& shape = linear.shape;
  const WeightCall call{shape,
                        linear.memory,
                        linear.memory + linear.layout.scales_at,
                        reinterpret_cast<uint8_t*>(linear.memory + linear.layout.zero_points_at),
                        first_row,
                        rows,
                        source,
                        source_dtype,
                        is_broken};
  if (shape.is_quantized()) {
    constexpr int kWarps = kThreads / kWarpThreads;
    return KP_LAUNCH(PackCodes, static_cast<unsigned>((rows * shape.groups + kWarps - 1) / kWarps), kThreads, 0, stream, call);
  }
  return KP_LAUNCH(PackPlain, static_cast<unsigned>((rows * shape.in + kThreads - 1) / kThreads), kThreads, 0, stream, call);
}

}  // namespace kp::cuda
