/* Products for up to 64 rows, where reading the weights is what takes time. A block takes 16 output features (or a few times as many), and
 * each of its warps one slice of the inputs: so enough loads are under way, and every weight is read once for all rows. */
#include <type_traits>

#include "cuda/device/reduce.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/linear_end.cuh"
#include "cuda/linear_input.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = kSlices * kWarpThreads;
constexpr int kRowTile = 8;
static_assert(kThreads == kNormThreads);

/* A lane takes 8 inputs of a half block, of the row that it holds; zeros beyond the rows. Those of packed rows need but be read, when all are
 * packed. */
template <typename Format>
struct PackedInputs {
  static constexpr bool kIsRaw = false;
  using Half = typename Format::Half;

  __device__ __forceinline__ void Prepare(const LinearCall& call, int64_t, int64_t) const {
    MakeInputs<Format::kArithmetic, kThreads>(call, gridDim.x * gridDim.y);
  }

  struct Parts {
    const LinearCall& call;
    int64_t row;
    int64_t at;

    __device__ __forceinline__ Half Part(int part) const {
      if (row >= call.rows) {
        return {};
      }
      return *reinterpret_cast<const Half*>(static_cast<const char*>(call.x) + (part * call.x_part_stride + at) * Format::kInputBytes);
    }
  };

  __device__ __forceinline__ Parts At(const LinearCall& call, int64_t row, int64_t half_block, int t) const {
    return {call, row, row * call.x_stride + half_block * kHalfFeatures + 8 * t};
  }
};

/* Rows of one tile as they came. Every block looks for their largest magnitudes, and every lane makes what it multiplies. */
template <typename Format, typename X>
struct RawInputs {
  static constexpr bool kIsRaw = true;
  using Half = typename Format::Half;
  using Input = std::conditional_t<Format::kArithmetic == Arithmetic::kF16, SplitInput, QuantizeInput>;

  Input input; /* of the row that the lane holds */

  struct Parts {
    Half parts[Format::kParts];

    __device__ __forceinline__ const Half& Part(int part) const { return parts[part]; }
  };

  /* A warp looks through the slice [begin, end) of blocks that it multiplies, its lanes shared among the rows. */
  __device__ __forceinline__ void Prepare(LinearCall& call, int64_t begin, int64_t end) {
    __shared__ uint32_t largest_of[kSlices][kRowTile];
    __shared__ float scales[kRowTile];
    const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
    const int slice = static_cast<int>(threadIdx.x) / kWarpThreads;
    int lanes = kWarpThreads;
    while (lanes * call.rows > kWarpThreads) {
      lanes /= 2;
    }
    uint32_t largest = 0;
    if (lane / lanes < call.rows) {
      const X* x = static_cast<const X*>(call.x) + lane / lanes * call.x_stride;
#pragma unroll 4
      for (int64_t i = begin * kBlockFeatures + 8 * (lane % lanes); i < end * kBlockFeatures; i += 8 * lanes) {
        const Float8 v = LoadAligned8(x + i);
#pragma unroll
        for (int e = 0; e < 8; ++e) {
          largest = LargerMagnitude{}(largest, MagnitudeOf(v.v[e]));
        }
      }
    }
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      largest = LargerMagnitude{}(largest, __shfl_xor_sync(kAllLanes, largest, distance));
    }
    if (lane % lanes == 0) {
      largest_of[slice][lane / lanes] = largest;
    }
    __syncthreads();
    const int row = lane / 4;
    largest = 0;
    if (row < call.rows) {
#pragma unroll
      for (int s = 0; s < kSlices; ++s) {
        largest = LargerMagnitude{}(largest, largest_of[s][row]);
      }
    }
    input = Input::Of(LargestOf(largest));
    if (slice == 0 && lane % 4 == 0) {
      scales[row] = input.Scale();
    }
    call.x_scales = scales;  // read after the barrier behind the sums
  }

  __device__ __forceinline__ Parts At(const LinearCall& call, int64_t row, int64_t half_block, int t) const {
    Float8 x{};
    if (row < call.rows) {
      x = LoadAligned8(static_cast<const X*>(call.x) + row * call.x_stride + half_block * kHalfFeatures + 8 * t);
    }
    Parts made;
    if constexpr (Format::kArithmetic == Arithmetic::kF16) {
      input.Pair(x.v[0], x.v[1], made.parts[0].x, made.parts[1].x);
      input.Pair(x.v[2], x.v[3], made.parts[0].y, made.parts[1].y);
      input.Pair(x.v[4], x.v[5], made.parts[0].z, made.parts[1].z);
      input.Pair(x.v[6], x.v[7], made.parts[0].w, made.parts[1].w);
    } else {
      made.parts[0] = Half{input.Word(x.v[0], x.v[1], x.v[2], x.v[3]), input.Word(x.v[4], x.v[5], x.v[6], x.v[7])};
    }
    return made;
  }
};

