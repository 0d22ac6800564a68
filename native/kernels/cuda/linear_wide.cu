/* Products for many rows on Hopper. One warp keeps the copy engine busy with the weights and inputs of the blocks ahead; two warpgroups
 * multiply: weights come out of shared memory into registers, in the shape in which they lie (and from codes, where they are quantized),
 * inputs are read by the tensor cores where they are. For that the launch first lays the rows of x out anew: [tile of kRows][block][part]
 * [row], each row's inputs in the order in which the products count them, swizzled as wgmma.cuh says.
 *
 * Sums run over the same blocks in the same order as those of the other kernels; whether the tensor cores round a wgmma as they round the
 * smaller products is known of no device yet. So this is no kernel for a device that promises batch invariance. */
#include "cuda/device/reduce.cuh"
#include "cuda/device/wgmma.cuh"
#include "cuda/linear_end.cuh"
#include "cuda/linear_input.cuh"

namespace kp::cuda {
namespace {

constexpr int kConsumers = 2; /* warpgroups */
constexpr int kThreads = (kConsumers + 1) * kGroupThreads;
constexpr int kFeatures = kConsumers * 64;
constexpr int kFeatureTiles = kFeatures / kWarpFeatures;
constexpr int kRows = kProductColumns;
[[maybe_unused]] constexpr int kRowGroup = 8; /* not where there is no wgmma */
[[maybe_unused]] constexpr int kConsumerWarps = kConsumers * kGroupThreads / kWarpThreads;
constexpr int kTileWordBytes = kWarpThreads * 16; /* a word of each lane */

template <typename Math>
__device__ __forceinline__ void Wgmma(typename Math::Sum (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  if constexpr (Math::kArithmetic == Arithmetic::kBf16) {
    WgmmaBf16(d, a, b);
  } else if constexpr (Math::kArithmetic == Arithmetic::kF16) {
    WgmmaF16(d, a, b);
  } else {
    WgmmaS8(d, a, b);
  }
}

template <typename FormatType>
struct Wide {
  using Format = FormatType;
  static constexpr int kRowBytes = kBlockFeatures * Format::kInputBytes;
  static constexpr int kWeightTileBytes = Format::kWords * kTileWordBytes;
  static constexpr int kWeightBytes = kFeatureTiles * kWeightTileBytes;
  static constexpr int kPartBytes = kRows * kRowBytes;
  static constexpr int kInputBytes = Format::kParts * kPartBytes;
  static constexpr int kStageBytes = kInputBytes + kWeightBytes;
  static constexpr int kStages = kStageBytes > 32768 ? 4 : 6;
  static constexpr int kAlignment = 1024;
  static constexpr int kSharedBytes = kAlignment + kStages * kStageBytes;
};

/* Tiles of the result, those that share weights one after the other. */
struct TileOf {
  int64_t feature_tile;
  int64_t row_tile;
  __device__ __forceinline__ TileOf(const LinearCall& call, int64_t index) {
    const int64_t row_tiles = (call.rows + kRows - 1) / kRows;
    feature_tile = index / row_tiles * kFeatureTiles;
    row_tile = index % row_tiles;
  }
};

/* A block's tiles: every blocks-th from its first. */
struct Share {
  int64_t first;
  int64_t tiles; /* of the product */
  int64_t blocks;
};

/* Where a stage's barriers say that it is full, and empty again. */
template <typename W>
struct Stages {
  char* memory;
  Barrier* full;
  Barrier* empty;

  __device__ __forceinline__ char* Inputs(uint32_t turn) const { return memory + turn % W::kStages * W::kStageBytes; }
  __device__ __forceinline__ char* Weights(uint32_t turn) const { return Inputs(turn) + W::kInputBytes; }
  __device__ __forceinline__ void WaitUntilFull(uint32_t turn) const { Wait(full + turn % W::kStages, turn / W::kStages % 2); }
  __device__ __forceinline__ void WaitUntilEmpty(uint32_t turn) const { Wait(empty + turn % W::kStages, turn / W::kStages % 2 ^ 1); }
};

/* Rows of kRowGroup from first_row on, of inputs in the format's type, into tiles: zeros where the last group lacks rows. A thread makes 16
 * bytes at a time: in products of 16-bit inputs words 0, 4, 8, 12 of a half block from the first on, or from the second … fourth; of 8-bit
 * inputs words 0, 2, 4, 6, or those behind them. */
template <typename W>
__device__ __forceinline__ void LayRows(const LinearCall& call, int64_t first_row, char* tiles) {
  using Format = typename W::Format;
  constexpr int kChunks = W::kRowBytes / 16;
  constexpr int kChunksOfHalf = kChunks / 2;
  const int64_t chunks = call.blocks * kChunks;
  for (int64_t at = threadIdx.x; at < Format::kParts * kRowGroup * chunks; at += kThreads) {
    const int chunk = static_cast<int>(at % kChunks);
    const int64_t block = at % chunks / kChunks;
    const int64_t row = first_row + at / chunks % kRowGroup;
    const int64_t part = at / chunks / kRowGroup;
    uint32_t words[4] = {};
    if (row < call.rows) {
      const int64_t element = part * call.x_part_stride + row * call.x_stride + block * kBlockFeatures;
      const auto* from = reinterpret_cast<const uint32_t*>(static_cast<const char*>(call.x) + element * Format::kInputBytes) +
                         chunk / kChunksOfHalf * 4 * kChunksOfHalf + chunk % kChunksOfHalf;
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        words[t] = from[t * kChunksOfHalf];
      }
    }
    const int inside = static_cast<int>(row % kRows);
    const int swizzled = chunk ^ (kChunks == 8 ? inside % 8 : inside / 2 % 4);
    char* to = tiles + (((row / kRows * call.blocks + block) * Format::kParts + part) * kRows + inside) * W::kRowBytes + swizzled * 16;
    *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
  }
}

/* All rows, by the blocks that multiply them. */
template <typename W>
__device__ __forceinline__ void LayInputs(const LinearCall& call, unsigned blocks, char* tiles) {
  const auto groups = static_cast<unsigned>((call.rows + kRowGroup - 1) / kRowGroup);
  DoFirst(call.turns, groups, blocks, [&](unsigned group) {
    const int64_t first_row = int64_t{group} * kRowGroup;
    if (call.source.x != nullptr) {
      for (int64_t row = first_row; row < first_row + kRowGroup && row < call.rows; ++row) {
        PackRow<W::Format::kArithmetic, kThreads>(call.source, row);
      }
      __syncthreads();
    }
    LayRows<W>(call, first_row, tiles);
    FenceCopies();
  });
}

/* One warp: lanes 0 … 7 copy a feature tile's weights each, those behind them a part of the inputs each. Rows and features that are not
 * there are not copied; what comes of the bytes that lie there instead is not written. */
template <typename W>
__device__ __forceinline__ void Produce(const LinearCall& call, const Share& share, const char* laid_rows, const Stages<W>& stages,
                                        int lane) {
  using Format = typename W::Format;
  const int64_t all_feature_tiles = (call.places + kWarpFeatures - 1) / kWarpFeatures;
  uint32_t turn = 0;
  FenceCopies();
  for (int64_t index = share.first; index < share.tiles; index += share.blocks) {
    const TileOf tile(call, index);
    const int64_t features_left = all_feature_tiles - tile.feature_tile;
    const int feature_tiles = static_cast<int>(features_left < kFeatureTiles ? features_left : kFeatureTiles);
    const int64_t rows_left = (call.rows - tile.row_tile * kRows + kRowGroup - 1) / kRowGroup * kRowGroup;
    const uint32_t part_bytes = static_cast<uint32_t>(rows_left < kRows ? rows_left : kRows) * W::kRowBytes;
    const char* weights = reinterpret_cast<const char*>(call.weights) + (tile.feature_tile + lane) * call.blocks * W::kWeightTileBytes;
    const char* inputs = laid_rows + tile.row_tile * call.blocks * W::kInputBytes;
    for (int64_t block = 0; block < call.blocks; ++block, ++turn) {
      stages.WaitUntilEmpty(turn);
      Barrier* full = stages.full + turn % W::kStages;
      if (lane == 0) {
        ArriveExpecting(full, static_cast<uint32_t>(feature_tiles) * W::kWeightTileBytes + Format::kParts * part_bytes);
      }
      __syncwarp();
      if (lane < feature_tiles) {
        CopyBulk(stages.Weights(turn) + lane * W::kWeightTileBytes, weights + block * W::kWeightTileBytes, W::kWeightTileBytes, full);
      }
      const int part = lane - kFeatureTiles;
      if (part >= 0 && part < Format::kParts) {
        CopyBulk(stages.Inputs(turn) + part * W::kPartBytes, inputs + (block * Format::kParts + part) * W::kPartBytes, part_bytes, full);
      }
    }
  }
}

template <typename W>
struct Consumer {
  using Format = typename W::Format;
  typename Format::Sum sum[kColumnTiles][4];
  float slice[Format::kQuantized ? kColumnTiles : 1][4];
  float total[kColumnTiles][4];

