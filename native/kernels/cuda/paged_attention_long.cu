/* Attention for sequences with many rows, where multiplying is what takes time: a block takes a tile of 128 rows, 16 a warp, and all cached
 * tokens that they see, which go through shared memory chunk after chunk, the next one on its way while one is worked on. Chunks, spans and
 * every step of a row's sums are those of the kernel for short sequences, so a row's bits do not tell which of the two has made it. */
#include <algorithm>

#include "common/kv_cache.h"
#include "cuda/device/async_copy.cuh"
#include "cuda/device/vector.cuh"
#include "cuda/paged_attention_chunk.cuh"

namespace kp::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarpThreads;
constexpr int kTileRows = kWarps * kWarpRows;

/* A row of a chunk: pieces of 16 bytes, swizzled so that the lanes which read together find them in different banks. */
template <typename T, int kDimBlocks>
struct Stage {
  static constexpr int kPieces = 64 * kDimBlocks * static_cast<int>(sizeof(T)) / 16;
  uint4 keys[kChunkTokens][kPieces];
  uint4 values[kChunkTokens][kPieces];
  float key_scales[kScaled<T> ? kChunkTokens : 1];
  float value_scales[kScaled<T> ? kChunkTokens : 1];

  /* Two lanes' keys lie four tokens apart, and are four pieces long; the values of four tokens in a row are read at once. */
  __device__ __forceinline__ static int KeyPiece(int token, int piece) { return piece ^ ((token / 4 % 2 * 4) & (kPieces - 1)); }
  __device__ __forceinline__ static int ValuePiece(int token, int piece) { return piece ^ ((token % 4 * 2) & (kPieces - 1)); }
};

template <typename T, int kDimBlocks>
struct SharedTile {
  uint4 q[kWarps][Parts<T>::kCount][2 * kDimBlocks][2][kWarpThreads]; /* [warp][part][32 dims][16 of them][lane] */
  float q_up[kTileRows];
  Stage<T, kDimBlocks> stages[2];
  float4 totals[kWarps][8 * kDimBlocks][kWarpThreads]; /* of the spans behind, as a lane holds them: 64 registers that are seldom used */
};

/* Starts the copies of a chunk; tokens that no row of the tile sees become zeros. */
template <typename T, int kDimBlocks>
__device__ __forceinline__ void CopyChunk(const AttentionCall& call, const RowTile& tile, int chunk, int first, int last,
                                          Stage<T, kDimBlocks>& stage) {
  using S = Stage<T, kDimBlocks>;
  const kp_paged_attention_args& args = call.args;
  const int row_bytes = args.head_dim * static_cast<int>(sizeof(T));
  const auto* keys = static_cast<const char*>(args.key_cache);
  const auto* values = static_cast<const char*>(args.value_cache);
  for (int at = static_cast<int>(threadIdx.x); at < kChunkTokens * S::kPieces; at += kThreads) {
    const int token = at / S::kPieces;
    const int piece = at % S::kPieces;
    const int position = chunk * kChunkTokens + token;
    const bool is_there = position >= first && position < last && piece * 16 < row_bytes;
    int64_t from = 0;
    if (is_there) {
      const TokenPlace place = PlaceOf(call, tile, position);
      from = place.part + int64_t{place.token} * row_bytes + piece * 16;
    }
    CopyAsync16(&stage.keys[token][S::KeyPiece(token, piece)], keys + from, is_there);
    CopyAsync16(&stage.values[token][S::ValuePiece(token, piece)], values + from, is_there);
  }
  if constexpr (kScaled<T>) {
    const int token = static_cast<int>(threadIdx.x) % kChunkTokens;
    const int position = chunk * kChunkTokens + token;
    if (static_cast<int>(threadIdx.x) < 2 * kChunkTokens) {
      const bool is_key = static_cast<int>(threadIdx.x) < kChunkTokens;
      float scale = 0.0f;
      if (position >= first && position < last) {
        const TokenPlace place = PlaceOf(call, tile, position);
        const char* behind = (is_key ? keys : values) + place.part + int64_t{args.block_tokens} * args.head_dim;
        scale = reinterpret_cast<const float*>(behind)[place.token];
      }
      (is_key ? stage.key_scales : stage.value_scales)[token] = scale;
    }
  }
}

