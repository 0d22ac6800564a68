/* Attention on tensor cores. A block takes a tile of 16 rows and a span of cached tokens; each of its warps one chunk of the span, which it
 * reads from the cache straight into the shape that its products take. So every cached key and value is read once for all the rows that
 * share it, and as many loads are under way as there are registers. */
#include "common/kv_cache.h"
#include "cuda/device/reduce.cuh"
#include "cuda/paged_attention_chunk.cuh"
#include "cuda/paged_attention_merge.cuh"

namespace kp::cuda {
namespace {

constexpr int kWarps = kSpanChunks;
constexpr int kThreads = kWarps * kWarpThreads;
constexpr int kTileRows = 16;
constexpr int kMostDims = 256;

template <typename T, int kDimBlocks>
struct SharedSpan {
  uint4 q[Parts<T>::kCount][2 * kDimBlocks][2][kWarpThreads]; /* [part][32 dims][16 of them][lane] */
  float q_scale[kTileRows];                                   /* what a score is multiplied by */
  float q_up[kTileRows];
  int64_t part[kSpanTokens]; /* of each token of the span: the block's part of the kv head, */
  int token[kSpanTokens];    /* and its place there */
  float maximum[kWarps][kTileRows];
  float sum[kWarps][kTileRows];
  float4 values[kWarps][8 * kDimBlocks][kWarpThreads]; /* as the lanes of each warp hold them */
};

/* The rows' queries, as A operands. */
template <typename T, int kDimBlocks>
__device__ void LoadQueries(const AttentionCall& call, const RowTile& tile, SharedSpan<T, kDimBlocks>& shared) {
  const kp_paged_attention_args& args = call.args;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const auto row_at = [&](int row) { return args.q + tile.Token(row) * args.q_stride + int64_t{tile.Head(row)} * args.head_dim; };
  for (int row = static_cast<int>(threadIdx.x) / kWarpThreads; row < kTileRows; row += kWarps) {
    const float up = QueryUp<T>(row < tile.count ? row_at(row) : nullptr, row < tile.count, args.head_dim, lane);
    if (lane == 0) {
      shared.q_up[row] = up;
      shared.q_scale[row] = 1.0f / up;
    }
  }
  __syncthreads();
  for (int at = static_cast<int>(threadIdx.x); at < 4 * kDimBlocks * kWarpThreads; at += kThreads) {
    const int block = at / (2 * kWarpThreads);
    const int step = at / kWarpThreads % 2;
    float numbers[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int row = lane / 4 + i / 2 % 2 * 8;
      const int d = QueryDim(block, step, lane, i);
      numbers[i] = row < tile.count && d < args.head_dim ? row_at(row)[d] * shared.q_up[row] : 0.0f;
    }
    uint32_t parts[Parts<T>::kCount][4];
    Split<T>(numbers, parts);
#pragma unroll
    for (int p = 0; p < Parts<T>::kCount; ++p) {
      shared.q[p][block][step][lane] = make_uint4(parts[p][0], parts[p][1], parts[p][2], parts[p][3]);
    }
  }
}

/* One warp's chunk, read from the cache. */
template <typename T, int kDimBlocks>
class Chunk {
 public:
  using Shared = SharedSpan<T, kDimBlocks>;

  /* Tokens are numbered in the span; those in [begin, end) are there to be read. */
  __device__ __forceinline__ Chunk(const AttentionCall& call, const RowTile& tile, Shared& shared, int span_start, int begin, int end)
      : args_(call.args),
        tile_(tile),
        shared_(shared),
        lane_(static_cast<int>(threadIdx.x) % kWarpThreads),
        chunk_(static_cast<int>(threadIdx.x) / kWarpThreads),
        span_start_(span_start),
        begin_(begin),
        end_(end) {}

