/* Products for up to 64 rows, where reading the weights is what takes time. A block takes 16 output features (or a few times as many), and
 * each of its warps one slice of the inputs: so enough loads are under way, and every weight is read once for all rows. */
#include "cuda/device/reduce.cuh"
#include "cuda/linear_end.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = kSlices * kWarpThreads;
constexpr int kRowTile = 8;
static_assert(kThreads == kNormThreads);

/* A lane's 8 inputs of a half block, of the row that it holds; zeros beyond the rows. */
template <typename Format>
__device__ __forceinline__ typename Format::Half LoadInputs(const LinearCall& call, int part, int64_t row, int64_t half_block, int t) {
  typename Format::Half x{};
  if (row < call.rows) {
    const char* base = static_cast<const char*>(call.x) +
                       (part * call.x_part_stride + row * call.x_stride + half_block * kHalfFeatures + 8 * t) * Format::kInputBytes;
    x = *reinterpret_cast<const typename Format::Half*>(base);
  }
  return x;
}

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

  __device__ __forceinline__ void Add(const LinearCall& call, const uint4 (&raw)[Format::kWords], int64_t feature_tile, int64_t first_row,
                                      int64_t block, int lane) {
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
#pragma unroll
        for (int part = Format::kParts - 1; part >= 0; --part) {
          const auto x = LoadInputs<Format>(call, part, first_row + r * kRowTile + lane / 4, half_block, lane % 4);
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

template <typename Format, int kRowTiles>
__global__ void __launch_bounds__(kThreads, 2) FewRows(LinearCall call) {
  constexpr int kAhead = 8 / Format::kWords; /* blocks whose weights are under way together */
  __shared__ float slices[kSlices][kRowTiles][kWarpThreads][4];
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int slice = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t feature_tile = blockIdx.x;
  const int64_t first_row = int64_t{blockIdx.y} * kRowTiles * kRowTile;
  const int64_t begin = slice * call.slice_blocks;
  const int64_t end = begin + call.slice_blocks < call.blocks ? begin + call.slice_blocks : call.blocks;
  const uint4* weights = call.weights + feature_tile * call.blocks * Format::kWords * kWarpThreads + lane;
  WarpSums<Format, kRowTiles> sums;
  for (int64_t block = begin; block < end; block += kAhead) {
    uint4 raw[kAhead][Format::kWords];
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      const int64_t at = block + ahead < end ? block + ahead : end - 1;
#pragma unroll
      for (int word = 0; word < Format::kWords; ++word) {
        raw[ahead][word] = weights[(at * Format::kWords + word) * kWarpThreads];
      }
    }
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      if (block + ahead < end) {
        sums.Add(call, raw[ahead], feature_tile, first_row, block + ahead, lane);
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

template <typename Format>
kp_status Launch(kp_stream* stream, const LinearCall& call) {
  const auto feature_tiles = static_cast<unsigned>((call.places + kWarpFeatures - 1) / kWarpFeatures);
  const auto blocks = [&](int row_tiles) {
    return dim3(feature_tiles, static_cast<unsigned>((call.rows + row_tiles * kRowTile - 1) / (row_tiles * kRowTile)));
  };
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
kp_status LaunchBits(kp_stream* stream, int bits, const LinearCall& call) {
  return bits == 0   ? Launch<PlainFormat<Math>>(stream, call)
         : bits == 8 ? Launch<Int8Format<Math>>(stream, call)
                     : Launch<Int4Format<Math>>(stream, call);
}

}  // namespace

kp_status MultiplyFewRows(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  switch (shape.arithmetic) {
    case Arithmetic::kBf16:
      return LaunchBits<Bf16Math>(stream, shape.bits, call);
    case Arithmetic::kF16:
      return LaunchBits<F16Math>(stream, shape.bits, call);
    default:
      return shape.bits == 8 ? Launch<IntegerInt8Format>(stream, call) : Launch<IntegerInt4Format>(stream, call);
  }
}

}  // namespace kp::cuda