/* The queries of a warp's rows, as A operands. */
template <typename T, int kDimBlocks>
__device__ __forceinline__ void LoadQueries(const AttentionCall& call, const RowTile& tile, SharedTile<T, kDimBlocks>& shared, int warp,
                                            int lane) {
  const kp_paged_attention_args& args = call.args;
  const auto row_at = [&](int row) { return args.q + tile.Token(row) * args.q_stride + int64_t{tile.Head(row)} * args.head_dim; };
  for (int row = warp * kWarpRows; row < (warp + 1) * kWarpRows; ++row) {
    const bool is_there = row < tile.count;
    const float up = QueryUp<T>(is_there ? row_at(row) : nullptr, is_there, args.head_dim, lane);
    if (lane == 0) {
      shared.q_up[row] = up;
    }
  }
  __syncwarp();
  for (int at = 0; at < 4 * kDimBlocks; ++at) {
    float numbers[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int row = warp * kWarpRows + lane / 4 + i / 2 % 2 * 8;
      const int d = QueryDim(at / 2, at % 2, lane, i);
      numbers[i] = row < tile.count && d < args.head_dim ? row_at(row)[d] * shared.q_up[row] : 0.0f;
    }
    uint32_t parts[Parts<T>::kCount][4];
    Split<T>(numbers, parts);
#pragma unroll
    for (int p = 0; p < Parts<T>::kCount; ++p) {
      shared.q[warp][p][at / 2][at % 2][lane] = make_uint4(parts[p][0], parts[p][1], parts[p][2], parts[p][3]);
    }
  }
  __syncwarp();
}

/* A chunk in shared memory, as paged_attention_chunk.cuh wants it. */
template <typename T, int kDimBlocks>
struct StagedChunk {
  using S = Stage<T, kDimBlocks>;
  const SharedTile<T, kDimBlocks>& shared;
  const S& stage;
  float scale;
  float q_scales[2]; /* of the lane's two rows */
  int first[2];      /* positions that they see, counted from the chunk's first; a row that is not there sees none */
  int last[2];
  int warp;
  int lane;

  __device__ __forceinline__ uint4 Query(int part, int block, int step) const { return shared.q[warp][part][block][step][lane]; }
  __device__ __forceinline__ float QueryScale(int half) const { return q_scales[half]; }
  __device__ __forceinline__ uint4 Key(int token, int d) const { return Eight(stage.keys[token], token, d, S::KeyPiece); }
  __device__ __forceinline__ uint4 Value(int token, int d) const { return Eight(stage.values[token], token, d, S::ValuePiece); }
  __device__ __forceinline__ float KeyScale(int token) const { return kScaled<T> ? scale * stage.key_scales[token] : scale * 1.0f; }
  __device__ __forceinline__ float ValueScale(int token) const { return kScaled<T> ? stage.value_scales[token] : 1.0f; }
  __device__ __forceinline__ bool Sees(int half, int token) const { return token >= first[half] && token <= last[half]; }

 private:
  template <typename Piece>
  __device__ __forceinline__ static uint4 Eight(const uint4 (&pieces)[S::kPieces], int token, int d, const Piece& piece) {
    constexpr int kElements = 16 / static_cast<int>(sizeof(T));
    return LoadEight(reinterpret_cast<const T*>(&pieces[piece(token, d / kElements)]) + d % kElements);
  }
};

/* Maximum and sum of a lane's two rows. */
struct Weighed {
  float maximum[2] = {};
  float sum[2] = {};

  /* How more joins, half by half. */
  __device__ __forceinline__ void Add(const Weighed& more, Fold (&folds)[2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      folds[half] = FoldOf(maximum[half], sum[half], more.maximum[half], more.sum[half]);
      maximum[half] = folds[half].maximum;
      sum[half] = folds[half].sum;
    }
  }
};