  __device__ __forceinline__ void Start() {
#pragma unroll
    for (int j = 0; j < kColumnTiles; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        sum[j][i] = 0;
        total[j][i] = 0.0f;
        if constexpr (Format::kQuantized) {
          slice[j][i] = 0.0f;
        }
      }
    }
  }

  __device__ __forceinline__ void Multiply(const uint32_t (&a)[Format::kMmas][4], const char* inputs, int half) {
    constexpr int kStepBytes = 32; /* of a row's inputs, in one product */
#pragma unroll
    for (int part = Format::kParts - 1; part >= 0; --part) {
#pragma unroll
      for (int mma = 0; mma < Format::kMmas; ++mma) {
        Wgmma<typename Format::Math>(sum, a[mma], inputs + part * W::kPartBytes + (half * Format::kMmas + mma) * kStepBytes);
      }
    }
  }

  /* A block of plain weights: all of its products go on together. */
  __device__ __forceinline__ void AddBlock(const uint4 (&raw)[Format::kWords], const char* inputs) {
    uint32_t a[2][Format::kMmas][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int mma = 0; mma < Format::kMmas; ++mma) {
        Format::Unpack(raw, half, mma, ZeroPair{}, a[half][mma]);
      }
    }
    Pin(a[0]);
    Pin(a[1]);
    Pin(sum);
    FenceProducts();
    Multiply(a[0], inputs, 0);
    Multiply(a[1], inputs, 1);
    CommitProducts();
    WaitForProducts();
    Pin(sum);
  }

