/* Attention in fp32 without tensor cores: for an fp32 cache, and for shapes whose rows are not whole words of 16 bytes. */
#include "common/kv_cache.h"
#include "cuda/device/reduce.cuh"
#include "cuda/paged_attention_merge.cuh"

namespace kp::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kTileRows = 4;
constexpr int kMostShare = kMostHeadDim / kThreads; /* dimensions of a thread */

struct SharedTile {
  float q[kTileRows][kMostHeadDim];
  float weights[kTileRows][kChunkTokens];
  float maximum[kTileRows];
  float sum[kTileRows];
};

/* Weighted values of a thread's dimensions, and what goes with them. */
struct Running {
  float values[kTileRows][kMostShare] = {};
  float maximum[kTileRows] = {};
  float sum[kTileRows] = {};

  __device__ __forceinline__ void Add(const Running& more) {
#pragma unroll
    for (int r = 0; r < kTileRows; ++r) {
      const Fold fold = FoldOf(maximum[r], sum[r], more.maximum[r], more.sum[r]);
#pragma unroll
      for (int i = 0; i < kMostShare; ++i) {
        values[r][i] = Join(fold, values[r][i], more.values[r][i]);
      }
      maximum[r] = fold.maximum;
      sum[r] = fold.sum;
    }
  }
};

template <typename T>
class Floats {
 public:
  __device__ Floats(const AttentionCall& call, const RowTile& tile, SharedTile& shared)
      : call_(call), args_(call.args), tile_(tile), shared_(shared) {
    for (int at = static_cast<int>(threadIdx.x); at < kTileRows * args_.head_dim; at += kThreads) {
      const int row = at / args_.head_dim;
      const int d = at % args_.head_dim;
      shared_.q[row][d] =
          row < tile.count ? args_.q[tile.Token(row) * args_.q_stride + int64_t{tile.Head(row)} * args_.head_dim + d] : 0.0f;
    }
  }

  __device__ Running Span(int64_t span) {
    Running result;
    for (int chunk = 0; chunk < kSpanChunks; ++chunk) {
      const int start = static_cast<int>(span * kSpanTokens) + chunk * kChunkTokens;
      const int begin = First() > start ? First() : start;
      const int end = Last() < start + kChunkTokens ? Last() : start + kChunkTokens;
      if (begin < end) {
        result.Add(Chunk(start, begin, end));
      }
    }
    return result;
  }

  /* Cached tokens that some row sees. */
  __device__ int First() const { return tile_.FirstVisible(0, args_.window); }
  __device__ int Last() const { return tile_.Position(tile_.count - 1) + 1; }

 private:
  __device__ const T* Row(const void* cache, const TokenPlace& place) const {
    return reinterpret_cast<const T*>(static_cast<const char*>(cache) + place.part) + int64_t{place.token} * args_.head_dim;
  }
  __device__ float Scale(const void* cache, const TokenPlace& place) const {
    if constexpr (kScaled<T>) {
      const char* behind = static_cast<const char*>(cache) + place.part + int64_t{args_.block_tokens} * args_.head_dim;
      return reinterpret_cast<const float*>(behind)[place.token];
    } else {
      return 1.0f;
    }
  }

  /* Tokens [begin, end) of the chunk that starts at start. */
  __device__ Running Chunk(int start, int begin, int end) {
    __syncthreads();  // q is there, and nobody reads the weights of the chunk before
    Scores(start, begin, end);
    __syncthreads();
    Softmax(start);
    __syncthreads();
    Running result;
#pragma unroll
    for (int r = 0; r < kTileRows; ++r) {
      result.maximum[r] = shared_.maximum[r];
      result.sum[r] = shared_.sum[r];
    }
    for (int position = begin; position < end; ++position) {
      const TokenPlace place = PlaceOf(call_, tile_, position);
      const T* value = Row(args_.value_cache, place);
      const float scale = Scale(args_.value_cache, place);
#pragma unroll
      for (int i = 0; i < kMostShare; ++i) {
        const int d = static_cast<int>(threadIdx.x) + i * kThreads;
        if (d < args_.head_dim) {
          const float v = ToFloat(value[d]);
#pragma unroll
          for (int r = 0; r < kTileRows; ++r) {
            // A token that the row does not see must not touch it, whatever it holds.
            const float weight = shared_.weights[r][position - start];
            result.values[r][i] = weight == 0.0f ? result.values[r][i] : fmaf(weight * scale, v, result.values[r][i]);
          }
        }
      }
    }
    return result;
  }