/* A lane's part of the rows' weighted values is in the shape in which products leave it: total joins those of a span. */
template <int kDimBlocks>
__device__ __forceinline__ void JoinTotals(const Fold (&folds)[2], float (&span)[kDimBlocks][8][4], float4 (*totals)[kWarpThreads],
                                           int lane) {
#pragma unroll
  for (int block = 0; block < kDimBlocks; ++block) {
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      float4& at = totals[8 * block + j][lane];
      const float4 total = at;
      float(&values)[4] = span[block][j];
      at = make_float4(Join(folds[0], total.x, values[0]), Join(folds[0], total.y, values[1]), Join(folds[1], total.z, values[2]),
                       Join(folds[1], total.w, values[3]));
    }
  }
}

/* A row of the lane: 8 dims from each of its 16-byte columns. */
template <int kDimBlocks>
__device__ __forceinline__ void Write(const kp_paged_attention_args& args, const RowTile& tile, const float4 (*totals)[kWarpThreads],
                                      float sum, int row, int half, int lane) {
  const int64_t at = tile.Token(row) * args.y_stride + int64_t{tile.Head(row)} * args.head_dim;
#pragma unroll
  for (int block = 0; block < kDimBlocks; ++block) {
#pragma unroll
    for (int four = 0; four < 2; ++four) {
      Float4 results[2];
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const float4 total = totals[8 * block + 4 * four + e][lane];
        results[0].v[e] = (half == 0 ? total.x : total.z) / sum;
        results[1].v[e] = (half == 0 ? total.y : total.w) / sum;
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int d = 64 * block + 8 * (lane % 4 * 2 + i) + 4 * four;
        if (d < args.head_dim && args.y_dtype == KP_F32) {
          Store4(static_cast<float*>(args.y) + at + d, results[i], 4);
        } else if (d < args.head_dim) {
          Store4(static_cast<Bf16*>(args.y) + at + d, results[i], 4);
        }
      }
    }
  }
}

template <typename T, int kDimBlocks>
__global__ void __launch_bounds__(kThreads, 1) AttendLong(AttentionCall call) {
  KP_DYNAMIC_SHARED(memory);
  auto& shared = *reinterpret_cast<SharedTile<T, kDimBlocks>*>(memory);
  const kp_paged_attention_args& args = call.args;
  const RowTile tile = FindLongTile<kTileRows>(call, blockIdx.x, static_cast<int>(blockIdx.y));
  if (tile.sequence < 0) {
    return;
  }
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int first = tile.FirstVisible(0, args.window);
  const int last = tile.Position(tile.count - 1) + 1;
  int chunk = first / kChunkTokens;
  const int end = (last - 1) / kChunkTokens + 1;
  CopyChunk(call, tile, chunk, first, last, shared.stages[chunk % 2]);
  CommitCopies();
  LoadQueries(call, tile, shared, warp, lane);

  const int warp_row = warp * kWarpRows;
  const int warp_last_row = warp_row + kWarpRows < tile.count ? warp_row + kWarpRows - 1 : tile.count - 1;
  const int rows[2] = {warp_row + lane / 4, warp_row + lane / 4 + 8};
  float q_scales[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    q_scales[half] = 1.0f / shared.q_up[rows[half]];
  }
  Weighed total;
  Weighed span;
  float values[kDimBlocks][8][4] = {};
  float4(*totals)[kWarpThreads] = shared.totals[warp];
  for (int tile_of_dims = 0; tile_of_dims < 8 * kDimBlocks; ++tile_of_dims) {
    totals[tile_of_dims][lane] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  }
  for (; chunk < end; ++chunk) {
    if (chunk + 1 < end) {
      CopyChunk(call, tile, chunk + 1, first, last, shared.stages[(chunk + 1) % 2]);
    }
    CommitCopies();
    WaitCopies<1>();
    __syncthreads();  // this chunk is there for all
    const int start = chunk * kChunkTokens;
    const bool is_seen =
        warp_row < tile.count && tile.FirstVisible(warp_row, args.window) < start + kChunkTokens && tile.Position(warp_last_row) >= start;
    if (is_seen) {
      StagedChunk<T, kDimBlocks> source{shared, shared.stages[chunk % 2], args.scale, {q_scales[0], q_scales[1]}, {0, 0}, {-1, -1}, warp,
                                        lane};
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if (rows[half] < tile.count) {
          source.first[half] = tile.FirstVisible(rows[half], args.window) - start;
          source.last[half] = tile.Position(rows[half]) - start;
        }
      }
      float weights[kTokenTiles][4] = {};
      Weighed seen;
      Fold folds[2];
      Scores<T, kDimBlocks>(source, lane, weights);
      Softmax<T>(source, lane, weights, seen.maximum, seen.sum);
      span.Add(seen, folds);
#pragma unroll
      for (int block = 0; block < kDimBlocks; ++block) {
        float sums[1][8][4] = {};
        Values<T>(source, lane, block, weights, sums);
#pragma unroll
        for (int j = 0; j < 8; ++j) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            values[block][j][i] = Join(folds[i / 2], values[block][j][i], sums[0][j][i]);
          }
        }
      }
    }
    if ((chunk + 1) % kSpanChunks == 0 || chunk + 1 == end) {
      Fold folds[2];
      total.Add(span, folds);
      JoinTotals(folds, values, totals, lane);
      span = {};
    }
    __syncthreads();  // nobody reads the stage any more that is filled next
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    if (rows[half] < tile.count) {
      Write<kDimBlocks>(args, tile, totals, total.sum[half], rows[half], half, lane);
    }
  }
}