  /* A half block of codes; its group's scales come while the products go on. */
  __device__ __forceinline__ void AddHalf(const LinearCall& call, const uint4 (&raw)[Format::kWords], const char* inputs,
                                          int64_t feature_tile, int64_t half_block, int half, bool is_last, int lane) {
    const bool is_there = feature_tile * kWarpFeatures < call.places;
    const int64_t group = GroupOf(call, half_block);
    ZeroPair zeros{};
    if constexpr (Format::kWords == 1) {
      zeros = is_there ? ZerosAt(call, feature_tile, group, lane) : zeros;
    }
    uint32_t a[Format::kMmas][4];
#pragma unroll
    for (int mma = 0; mma < Format::kMmas; ++mma) {
      Format::Unpack(raw, half, mma, zeros, a[mma]);
    }
    Pin(a);
    Pin(sum);
    FenceProducts();
    Multiply(a, inputs, half);
    CommitProducts();
    const bool is_closed = is_last || EndsGroup(call, half_block);
    float low = 0.0f;
    float high = 0.0f;
    if (is_closed && is_there) {
      const int64_t at = GroupAt(call, kWarpFeatures, feature_tile, group, lane / 4);
      low = ScaleAt(call, at);
      high = ScaleAt(call, at + 8);
    }
    WaitForProducts();
    Pin(sum);
    if (is_closed) {
#pragma unroll
      for (int j = 0; j < kColumnTiles; ++j) {
        CloseGroup(sum[j], low, high, slice[j]);
      }
    }
  }

  __device__ __forceinline__ void EndSlice() {
#pragma unroll
    for (int j = 0; j < kColumnTiles; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if constexpr (Format::kQuantized) {
          total[j][i] += slice[j][i];
          slice[j][i] = 0.0f;
        } else {
          total[j][i] += sum[j][i];
          sum[j][i] = 0.0f;
        }
      }
    }
  }

  __device__ __forceinline__ void Run(const LinearCall& call, const Share& share, const Stages<W>& stages, int warp, int lane) {
    uint32_t turn = 0;
    for (int64_t index = share.first; index < share.tiles; index += share.blocks) {
      const TileOf tile(call, index);
      const int64_t feature_tile = tile.feature_tile + warp;
      Start();
      int64_t left = call.slice_blocks;
      for (int64_t block = 0; block < call.blocks; ++block, ++turn) {
        --left;
        const bool ends_slice = left == 0 || block + 1 == call.blocks;
        stages.WaitUntilFull(turn);
        const char* inputs = stages.Inputs(turn);
        const uint4* words = reinterpret_cast<const uint4*>(stages.Weights(turn) + warp * W::kWeightTileBytes);
        uint4 raw[Format::kWords];
#pragma unroll
        for (int word = 0; word < Format::kWords; ++word) {
          raw[word] = words[word * kWarpThreads + lane];
        }
        if constexpr (Format::kQuantized) {
          AddHalf(call, raw, inputs, feature_tile, 2 * block, 0, false, lane);
          AddHalf(call, raw, inputs, feature_tile, 2 * block + 1, 1, ends_slice, lane);
        } else {
          AddBlock(raw, inputs);
        }
        if (lane == 0) {
          Arrive(stages.empty + turn % W::kStages);
        }
        if (ends_slice) {
          EndSlice();
          left = call.slice_blocks;
        }
      }
#pragma unroll
      for (int j = 0; j < kColumnTiles; ++j) {
        EndLane(call, tile.row_tile * kRows + j * 8 + lane % 4 * 2, feature_tile * kWarpFeatures + lane / 4, total[j]);
      }
      if (call.end.norm != nullptr) {
        __syncwarp();
        if (lane == 0) {
          Publish(call.end.finished + tile.row_tile);
        }
      }
    }
  }
};