  __device__ __forceinline__ void Run() {
    const int start = chunk_ * kChunkTokens;
    if (start >= end_ || start + kChunkTokens <= begin_) {
      if (lane_ < kTileRows) {
        shared_.sum[chunk_][lane_] = 0.0f;
      }
      return;
    }
    float weights[kTokenTiles][4] = {};
    float maximum[2];
    float sum[2];
    Scores<T, kDimBlocks>(*this, lane_, weights);
    Softmax<T>(*this, lane_, weights, maximum, sum);
    if (lane_ % 4 == 0) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        shared_.maximum[chunk_][lane_ / 4 + 8 * half] = maximum[half];
        shared_.sum[chunk_][lane_ / 4 + 8 * half] = sum[half];
      }
    }
    float sums[kDimBlocks][8][4] = {};
    Values<T>(*this, lane_, 0, weights, sums);
#pragma unroll
    for (int block = 0; block < kDimBlocks; ++block) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const float(&sum_of_dims)[4] = sums[block][j];
        shared_.values[chunk_][8 * block + j][lane_] = make_float4(sum_of_dims[0], sum_of_dims[1], sum_of_dims[2], sum_of_dims[3]);
      }
    }
  }

  /* What paged_attention_chunk.cuh asks of a source. */
  __device__ __forceinline__ uint4 Query(int part, int block, int step) const { return shared_.q[part][block][step][lane_]; }
  __device__ __forceinline__ float QueryScale(int half) const { return shared_.q_scale[lane_ / 4 + 8 * half]; }
  __device__ __forceinline__ uint4 Key(int token, int d) const { return Eight(args_.key_cache, chunk_ * kChunkTokens + token, d); }
  __device__ __forceinline__ uint4 Value(int token, int d) const { return Eight(args_.value_cache, chunk_ * kChunkTokens + token, d); }
  __device__ __forceinline__ float KeyScale(int token) const { return args_.scale * Scale(args_.key_cache, chunk_ * kChunkTokens + token); }
  __device__ __forceinline__ float ValueScale(int token) const { return Scale(args_.value_cache, chunk_ * kChunkTokens + token); }
  __device__ __forceinline__ bool Sees(int half, int token) const {
    const int row = lane_ / 4 + 8 * half;
    const int position = span_start_ + chunk_ * kChunkTokens + token;
    return row < tile_.count && position <= tile_.Position(row) && position >= tile_.FirstVisible(row, args_.window);
  }

 private:
  __device__ __forceinline__ bool IsThere(int token) const { return token >= begin_ && token < end_; }
  __device__ __forceinline__ uint4 Eight(const void* cache, int token, int d) const {
    if (!IsThere(token) || d >= args_.head_dim) {
      return make_uint4(0, 0, 0, 0);
    }
    return LoadEight(reinterpret_cast<const T*>(static_cast<const char*>(cache) + shared_.part[token]) +
                     int64_t{shared_.token[token]} * args_.head_dim + d);
  }
  __device__ __forceinline__ float Scale(const void* cache, int token) const {
    if constexpr (kScaled<T>) {
      const char* behind = static_cast<const char*>(cache) + shared_.part[token] + int64_t{args_.block_tokens} * args_.head_dim;
      return IsThere(token) ? reinterpret_cast<const float*>(behind)[shared_.token[token]] : 0.0f;
    } else {
      return 1.0f;
    }
  }

  const kp_paged_attention_args& args_;
  const RowTile& tile_;
  Shared& shared_;
  const int lane_;
  const int chunk_;
  const int span_start_;
  const int begin_;
  const int end_;
};

/* A thread's share of the tile: what lane thread % 32 of a warp holds of every fourth tile of 8 dims, which is of two rows. */
template <int kDimBlocks>
struct Share {
  static constexpr int kTiles = 8 * kDimBlocks / kWarps;
  float values[kTiles][4] = {};
  float maximum[2] = {};
  float sum[2] = {};

  __device__ __forceinline__ static int Lane() { return static_cast<int>(threadIdx.x) % kWarpThreads; }
  __device__ __forceinline__ static int Tile(int tile) { return static_cast<int>(threadIdx.x) / kWarpThreads + kWarps * tile; }
  __device__ __forceinline__ static int Row(int half) { return Lane() / 4 + 8 * half; }
  __device__ __forceinline__ static int Dim(int tile, int i) { return Tile(tile) / 8 * 64 + (Lane() % 4 * 2 + i % 2) * 8 + Tile(tile) % 8; }

  __device__ __forceinline__ void Add(const Share& more) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Fold fold = FoldOf(maximum[half], sum[half], more.maximum[half], more.sum[half]);
      maximum[half] = fold.maximum;
      sum[half] = fold.sum;
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        values[tile][2 * half] = Join(fold, values[tile][2 * half], more.values[tile][2 * half]);
        values[tile][2 * half + 1] = Join(fold, values[tile][2 * half + 1], more.values[tile][2 * half + 1]);
      }
    }
  }
};

/* The four chunks of a span, folded in order. */
template <typename T, int kDimBlocks>
__device__ __forceinline__ Share<kDimBlocks> FoldChunks(const SharedSpan<T, kDimBlocks>& shared) {
  Share<kDimBlocks> span;
#pragma unroll
  for (int chunk = 0; chunk < kWarps; ++chunk) {
    Share<kDimBlocks> more;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      more.maximum[half] = shared.maximum[chunk][more.Row(half)];
      more.sum[half] = shared.sum[chunk][more.Row(half)];
    }
#pragma unroll
    for (int tile = 0; tile < more.kTiles; ++tile) {
      const float4 raw = shared.values[chunk][more.Tile(tile)][more.Lane()];
      more.values[tile][0] = raw.x;
      more.values[tile][1] = raw.y;
      more.values[tile][2] = raw.z;
      more.values[tile][3] = raw.w;
    }
    span.Add(more);
  }
  return span;
}