  /* A thread takes one token and half of the rows. */
  __device__ void Scores(int start, int begin, int end) {
    constexpr int kRows = kTileRows * kChunkTokens / kThreads;
    const int t = static_cast<int>(threadIdx.x) % kChunkTokens;
    const int first_row = static_cast<int>(threadIdx.x) / kChunkTokens * kRows;
    const int position = start + t;
    float sum[kRows] = {};
    float scale = args_.scale;
    if (position >= begin && position < end) {
      const TokenPlace place = PlaceOf(call_, tile_, position);
      const T* key = Row(args_.key_cache, place);
      for (int d = 0; d < args_.head_dim; ++d) {
        const float k = ToFloat(key[d]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          sum[r] = fmaf(shared_.q[first_row + r][d], k, sum[r]);
        }
      }
      scale = scale * Scale(args_.key_cache, place);
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      shared_.weights[first_row + r][t] = sum[r] * scale;
    }
  }

  __device__ bool Sees(int row, int position) const {
    return row < tile_.count && position <= tile_.Position(row) && position >= tile_.FirstVisible(row, args_.window);
  }

  /* A warp a row. */
  __device__ void Softmax(int start) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
    const int row = static_cast<int>(threadIdx.x) / kWarpThreads;
    float maximum = -__builtin_huge_valf();
    for (int t = lane; t < kChunkTokens; t += kWarpThreads) {
      maximum = Sees(row, start + t) ? fmaxf(maximum, shared_.weights[row][t]) : maximum;
    }
    maximum = WarpReduce(maximum, Larger{});
    float sum = 0.0f;
    for (int t = lane; t < kChunkTokens; t += kWarpThreads) {
      const float weight = Sees(row, start + t) ? Exp(shared_.weights[row][t] - maximum) : 0.0f;
      shared_.weights[row][t] = weight;
      sum += weight;
    }
    sum = WarpReduce(sum, Add{});
    if (lane == 0) {
      shared_.maximum[row] = maximum;
      shared_.sum[row] = sum;
    }
  }

  const AttentionCall& call_;
  const kp_paged_attention_args& args_;
  const RowTile& tile_;
  SharedTile& shared_;
};

template <typename T>
__global__ void __launch_bounds__(kThreads) AttendFloats(AttentionCall call) {
  __shared__ SharedTile shared;
  const RowTile tile = FindTile<kTileRows>(call, blockIdx.x, static_cast<int>(blockIdx.y));
  if (tile.sequence < 0) {
    return;
  }
  Floats<T> floats(call, tile, shared);
  const int64_t first_span = floats.First() / kSpanTokens;
  const int64_t last_span = (floats.Last() - 1) / kSpanTokens;
  const auto blocks = static_cast<unsigned>(last_span - first_span + 1); /* of the tile, where a block takes one span */
  const bool is_split = call.spans > 0 && blocks > 1;
  Running total;
  if (call.spans > 0) {
    const int64_t span = blockIdx.z;
    if (span < first_span || span > last_span) {
      return;
    }
    total = floats.Span(span);
  } else {
    for (int64_t span = first_span; span <= last_span; ++span) {
      total.Add(floats.Span(span));
    }
  }
#pragma unroll
  for (int r = 0; r < kTileRows; ++r) {
    if (r >= tile.count) {
      break;
    }
    float* partial = is_split ? PartialAt(call, tile.Token(r), tile.Head(r), blockIdx.z) : nullptr;
#pragma unroll
    for (int i = 0; i < kMostShare; ++i) {
      const int d = static_cast<int>(threadIdx.x) + i * kThreads;
      if (d < call.args.head_dim) {
        if (partial != nullptr) {
          partial[d] = total.values[r][i];
        } else {
          WriteResult(call.args, tile.Token(r), tile.Head(r), d, total.values[r][i] / total.sum[r]);
        }
      }
    }
    if (partial != nullptr && threadIdx.x == 0) {
      partial[call.args.head_dim] = total.maximum[r];
      partial[call.args.head_dim + 1] = total.sum[r];
    }
  }
  if (is_split) {
    MergeSpans<kThreads, kMostHeadDim>(call, tile, blocks);
  }
}

}  // namespace

kp_status AttendWithFloats(kp_stream* stream, AttentionCall call) {
  const auto kernel = call.args.cache_dtype == KP_CACHE_F32    ? AttendFloats<float>
                      : call.args.cache_dtype == KP_CACHE_BF16 ? AttendFloats<Bf16>
                      : call.args.cache_dtype == KP_CACHE_F16  ? AttendFloats<Fp16>
                                                               : AttendFloats<int8_t>;
  const dim3 grid(static_cast<unsigned>(MostTiles(call, kTileRows)), static_cast<unsigned>(call.args.kv_heads),
                  static_cast<unsigned>(call.spans > 0 ? call.spans : 1));
  return KP_LAUNCH(kernel, grid, kThreads, 0, stream, call);
}

}  // namespace kp::cuda
