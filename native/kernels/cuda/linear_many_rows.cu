/* Products for many rows, where multiplying is what takes time: weights and inputs of a block go through shared memory, a few blocks ahead
 * of the tensor cores, and serve a tile of features by rows. Sums run over the same blocks in the same order as those for few rows. */
#include "cuda/device/async_copy.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/linear_end.cuh"
#include "cuda/linear_input.cuh"

namespace kp::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarpThreads;
constexpr int kRowTile = 8;
constexpr int kStages = 3;

/* A tile of kFeatures by kRows; kWarpColumns warps side by side over the features. */
template <typename FormatType, int kFeaturesOfTile, int kRowsOfTile>
struct Tile {
  using Format = FormatType;
  static constexpr int kFeatures = kFeaturesOfTile;
  static constexpr int kRows = kRowsOfTile;
  static constexpr int kFeatureTiles = 2; /* of a warp, 16 features each */
  static constexpr int kWarpColumns = kFeatures / (kFeatureTiles * kWarpFeatures);
  static constexpr int kRowTiles = kRows / (kWarps / kWarpColumns) / kRowTile; /* of a warp, 8 rows each */
  static constexpr int kWeightWords = kFeatures / kWarpFeatures * Format::kWords * kWarpThreads;
  static constexpr int kHalfWords = kRows * kHalfFeatures * Format::kInputBytes / 16; /* inputs of one part */
  static constexpr int kInputWords = Format::kParts * 2 * kHalfWords;
  static constexpr int kStageWords = kWeightWords + kInputWords;
  static constexpr int kSharedBytes = kStages * kStageWords * 16;
};

/* Starts the copies of one block: the weights as they lie, the inputs as [part][half block][row][32 inputs]. */
template <typename T>
__device__ __forceinline__ void CopyBlock(const LinearCall& call, int64_t feature_tile, int64_t first_row, int64_t block, uint4* stage) {
  using Format = typename T::Format;
  constexpr int kTileWords = Format::kWords * kWarpThreads;
  const int64_t feature_tiles = (call.places + kWarpFeatures - 1) / kWarpFeatures;
  for (int at = static_cast<int>(threadIdx.x); at < T::kWeightWords; at += kThreads) {
    const int64_t tile = feature_tile + at / kTileWords;
    const int64_t from = ((tile < feature_tiles ? tile : 0) * call.blocks + block) * kTileWords + at % kTileWords;
    CopyAsync16(stage + at, call.weights + from, tile < feature_tiles);
  }
  constexpr int kRowWords = kHalfFeatures * Format::kInputBytes / 16;
  for (int at = static_cast<int>(threadIdx.x); at < T::kInputWords; at += kThreads) {
    const int half = at / T::kHalfWords;
    const int row = at % T::kHalfWords / kRowWords;
    const bool is_valid = first_row + row < call.rows;
    const char* from = static_cast<const char*>(call.x) +
                       ((half / 2) * call.x_part_stride + (is_valid ? first_row + row : 0) * call.x_stride + block * kBlockFeatures +
                        (half % 2) * kHalfFeatures) *
                           Format::kInputBytes +
                       at % kRowWords * 16;
    CopyAsync16(stage + T::kWeightWords + at, from, is_valid);
  }
}

template <typename T>
struct WarpTile {
  using Format = typename T::Format;
  typename Format::Sum sum[T::kFeatureTiles][T::kRowTiles][4] = {};
  float slice[Format::kQuantized ? T::kFeatureTiles : 1][Format::kQuantized ? T::kRowTiles : 1][4] = {};
  float total[T::kFeatureTiles][T::kRowTiles][4] = {};

  __device__ __forceinline__ void Close(const LinearCall& call, int64_t feature_tile, int64_t half_block, int lane) {
    if constexpr (Format::kQuantized) {
#pragma unroll
      for (int f = 0; f < T::kFeatureTiles; ++f) {
        if ((feature_tile + f) * kWarpFeatures < call.places) {
          const int64_t at = GroupAt(call, kWarpFeatures, feature_tile + f, GroupOf(call, half_block), lane / 4);
          const float low = ScaleAt(call, at);
          const float high = ScaleAt(call, at + 8);
#pragma unroll
          for (int r = 0; r < T::kRowTiles; ++r) {
            CloseGroup(sum[f][r], low, high, slice[f][r]);
          }
        }
      }
    }
  }