template <typename T, int kDimBlocks>
__global__ void __launch_bounds__(kThreads) AttendTensor(AttentionCall call) {
  KP_DYNAMIC_SHARED(memory);
  auto& shared = *reinterpret_cast<SharedSpan<T, kDimBlocks>*>(memory);
  const kp_paged_attention_args& args = call.args;
  const RowTile tile = FindTile<kTileRows>(call, blockIdx.x, static_cast<int>(blockIdx.y));
  if (tile.sequence < 0) {
    return;
  }
  const int first = tile.FirstVisible(0, args.window);
  const int last = tile.Position(tile.count - 1) + 1;
  int64_t span = first / kSpanTokens;
  int64_t end_span = (last - 1) / kSpanTokens + 1;
  const auto blocks = static_cast<unsigned>(end_span - span); /* of the tile, where a block takes one span */
  const bool is_split = call.spans > 0 && blocks > 1;
  if (call.spans > 0) {
    if (blockIdx.z < span || blockIdx.z >= end_span) {
      return;
    }
    span = blockIdx.z;
    end_span = span + 1;
  }
  LoadQueries(call, tile, shared);
  Share<kDimBlocks> result;
  for (; span < end_span; ++span) {
    const int start = static_cast<int>(span * kSpanTokens);
    const int begin = first > start ? first - start : 0;
    const int end = last - start < kSpanTokens ? last - start : kSpanTokens;
    for (int token = static_cast<int>(threadIdx.x); token < kSpanTokens; token += kThreads) {
      TokenPlace place{0, 0};
      if (token >= begin && token < end) {
        place = PlaceOf(call, tile, start + token);
      }
      shared.part[token] = place.part;
      shared.token[token] = place.token;
    }
    __syncthreads();  // queries and places are there, and nobody reads the values of the span before
    Chunk<T, kDimBlocks>(call, tile, shared, start, begin, end).Run();
    __syncthreads();
    result.Add(FoldChunks(shared));
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = result.Row(half);
    if (row >= tile.count) {
      continue;
    }
    float* partial = is_split ? PartialAt(call, tile.Token(row), tile.Head(row), blockIdx.z) : nullptr;
    if (partial != nullptr && result.Tile(0) == 0 && result.Lane() % 4 == 0) {
      partial[args.head_dim] = result.maximum[half];
      partial[args.head_dim + 1] = result.sum[half];
    }
#pragma unroll
    for (int i = 0; i < 2 * result.kTiles; ++i) {
      const int d = result.Dim(i / 2, i);
      const float value = result.values[i / 2][2 * half + i % 2];
      if (d < args.head_dim && partial != nullptr) {
        partial[d] = value;
      } else if (d < args.head_dim) {
        WriteResult(args, tile.Token(row), tile.Head(row), d, value / result.sum[half]);
      }
    }
  }
  if (is_split) {
    MergeSpans<kThreads, 64 * kDimBlocks>(call, tile, blocks);
  }
}

template <typename T, int kDimBlocks>
kp_status Launch(kp_stream* stream, const AttentionCall& call) {
  constexpr int kBytes = sizeof(SharedSpan<T, kDimBlocks>);
  const auto kernel = AttendTensor<T, kDimBlocks>;
  const kp_status status =
      stream->device->Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes), "cudaFuncSetAttribute");
  if (status != KP_OK) {
    return status;
  }
  const dim3 grid(static_cast<unsigned>(MostTiles(call, kTileRows)), static_cast<unsigned>(call.args.kv_heads),
                  static_cast<unsigned>(call.spans > 0 ? call.spans : 1));
  return KP_LAUNCH(kernel, grid, kThreads, kBytes, stream, call);
}

template <typename T>
kp_status LaunchDims(kp_stream* stream, const AttentionCall& call) {
  return call.args.head_dim <= 64    ? Launch<T, 1>(stream, call)
         : call.args.head_dim <= 128 ? Launch<T, 2>(stream, call)
                                     : Launch<T, 4>(stream, call);
}

}  // namespace

/* Eight elements are read at once, wherever a row lies. */
bool HasTensorKernel(const AttentionCall& call) {
  const kp_paged_attention_args& args = call.args;
  const auto is_aligned = [](const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; };
  return args.cache_dtype != KP_CACHE_F32 && args.head_dim % 8 == 0 && args.head_dim <= kMostDims && call.head_bytes % 16 == 0 &&
         args.block_stride % 16 == 0 && is_aligned(args.key_cache) && is_aligned(args.value_cache);
}

kp_status AttendWithTensorCores(kp_stream* stream, AttentionCall call) {
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