template <typename T, int kDimBlocks>
kp_status Launch(kp_stream* stream, const AttentionCall& call) {
  constexpr int kBytes = sizeof(SharedTile<T, kDimBlocks>);
  const auto kernel = AttendLong<T, kDimBlocks>;
  const kp_status status =
      stream->device->Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes), "cudaFuncSetAttribute");
  if (status != KP_OK) {
    return status;
  }
  const int64_t rows = call.args.tokens * call.group;
  const int64_t sequences = std::min<int64_t>(call.args.sequences, rows / call.long_rows);
  const dim3 grid(static_cast<unsigned>(rows / kTileRows + sequences), static_cast<unsigned>(call.args.kv_heads));
  return KP_LAUNCH(kernel, grid, kThreads, kBytes, stream, call);
}

template <typename T>
kp_status LaunchDims(kp_stream* stream, const AttentionCall& call) {
  return call.args.head_dim <= 64 ? Launch<T, 1>(stream, call) : Launch<T, 2>(stream, call);
}

constexpr int kMostDims = 128;

}  // namespace

/* Where the tiles would not go round, smaller ones keep more of the device busy. */
bool HasLongKernel(const kp_device& device, const AttentionCall& call) {
  const kp_paged_attention_args& args = call.args;
  const int64_t row_bytes = args.head_dim * (args.cache_dtype == KP_CACHE_I8 ? 1 : 2);
  const int64_t tiles = (args.tokens * call.group + kTileRows - 1) / kTileRows * args.kv_heads;
  const bool rounds = args.cache_dtype == KP_CACHE_BF16 && args.y_dtype == KP_BF16;
  const int64_t bytes = rounds ? sizeof(SharedTile<RoundedBf16, 2>) : sizeof(SharedTile<Bf16, 2>); /* the largest of the others */
  return HasTensorKernel(call) && args.head_dim <= kMostDims && row_bytes % 16 == 0 && bytes <= device.shared_bytes &&
         (args.tokens - args.sequences + 1) * call.group >= kLongRows && tiles >= device.multiprocessors;
}

kp_status AttendLongSequences(kp_stream* stream, const AttentionCall& call) {
  switch (call.args.cache_dtype) {
    case KP_CACHE_BF16:
      return call.args.y_dtype == KP_BF16 ? LaunchDims<RoundedBf16>(stream, call) : LaunchDims<Bf16>(stream, call);
    case KP_CACHE_F16:
      return LaunchDims<Fp16>(stream, call);
    default:
      return LaunchDims<int8_t>(stream, call);
  }
}

}  // namespace kp::cuda