template <typename Format, int kRowTiles>
struct WarpSums {
  typename Format::Sum sum[kRowTiles][4] = {};
  float slice[kRowTiles][4] = {};

  __device__ __forceinline__ void Close(const LinearCall& call, int64_t feature_tile, int64_t half_block, int lane) {
    const int64_t at = GroupAt(call, kWarpFeatures, feature_tile, GroupOf(call, half_block), lane / 4);
    const float low = ScaleAt(call, at);
    const float high = ScaleAt(call, at + 8);
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
      CloseGroup(sum[r], low, high, slice[r]);
    }
  }

  template <typename Inputs>
  __device__ __forceinline__ void Add(const LinearCall& call, const Inputs& inputs, const uint4 (&raw)[Format::kWords],
                                      int64_t feature_tile, int64_t first_row, int64_t block, int lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t half_block = 2 * block + half;
      ZeroPair zeros{};
      if constexpr (Format::kQuantized && Format::kWords == 1) {
        zeros = ZerosAt(call, feature_tile, GroupOf(call, half_block), lane);
      }
      uint32_t a[Format::kMmas][4];
#pragma unroll
      for (int mma = 0; mma < Format::kMmas; ++mma) {
        Format::Unpack(raw, half, mma, zeros, a[mma]);
      }
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
        const auto parts = inputs.At(call, first_row + r * kRowTile + lane / 4, half_block, lane % 4);
#pragma unroll
        for (int part = Format::kParts - 1; part >= 0; --part) {
          const auto& x = parts.Part(part);
#pragma unroll
          for (int mma = 0; mma < Format::kMmas; ++mma) {
            Format::Multiply(sum[r], a[mma], x, mma);
          }
        }
      }
      if constexpr (Format::kQuantized) {
        if (EndsGroup(call, half_block)) {
          Close(call, feature_tile, half_block, lane);
        }
      }
    }
  }
};

template <typename Format, int kRowTiles, typename Inputs>
__device__ __forceinline__ void MultiplyTile(LinearCall& call, Inputs inputs) {
  constexpr int kAhead = 8 / Format::kWords; /* blocks whose weights are under way together */
  __shared__ float slices[kSlices][kRowTiles][kWarpThreads][4];
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int slice = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t feature_tile = blockIdx.x;
  const int64_t first_row = int64_t{blockIdx.y} * kRowTiles * kRowTile;
  const int64_t begin = slice * call.slice_blocks;
  const int64_t end = begin + call.slice_blocks < call.blocks ? begin + call.slice_blocks : call.blocks;
  const uint4* weights = call.weights + feature_tile * call.blocks * Format::kWords * kWarpThreads + lane;
  uint4 raw[kAhead][Format::kWords];
  const auto load = [&](int64_t block) {
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      const int64_t at = block + ahead < end ? block + ahead : end - 1;
#pragma unroll
      for (int word = 0; word < Format::kWords; ++word) {
        raw[ahead][word] = weights[(at * Format::kWords + word) * kWarpThreads];
      }
    }
  };
  WarpSums<Format, kRowTiles> sums;
  const bool begins_early = Inputs::kIsRaw || call.source.x != nullptr;
  if (begins_early && begin < end) {
    load(begin);
  }
  inputs.Prepare(call, begin, end);  // while the first weights are under way
  for (int64_t block = begin; block < end; block += kAhead) {
    if (!begins_early || block > begin) {
      load(block);
    }
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      if (block + ahead < end) {
        sums.Add(call, inputs, raw[ahead], feature_tile, first_row, block + ahead, lane);
      }
    }
  }
  if constexpr (Format::kQuantized) {
    if (begin < end && !EndsGroup(call, 2 * end - 1)) {
      sums.Close(call, feature_tile, 2 * end - 1, lane);
    }
  }
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      slices[slice][r][lane][i] = Format::kQuantized ? sums.slice[r][i] : static_cast<float>(sums.sum[r][i]);
    }
  }
  __syncthreads();
  EndTile<kRowTiles * kRowTile, kWarpFeatures>(call, first_row, feature_tile * kWarpFeatures, [&](int row, int feature) {
    const int holder = feature % 8 * 4 + row % kRowTile / 2;
    const int i = feature / 8 * 2 + row % 2;
    float total = 0.0f;
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
      total += slices[s][row / kRowTile][holder][i];
    }
    return total;
  });
}