  __device__ __forceinline__ void EndSlice() {
#pragma unroll
    for (int f = 0; f < T::kFeatureTiles; ++f) {
#pragma unroll
      for (int r = 0; r < T::kRowTiles; ++r) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if constexpr (Format::kQuantized) {
            total[f][r][i] += slice[f][r][i];
            slice[f][r][i] = 0.0f;
          } else {
            total[f][r][i] += sum[f][r][i];
            sum[f][r][i] = 0.0f;
          }
        }
      }
    }
  }

  __device__ __forceinline__ void AddHalf(const LinearCall& call, const uint4* weights, const uint4* inputs, int64_t feature_tile,
                                          int64_t half_block, int lane) {
    const int half = static_cast<int>(half_block % 2);
    uint32_t a[T::kFeatureTiles][Format::kMmas][4];
#pragma unroll
    for (int f = 0; f < T::kFeatureTiles; ++f) {
      ZeroPair zeros{};
      if constexpr (Format::kQuantized && Format::kWords == 1) {
        zeros = (feature_tile + f) * kWarpFeatures < call.places ? ZerosAt(call, feature_tile + f, GroupOf(call, half_block), lane) : zeros;
      }
      uint4 raw[Format::kWords];
#pragma unroll
      for (int word = 0; word < Format::kWords; ++word) {
        raw[word] = weights[(f * Format::kWords + word) * kWarpThreads + lane];
      }
#pragma unroll
      for (int mma = 0; mma < Format::kMmas; ++mma) {
        Format::Unpack(raw, half, mma, zeros, a[f][mma]);
      }
    }
#pragma unroll
    for (int r = 0; r < T::kRowTiles; ++r) {
#pragma unroll
      for (int part = Format::kParts - 1; part >= 0; --part) {
        const char* rows = reinterpret_cast<const char*>(inputs + (2 * part + half) * T::kHalfWords);
        const auto x = *reinterpret_cast<const typename Format::Half*>(rows + ((r * kRowTile + lane / 4) * kHalfFeatures + lane % 4 * 8) *
                                                                                  Format::kInputBytes);
#pragma unroll
        for (int mma = 0; mma < Format::kMmas; ++mma) {
#pragma unroll
          for (int f = 0; f < T::kFeatureTiles; ++f) {
            Format::Multiply(sum[f][r], a[f][mma], x, mma);
          }
        }
      }
    }
    if (EndsGroup(call, half_block)) {
      Close(call, feature_tile, half_block, lane);
    }
  }
};

