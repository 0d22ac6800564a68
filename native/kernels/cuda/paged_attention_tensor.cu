/* Attention on tensor cores. A block takes a tile of 16 rows and a span of cached tokens; each of its warps one chunk of the span, which it
 * reads from the cache straight into the shape that its products take. So every cached key and value is read once for all the rows that
 * share it, and as many loads are under way as there are registers.
 *
 * Queries and weights are fp32. They enter the products as sums of parts in the cache's 16-bit type (int8 elements become bf16): three of
 * bf16, or two of fp16 after a shift by a power of two, which is all the bits there are. */
#include "common/kv_cache.h"
#include "cuda/device/mma.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/paged_attention_merge.cuh"

namespace kp::cuda {
namespace {

constexpr int kWarps = kSpanChunks;
constexpr int kThreads = kWarps * kWarpThreads;
constexpr int kTileRows = 16;
constexpr int kTokenTiles = kChunkTokens / 8;  /* of 8 tokens: columns of the scores */
constexpr int kTokenSteps = kChunkTokens / 16; /* of 16 tokens: what the values are summed over */
constexpr int kMostDims = 256;

/* What a cache type is multiplied as. */
template <typename T>
struct Parts;

template <>
struct Parts<Bf16> {
  static constexpr int kCount = 3;
  static constexpr int kShift = 0; /* weights are multiplied by 2^kShift before they are split */
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackBf16(low, high); }
  __device__ __forceinline__ static void Multiply(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    MmaBf16(sum, a, b0, b1);
  }
  __device__ __forceinline__ static float First(uint32_t pair) { return __uint_as_float(pair << 16); }
  __device__ __forceinline__ static float Second(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
};
template <>
struct Parts<Fp16> {
  static constexpr int kCount = 2;
  static constexpr int kShift = 14;
  __device__ __forceinline__ static uint32_t Pack(float low, float high) { return PackF16(low, high); }
  __device__ __forceinline__ static void Multiply(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    MmaF16(sum, a, b0, b1);
  }
  __device__ __forceinline__ static float First(uint32_t pair) { return ToFloat(Fp16{static_cast<uint16_t>(pair)}); }
  __device__ __forceinline__ static float Second(uint32_t pair) { return ToFloat(Fp16{static_cast<uint16_t>(pair >> 16)}); }
};
template <>
struct Parts<int8_t> : Parts<Bf16> {};

/* parts[p][word]: part p of each of the eight numbers of an A operand; the last part is the smallest. */
template <typename T>
__device__ __forceinline__ void Split(float (&numbers)[8], uint32_t (&parts)[Parts<T>::kCount][4]) {
#pragma unroll
  for (int p = 0; p < Parts<T>::kCount; ++p) {
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      parts[p][word] = Parts<T>::Pack(numbers[2 * word], numbers[2 * word + 1]);
      numbers[2 * word] -= Parts<T>::First(parts[p][word]);
      numbers[2 * word + 1] -= Parts<T>::Second(parts[p][word]);
    }
  }
}

/* Eight neighbouring elements as four pairs. */
__device__ __forceinline__ uint4 LoadEight(const Bf16* p) { return *reinterpret_cast<const uint4*>(p); }
__device__ __forceinline__ uint4 LoadEight(const Fp16* p) { return *reinterpret_cast<const uint4*>(p); }
__device__ __forceinline__ uint4 LoadEight(const int8_t* p) {
  const uint2 raw = *reinterpret_cast<const uint2*>(p);
  const auto pair = [](uint32_t word, int first) {
    return PackBf16(static_cast<float>(static_cast<int8_t>(word >> (8 * first))),
                    static_cast<float>(static_cast<int8_t>(word >> (8 * first + 8))));
  };
  return make_uint4(pair(raw.x, 0), pair(raw.x, 2), pair(raw.y, 0), pair(raw.y, 2));
}

/* A pair made of element i % 2 of each of two pairs. */
__device__ __forceinline__ uint32_t Weave(uint32_t first, uint32_t second, int i) {
  return i % 2 == 0 ? (first & 0xffffu) | second << 16 : first >> 16 | (second & 0xffff0000u);
}

/* Which token of a step of 16 is column (or k) n of the product: those that one lane needs of a value lie apart by four, so that the four
 * lanes of a group read four neighbouring tokens. */
__device__ __forceinline__ int TokenOf(int n) { return n % 8 / 2 + 4 * (n % 2) + n / 8 * 8; }

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
    float up = 1.0f;
    if (Parts<T>::kShift != 0) {
      float largest = 0.0f;
      for (int d = lane; row < tile.count && d < args.head_dim; d += kWarpThreads) {
        largest = fmaxf(largest, fabsf(row_at(row)[d]));
      }
      largest = WarpReduce(largest, Larger{});
      int exponent = static_cast<int>(__float_as_uint(largest) >> 23 & 0xffu) - 127;
      exponent = exponent < -100 ? -100 : exponent > 100 ? 100 : exponent;
      up = __uint_as_float(static_cast<unsigned>(Parts<T>::kShift - exponent + 127) << 23);
    }
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
      const int d = 32 * block + lane % 4 * 8 + 4 * step + i / 4 * 2 + i % 2;
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

/* One warp's chunk. */
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
    const int first = chunk_ * kChunkTokens;
    if (first >= end_ || first + kChunkTokens <= begin_) {
      if (lane_ < kTileRows) {
        shared_.sum[chunk_][lane_] = 0.0f;
      }
      return;
    }
    float weights[kTokenTiles][4] = {};
    Scores(weights);
    Softmax(weights);
    Values(weights);
  }

 private:
  __device__ __forceinline__ bool IsThere(int token) const { return token >= begin_ && token < end_; }
  __device__ __forceinline__ const T* Row(const void* cache, int token) const {
    return reinterpret_cast<const T*>(static_cast<const char*>(cache) + shared_.part[token]) +
           int64_t{shared_.token[token]} * args_.head_dim;
  }
  __device__ __forceinline__ float Scale(const void* cache, int token) const {
    if constexpr (kScaled<T>) {
      const char* behind = static_cast<const char*>(cache) + shared_.part[token] + int64_t{args_.block_tokens} * args_.head_dim;
      return IsThere(token) ? reinterpret_cast<const float*>(behind)[shared_.token[token]] : 0.0f;
    } else {
      return 1.0f;
    }
  }
  /* The token of the span that is column i of the lane in token tile n. */
  __device__ __forceinline__ int ColumnToken(int n, int column) const {
    return chunk_ * kChunkTokens + n / 2 * 16 + TokenOf(n % 2 * 8 + column);
  }

  /* scores[n][i]: D of the rows by token tile n. */
  __device__ __forceinline__ void Scores(float (&scores)[kTokenTiles][4]) const {
    const int g = lane_ / 4;
    const int t = lane_ % 4;
#pragma unroll 1
    for (int block = 0; block < 2 * kDimBlocks; ++block) {
      const int d = 32 * block + 8 * t;
      uint4 keys[kTokenTiles];
#pragma unroll
      for (int n = 0; n < kTokenTiles; ++n) {
        const int token = ColumnToken(n, g);
        keys[n] = IsThere(token) && d < args_.head_dim ? LoadEight(Row(args_.key_cache, token) + d) : make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int step = 0; step < 2; ++step) {
#pragma unroll
        for (int p = Parts<T>::kCount - 1; p >= 0; --p) {
          const uint4 raw = shared_.q[p][block][step][lane_];
          const uint32_t a[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
          for (int n = 0; n < kTokenTiles; ++n) {
            Parts<T>::Multiply(scores[n], a, step == 0 ? keys[n].x : keys[n].z, step == 0 ? keys[n].y : keys[n].w);
          }
        }
      }
    }
  }

  __device__ __forceinline__ bool Sees(int row, int position) const {
    return row < tile_.count && position <= tile_.Position(row) && position >= tile_.FirstVisible(row, args_.window);
  }

  /* Scores become weights; the maximum and sum of the lane's two rows go to where the fold finds them. */
  __device__ __forceinline__ void Softmax(float (&weights)[kTokenTiles][4]) const {
    const int rows[2] = {lane_ / 4, lane_ / 4 + 8};
    float maximum[2] = {-__builtin_huge_valf(), -__builtin_huge_valf()};
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int token = ColumnToken(n, lane_ % 4 * 2 + i % 2);
        const float scale = args_.scale * Scale(args_.key_cache, token);
        weights[n][i] = weights[n][i] * shared_.q_scale[rows[i / 2]] * scale;
        maximum[i / 2] = Sees(rows[i / 2], span_start_ + token) ? fmaxf(maximum[i / 2], weights[n][i]) : maximum[i / 2];
      }
    }
    float sum[2] = {};
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      maximum[half] = fmaxf(maximum[half], __shfl_xor_sync(kAllLanes, maximum[half], 1));
      maximum[half] = fmaxf(maximum[half], __shfl_xor_sync(kAllLanes, maximum[half], 2));
    }
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int token = ColumnToken(n, lane_ % 4 * 2 + i % 2);
        const float weight = Sees(rows[i / 2], span_start_ + token) ? Exp(weights[n][i] - maximum[i / 2]) : 0.0f;
        sum[i / 2] += weight;
        weights[n][i] = weight * Scale(args_.value_cache, token);
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 1);
      sum[half] += __shfl_xor_sync(kAllLanes, sum[half], 2);
      if (lane_ % 4 == 0) {
        shared_.maximum[chunk_][rows[half]] = maximum[half];
        shared_.sum[chunk_][rows[half]] = sum[half];
      }
    }
  }

  /* weights · values, for 64 dims at a time; lane 4 g + t has the tokens t, t + 4, t + 8, t + 12 of a step and the dims 8 g …. */
  __device__ __forceinline__ void Values(const float (&weights)[kTokenTiles][4]) const {
    constexpr float kUp = static_cast<float>(1 << Parts<T>::kShift);
    constexpr float kDown = 1.0f / kUp;
    float sums[kDimBlocks][8][4] = {};
#pragma unroll
    for (int step = 0; step < kTokenSteps; ++step) {
      float numbers[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        numbers[i] = weights[2 * step + i / 4][i % 4] * kUp;
      }
      uint32_t parts[Parts<T>::kCount][4];
      Split<T>(numbers, parts);
#pragma unroll
      for (int block = 0; block < kDimBlocks; ++block) {
        const int d = 64 * block + lane_ / 4 * 8;
        uint4 values[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int token = chunk_ * kChunkTokens + 16 * step + lane_ % 4 + 4 * i;
          values[i] = IsThere(token) && d < args_.head_dim ? LoadEight(Row(args_.value_cache, token) + d) : make_uint4(0, 0, 0, 0);
        }
#pragma unroll
        for (int j = 0; j < 8; ++j) {
          const auto pair = [&](int first) {
            const auto word = [&](const uint4& eight) {
              return j / 2 == 0 ? eight.x : j / 2 == 1 ? eight.y : j / 2 == 2 ? eight.z : eight.w;
            };
            return Weave(word(values[first]), word(values[first + 1]), j);
          };
          const uint32_t b0 = pair(0);
          const uint32_t b1 = pair(2);
#pragma unroll
          for (int p = Parts<T>::kCount - 1; p >= 0; --p) {
            Parts<T>::Multiply(sums[block][j], parts[p], b0, b1);
          }
        }
      }
    }
#pragma unroll
    for (int block = 0; block < kDimBlocks; ++block) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const float(&sum)[4] = sums[block][j];
        shared_.values[chunk_][8 * block + j][lane_] = make_float4(sum[0] * kDown, sum[1] * kDown, sum[2] * kDown, sum[3] * kDown);
      }
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
  const dim3 grid(static_cast<unsigned>(MostTiles(call.args, kTileRows)), static_cast<unsigned>(call.args.kv_heads),
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
      return LaunchDims<Bf16>(stream, call);
    case KP_CACHE_F16:
      return LaunchDims<Fp16>(stream, call);
    default:
      return LaunchDims<int8_t>(stream, call);
  }
}

}  // namespace kp::cuda