template <typename Format, int kRowTiles>
__global__ void __launch_bounds__(kThreads, 2) FewRows(LinearCall call) {
  MultiplyTile<Format, kRowTiles>(call, PackedInputs<Format>{});
}

template <typename Format, typename X>
__global__ void __launch_bounds__(kThreads, 2) FewRawRows(LinearCall call) {
  MultiplyTile<Format, 1>(call, RawInputs<Format, X>{});
}

template <typename Format>
kp_status Launch(kp_stream* stream, const LinearCall& call) {
  const auto feature_tiles = static_cast<unsigned>((call.places + kWarpFeatures - 1) / kWarpFeatures);
  const auto blocks = [&](int row_tiles) {
    return dim3(feature_tiles, static_cast<unsigned>((call.rows + row_tiles * kRowTile - 1) / (row_tiles * kRowTile)));
  };
  if constexpr (Format::kArithmetic != Arithmetic::kBf16) {
    if (call.is_raw) {
      auto kernel = FewRawRows<Format, float>;
      if constexpr (Format::kArithmetic == Arithmetic::kInteger) {
        kernel = call.x_dtype == KP_F32 ? kernel : FewRawRows<Format, Bf16>;
      }
      return KP_LAUNCH(kernel, blocks(1), kThreads, 0, stream, call);
    }
  }
  if (call.rows <= kRowTile) {
    const auto kernel = FewRows<Format, 1>;
    return KP_LAUNCH(kernel, blocks(1), kThreads, 0, stream, call);
  }
  if (call.rows <= 2 * kRowTile) {
    const auto kernel = FewRows<Format, 2>;
    return KP_LAUNCH(kernel, blocks(2), kThreads, 0, stream, call);
  }
  const auto kernel = FewRows<Format, 4>;
  return KP_LAUNCH(kernel, blocks(4), kThreads, 0, stream, call);
}

template <typename Math>
kp_status LaunchCodes(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  return shape.bits == 0         ? Launch<PlainFormat<Math>>(stream, call)
         : shape.has_float_codes ? Launch<E4m3Format<Math>>(stream, call)
         : shape.bits == 8       ? Launch<Int8Format<Math>>(stream, call)
                                 : Launch<Int4Format<Math>>(stream, call);
}

}  // namespace

/* Every block looks through the rows for itself, which is a read of them more, from the L2. To wait until blocks have shared them out and laid
 * them into memory is taken to cost 3 µs, about what a launch does; no GPU has told yet. In that time a multiprocessor reads 128 KiB from the L2
 * of an A100 or H100 (5 TB/s and less, over 108 or 132 of them), and its two blocks read the same. The products then read as many bytes as of
 * packed rows, except that int8 ones would be a quarter or a half of it.
 * bf16 products have no case: where weights are bf16, so is what the engine multiplies with them. */
bool TakesRaw(const LinearShape& shape, kp_dtype x_dtype, int64_t rows) {
  constexpr int64_t kMostBytes = int64_t{128} << 10;
  return (shape.arithmetic == Arithmetic::kF16 || shape.arithmetic == Arithmetic::kInteger) && rows <= kRowTile &&
         rows * shape.in * BytesOf(x_dtype) <= kMostBytes;
}

kp_status MultiplyFewRows(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  switch (shape.arithmetic) {
    case Arithmetic::kBf16:
      return LaunchCodes<Bf16Math>(stream, shape, call);
    case Arithmetic::kF16:
      return LaunchCodes<F16Math>(stream, shape, call);
    default:
      return shape.bits == 8 ? Launch<IntegerInt8Format>(stream, call) : Launch<IntegerInt4Format>(stream, call);
  }
}

}  // namespace kp::cuda