/* feature_blocks blocks a tile of rows, and behind them all those that norm. */
template <typename T>
__global__ void __launch_bounds__(kThreads, 1) ManyRows(LinearCall call, unsigned feature_blocks) {
  using Format = typename T::Format;
  KP_DYNAMIC_SHARED(shared);
  const unsigned tiles = gridDim.x - BlocksBehind(call);
  const unsigned index = call.end.norm == nullptr ? blockIdx.x : TakeNumber(call.turns + kBegunTurn);
  if (index >= tiles) {
    NormBehind<T::kRows>(call, index - tiles, feature_blocks);
    return;
  }
  MakeInputs<Format::kArithmetic, kThreads>(call, tiles);
  uint4* stages = reinterpret_cast<uint4*>(shared);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int column = warp % T::kWarpColumns;
  const int first_warp_row = warp / T::kWarpColumns * T::kRowTiles * kRowTile;
  const int64_t block_tile = int64_t{index % feature_blocks} * (T::kFeatures / kWarpFeatures);
  const int64_t feature_tile = block_tile + column * T::kFeatureTiles;
  const int64_t row_tile = index / feature_blocks;
  const int64_t first_row = row_tile * T::kRows;
  constexpr int kRowBytes = kHalfFeatures * Format::kInputBytes;
  WarpTile<T> tile;
  for (int ahead = 0; ahead < kStages - 1; ++ahead) {
    if (ahead < call.blocks) {
      CopyBlock<T>(call, block_tile, first_row, ahead, stages + ahead * T::kStageWords);
    }
    CommitCopies();
  }
  for (int64_t block = 0; block < call.blocks; ++block) {
    WaitCopies<kStages - 2>();
    __syncthreads();  // this block is there for all, and nobody reads the stage of the one before any more
    if (block + kStages - 1 < call.blocks) {
      CopyBlock<T>(call, block_tile, first_row, block + kStages - 1, stages + (block + kStages - 1) % kStages * T::kStageWords);
    }
    CommitCopies();
    const uint4* stage = stages + block % kStages * T::kStageWords;
    const uint4* weights = stage + column * T::kFeatureTiles * Format::kWords * kWarpThreads;
    const uint4* inputs = stage + T::kWeightWords + first_warp_row * kRowBytes / 16;
    tile.AddHalf(call, weights, inputs, feature_tile, 2 * block, lane);
    tile.AddHalf(call, weights, inputs, feature_tile, 2 * block + 1, lane);
    if ((block + 1) % call.slice_blocks == 0 || block + 1 == call.blocks) {
      if (!EndsGroup(call, 2 * block + 1)) {
        tile.Close(call, feature_tile, 2 * block + 1, lane);
      }
      tile.EndSlice();
    }
  }
#pragma unroll
  for (int f = 0; f < T::kFeatureTiles; ++f) {
#pragma unroll
    for (int r = 0; r < T::kRowTiles; ++r) {
      EndLane(call, first_row + first_warp_row + r * kRowTile + lane % 4 * 2, (feature_tile + f) * kWarpFeatures + lane / 4,
              tile.total[f][r]);
    }
  }
  if (call.end.norm != nullptr) {
    __syncthreads();
    if (threadIdx.x == 0) {
      Publish(call.end.finished + row_tile);
    }
  }
}

template <typename T>
kp_status Launch(kp_stream* stream, const LinearCall& call) {
  const auto kernel = ManyRows<T>;
  const kp_status status = stream->device->Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, T::kSharedBytes),
                                                 "cudaFuncSetAttribute");
  if (status != KP_OK) {
    return status;
  }
  const auto feature_blocks = static_cast<unsigned>((call.places + T::kFeatures - 1) / T::kFeatures);
  const auto row_tiles = static_cast<unsigned>((call.rows + T::kRows - 1) / T::kRows);
  return KP_LAUNCH(kernel, feature_blocks * row_tiles + BlocksBehind(call), kThreads, T::kSharedBytes, stream, call, feature_blocks);
}

/* Large tiles where there are enough of them to keep the device busy. */
template <typename Format>
kp_status LaunchTile(kp_stream* stream, const LinearCall& call) {
  if constexpr (!Format::kQuantized) {
    using Large = Tile<Format, 128, 128>;
    const int64_t tiles = (call.places + 127) / 128 * ((call.rows + 127) / 128);
    if (tiles >= stream->device->multiprocessors && Large::kSharedBytes <= stream->device->shared_bytes) {
      return Launch<Large>(stream, call);
    }
  }
  return Launch<Tile<Format, 64, 64>>(stream, call);
}

template <typename Math>
kp_status LaunchCodes(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  return shape.bits == 0         ? LaunchTile<PlainFormat<Math>>(stream, call)
         : shape.has_float_codes ? LaunchTile<E4m3Format<Math>>(stream, call)
         : shape.bits == 8       ? LaunchTile<Int8Format<Math>>(stream, call)
                                 : LaunchTile<Int4Format<Math>>(stream, call);
}

}  // namespace

kp_status MultiplyManyRows(kp_stream* stream, const LinearShape& shape, const LinearCall& call) {
  switch (shape.arithmetic) {
    case Arithmetic::kBf16:
      return LaunchCodes<Bf16Math>(stream, shape, call);
    case Arithmetic::kF16:
      return LaunchCodes<F16Math>(stream, shape, call);
    default:
      return shape.bits == 8 ? LaunchTile<IntegerInt8Format>(stream, call) : LaunchTile<IntegerInt4Format>(stream, call);
  }
}

}  // namespace kp::cuda