/* As many blocks as the device has room for at a time, and behind them those that norm. laid_rows: where rows are laid out. */
template <typename W>
__global__ void __launch_bounds__(kThreads, 1) WideRows(LinearCall call, int64_t tiles, char* laid_rows) {
#if KP_HAS_WGMMA
  const unsigned blocks = gridDim.x - BlocksBehind(call);
  const unsigned number = call.end.norm == nullptr ? blockIdx.x : TakeNumber(call.turns + kBegunTurn);
  if (number >= blocks) {
    const auto feature_blocks = static_cast<unsigned>((call.places + kFeatures - 1) / kFeatures);
    NormBehind<kRows>(call, number - blocks, feature_blocks * kConsumerWarps);
    return;
  }
  LayInputs<W>(call, blocks, laid_rows);
  const Share share{number, tiles, blocks};
  KP_DYNAMIC_SHARED(shared);
  __shared__ Barrier full[W::kStages];
  __shared__ Barrier empty[W::kStages];
  const Stages<W> stages{AlignShared<W::kAlignment>(shared), full, empty};
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < W::kStages; ++stage) {
      InitBarrier(full + stage, 1);
      InitBarrier(empty + stage, kConsumerWarps);
    }
    FenceBarriers();
  }
  __syncthreads();
  if (warp >= kConsumerWarps) {
    LowerRegisters<24>();
    if (warp == kConsumerWarps) {
      Produce<W>(call, share, laid_rows, stages, lane);
    }
  } else {
    RaiseRegisters<240>();
    Consumer<W> consumer;
    consumer.Run(call, share, stages, warp, lane);
  }
#endif
}

template <typename Format>
kp_status Launch(kp_stream* stream, const LinearCall& call, char* laid_rows) {
  using W = Wide<Format>;
  const auto kernel = WideRows<W>;
  const kp_status status = stream->device->Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, W::kSharedBytes),
                                                 "cudaFuncSetAttribute");
  if (status != KP_OK) {
    return status;
  }
  const int64_t tiles = (call.places + kFeatures - 1) / kFeatures * ((call.rows + kRows - 1) / kRows);
  const auto blocks = static_cast<unsigned>(tiles < stream->device->multiprocessors ? tiles : stream->device->multiprocessors);
  return KP_LAUNCH(kernel, blocks + BlocksBehind(call), kThreads, W::kSharedBytes, stream, call, tiles, laid_rows);
}

template <typename Math>
kp_status LaunchCodes(kp_stream* stream, const LinearShape& shape, const LinearCall& call, char* laid_rows) {
  return shape.bits == 0         ? Launch<PlainFormat<Math>>(stream, call, laid_rows)
         : shape.has_float_codes ? Launch<E4m3Format<Math>>(stream, call, laid_rows)
         : shape.bits == 8       ? Launch<Int8Format<Math>>(stream, call, laid_rows)
                                 : Launch<Int4Format<Math>>(stream, call, laid_rows);
}

}  // namespace

/* Where there are not enough tiles to go round, the smaller ones of the kernel for many rows keep more of the device busy. */
bool TakesWide(const kp_device& device, const LinearShape& shape, int64_t rows) {
  const int64_t tiles = (shape.places + kFeatures - 1) / kFeatures * ((rows + kRows - 1) / kRows);
  return device.has_wgmma && !device.batch_invariant && shape.arithmetic != Arithmetic::kF32 && rows > kFewRows &&
         tiles >= device.multiprocessors;
}

kp_status MultiplyWide(kp_stream* stream, const LinearShape& shape, const LinearCall& call, char* laid_rows) {
  switch (shape.arithmetic) {
    case Arithmetic::kBf16:
      return LaunchCodes<Bf16Math>(stream, shape, call, laid_rows);
    case Arithmetic::kF16:
      return LaunchCodes<F16Math>(stream, shape, call, laid_rows);
    default:
      return shape.bits == 8 ? Launch<IntegerInt8Format>(stream, call, laid_rows) : Launch<IntegerInt4Format>(stream, call, laid_rows);
  }
}

}  // namespace kp::cuda
