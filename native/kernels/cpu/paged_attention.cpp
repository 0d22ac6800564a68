#include "cpu/paged_attention.h"

#include <algorithm>
#include <cstring>

#include "cpu/paged_attention_pairs.h"
#include "cpu/paged_attention_span.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* Rows of one kv head of one input: row r is query head kv_head * group + r % group of its token r / group. */
struct Tile {
  int32_t input;
  int32_t kv_head;
  int64_t first_row;
  int64_t rows;
};

/* One span of one tile. index is the tile's, or the pair's where spans run apart. */
struct Work {
  int64_t index;
  Tile tile;
  int64_t span;
};

/* kRounded: queries and weights are rounded to bf16. */
template <typename T, bool kRounded>
class Attention {
 public:
  explicit Attention(const kp_paged_attention_args& args)
      : args_(args),
        group_(args.query_heads / args.kv_heads),
        tile_rows_(TileRows(args.head_dim)),
        head_stride_(HeadBytes(args.cache_dtype, args.block_tokens, args.head_dim) / kElementBytes),
        block_stride_(args.block_stride / kElementBytes) {
    int32_t longest = 0;
    for (int32_t input = 0; input < args.sequences; ++input) {
      tiles_ += TilesOf(input) * args.kv_heads;
      longest = std::max(longest, args.context[input]);
    }
    spans_ = Spans(longest);
  }

  void Run(ThreadPool& pool) const {
    if (tiles_ < TilesWorthSplitting(pool.threads()) && pool.threads() > 1 && spans_ > 1) {
      pool.ParallelFor(tiles_ * spans_, 1, [&](int64_t begin, int64_t end) { RunSpansApart(begin, end); });
      pool.ParallelFor(args_.tokens * args_.query_heads, 1 + 16384 / (spans_ * args_.head_dim),
                       [&](int64_t begin, int64_t end) { MergeRows(begin, end); });
      return;
    }
    // About 2 µs of work, were all contexts the longest.
    const int64_t grain = 1 + 400 / (spans_ * args_.head_dim * std::min(tile_rows_, group_));
    pool.ParallelFor(tiles_, grain, [&](int64_t begin, int64_t end) { RunTiles(begin, end); });
  }

 private:
  int64_t RowsOf(int32_t input) const { return int64_t{args_.query_start[input + 1] - args_.query_start[input]} * group_; }
  int64_t TilesOf(int32_t input) const { return (RowsOf(input) + tile_rows_ - 1) / tile_rows_; }

  Tile FindTile(int64_t index) const {
    int32_t input = 0;
    for (; index >= TilesOf(input) * args_.kv_heads; ++input) {
      index -= TilesOf(input) * args_.kv_heads;
    }
    const int64_t first_row = index / args_.kv_heads * tile_rows_;
    return {input, static_cast<int32_t>(index % args_.kv_heads), first_row, std::min(tile_rows_, RowsOf(input) - first_row)};
  }

  int64_t Token(const Tile& tile, int64_t row) const { return args_.query_start[tile.input] + (tile.first_row + row) / group_; }
  int64_t Head(const Tile& tile, int64_t row) const { return tile.kv_head * group_ + (tile.first_row + row) % group_; }

  /* Cached tokens [First, Last) that a row attends to. */
  int64_t Last(const Tile& tile, int64_t row) const {
    const int64_t tokens_after = args_.query_start[tile.input + 1] - 1 - Token(tile, row);
    return args_.context[tile.input] - tokens_after;
  }
  int64_t First(const Tile& tile, int64_t row) const { return args_.window > 0 ? std::max<int64_t>(0, Last(tile, row) - args_.window) : 0; }

  /* The same within the span that is being worked on. */
  int Begin(const Work& work, int64_t row) const {
    return static_cast<int>(std::clamp<int64_t>(First(work.tile, row) - work.span * kSpanTokens, 0, kSpanTokens));
  }
  int End(const Work& work, int64_t row) const {
    return static_cast<int>(std::clamp<int64_t>(Last(work.tile, row) - work.span * kSpanTokens, 0, kSpanTokens));
  }

  /* Finds the tokens of the span that any row of the tile attends to. */
  void Locate(const Work& work, Span<T>& span) const {
    span.keys = static_cast<const T*>(args_.key_cache);
    span.values = static_cast<const T*>(args_.value_cache);
    span.begin = Begin(work, 0);
    span.end = End(work, work.tile.rows - 1);
    if (span.begin >= span.end) {
      return;
    }
    const int64_t start = work.span * kSpanTokens;
    const int32_t* table = args_.block_tables + work.tile.input * args_.block_table_stride;
    const int64_t block_tokens = args_.block_tokens;
    for (int64_t t = span.begin; t < span.end;) {
      const int64_t block = (start + t) / block_tokens;
      const int64_t end = std::min<int64_t>(span.end, (block + 1) * block_tokens - start);
      const int64_t head = table[block] * block_stride_ + work.tile.kv_head * head_stride_;
      const int64_t first = (start + t) % block_tokens;
      if constexpr (kScaled<T>) {
        const int64_t scales = head + block_tokens * args_.head_dim + first * static_cast<int64_t>(sizeof(float));
        std::memcpy(span.key_scale + t, span.keys + scales, static_cast<size_t>(end - t) * sizeof(float));
        std::memcpy(span.value_scale + t, span.values + scales, static_cast<size_t>(end - t) * sizeof(float));
      }
      for (int64_t offset = head + first * args_.head_dim; t < end; ++t, offset += args_.head_dim) {
        span.offset[t] = offset;
      }
    }
    std::fill(span.offset, span.offset + span.begin, span.offset[span.begin]);
    std::fill(span.offset + span.end, span.offset + kSpanTokens + kLanes, span.offset[span.end - 1]);
  }

  struct SpanAndNext {
    const Span<T>& span;
    const int64_t* ahead; /* offsets of the next span, whose keys the first rows of a tile fetch meanwhile, or null */
  };

  /* What some rows attend to. Rows of later tokens begin and end later. */
  template <int kRows>
  struct Reach {
    int begin[kRows];
    int end[kRows];

    /* Calls shared(begin, end) for what all rows attend to, from and to a multiple of step, and alone(r, begin, end) for a row's own tokens
     * before and after that: not even a zero times another row's value may enter a sum. */
    template <typename Alone, typename Shared>
    void Visit(int step, const Alone& alone, const Shared& shared) const {
      const int shared_begin = (begin[kRows - 1] + step - 1) / step * step;
      const int shared_end = std::max(shared_begin, end[0] / step * step);
      const auto visit_alone = [&](int r, int from, int to) {
        if (from < to) {
          alone(r, from, to);
        }
      };
      for (int r = 0; r < kRows; ++r) {
        visit_alone(r, begin[r], std::min(end[r], shared_begin));
      }
      shared(shared_begin, shared_end);
      for (int r = 0; r < kRows; ++r) {
        visit_alone(r, std::max(begin[r], shared_end), end[r]);
      }
    }
  };

  template <int kRows>
  Reach<kRows> ReachOf(const Work& work, int64_t row) const {
    Reach<kRows> reach;
    for (int r = 0; r < kRows; ++r) {
      reach.begin[r] = Begin(work, row + r);
      reach.end[r] = End(work, row + r);
    }
    return reach;
  }

  const float* Query(const Work& work, int64_t row) const {
    return args_.q + Token(work.tile, row) * args_.q_stride + Head(work.tile, row) * args_.head_dim;
  }

  void Clear(const Partial& result, int64_t rows) const {
    for (int64_t r = 0; r < rows; ++r) {
      result.sum[r] = 0.0f;
      std::fill_n(result.values + r * result.stride, args_.head_dim, 0.0f);
    }
  }

  /* Rows [row, row + kRows) of the tile over one span. */
  template <int kRows>
  void RunRows(const Work& work, int64_t row, const SpanAndNext& source, const Partial& result) const {
    const Span<T>& span = source.span;
    const int64_t* ahead = row == 0 ? source.ahead : nullptr;
    alignas(64) float scores[kRows * kScoreStride];
    alignas(64) float rounded[kRounded ? kRows * kMostHeadDim : 1];
    const Reach<kRows> reach = ReachOf<kRows>(work, row);
    const float* q[kRows];
    for (int r = 0; r < kRows; ++r) {
      q[r] = Query(work, row + r);
      if constexpr (kRounded) {
        float* to = rounded + r * kMostHeadDim;
        ForVectors(args_.head_dim, [&](int64_t d, int lanes) { Store(to + d, RoundToBf16(Load(q[r] + d, lanes)), lanes); });
        q[r] = to;
      }
    }
    if (row == 0) {  // the first rows of a tile bring the span in, the others find it in the cache
      Scores<kRows, true>(span, q, reach.begin[0], reach.end[kRows - 1], args_.head_dim, args_.scale, scores);
    } else {
      Scores<kRows, false>(span, q, reach.begin[0], reach.end[kRows - 1], args_.head_dim, args_.scale, scores);
    }
    Clear(result, kRows);
    for (int r = 0; r < kRows; ++r) {
      const int begin = reach.begin[r];
      const int end = reach.end[r];
      if (begin < end) {
        float* row_scores = scores + r * kScoreStride;
        if constexpr (kScaled<T>) {
          Multiply(row_scores, span.key_scale, begin, end);
        }
        Softmax(row_scores, begin, end, result.maximum[r], result.sum[r], [&](int t, Vec weights) {
          if constexpr (kRounded) {
            weights = RoundToBf16(weights);
          }
          Store(row_scores + t, weights);
          return weights;
        });
        if constexpr (kScaled<T>) {
          Multiply(row_scores, span.value_scale, begin, end);
        }
      }
    }
    reach.Visit(
        1,
        [&](int r, int begin, int end) {
          Accumulate<1>(span, nullptr, scores + r * kScoreStride, begin, end, args_.head_dim, result.values + r * result.stride,
                        result.stride);
        },
        [&](int begin, int end) { Accumulate<kRows>(span, ahead, scores, begin, end, args_.head_dim, result.values, result.stride); });
  }

#if defined(__AVX512BF16__)
  template <int kRows, typename Pairs>
  void RunRows(const Work& work, int64_t row, const Pairs& pairs, const Partial& result) const {
    alignas(64) float scores[kRows * kScoreStride];
    alignas(64) Bf16 weights[kRows * kScoreStride];
    alignas(64) Bf16 q[kRows * kMostHeadDim];
    const Reach<kRows> reach = ReachOf<kRows>(work, row);
    for (int r = 0; r < kRows; ++r) {
      const float* from = Query(work, row + r);
      ForVectors(args_.head_dim, [&](int64_t d, int lanes) { Store(q + r * kMostHeadDim + d, Load(from + d, lanes), lanes); });
      if (args_.head_dim % 2 != 0) {
        q[r * kMostHeadDim + args_.head_dim].bits = 0;
      }
    }
    pairs.template Score<kRows>(q, reach.begin[0], reach.end[kRows - 1], args_.scale, scores);
    Clear(result, kRows);
    for (int r = 0; r < kRows; ++r) {
      if (reach.begin[r] < reach.end[r]) {
        Softmax(scores + r * kScoreStride, reach.begin[r], reach.end[r], result.maximum[r], result.sum[r], [&](int t, Vec exact) {
          const __m256i bits = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(exact.v));
          _mm256_store_si256(reinterpret_cast<__m256i*>(weights + r * kScoreStride + t), bits);
          return FromBf16Bits(bits);
        });
      }
    }
    reach.Visit(
        2,
        [&](int r, int begin, int end) {
          AccumulatePairs<1, false>(pairs, weights + r * kScoreStride, begin, end, result.values + r * result.stride, result.stride);
        },
        [&](int begin, int end) { AccumulatePairs<kRows, true>(pairs, weights, begin, end, result.values, result.stride); });
  }
#endif

  template <int kRows, typename Source>
  void RunUpTo(int64_t rows, const Work& work, int64_t row, const Source& source, const Partial& result) const {
    if (rows == kRows) {
      RunRows<kRows>(work, row, source, result);
    } else if constexpr (kRows > 1) {
      RunUpTo<kRows - 1>(rows, work, row, source, result);
    }
  }

  /* Calls use(row, rows, partial) for each block of at most kMost rows of the tile. */
  template <int kMost, typename Source, typename Use>
  void RunBlocks(const Work& work, const Source& source, const Use& use) const {
    alignas(64) float values[kMost * kMostHeadDim];
    float maximum[kMost] = {};
    float sum[kMost] = {};
    const Partial block{values, args_.head_dim, maximum, sum};
    for (int64_t row = 0; row < work.tile.rows; row += kMost) {
      const int64_t rows = std::min<int64_t>(kMost, work.tile.rows - row);
      RunUpTo<kMost>(rows, work, row, source, block);
      use(row, rows, block);
    }
  }

  /* ahead = offsets of the next span, or null. */
  template <typename Use>
  void RunSpan(const Work& work, const Span<T>& span, const int64_t* ahead, const Use& use) const {
#if defined(__AVX512BF16__)
    if constexpr (kRounded) {
      if (work.tile.rows <= kDirectRows) {
        RunBlocks<kDirectRows>(work, DirectPairs{span, ahead, args_.head_dim}, use);
      } else {
        PackedSpan packed;
        PackKeys(span, args_.head_dim, packed.keys);
        PackValues(span, ahead, args_.head_dim, packed.values);
        RunBlocks<kPackedRows>(work, PackedPairs{packed, args_.head_dim}, use);
      }
      return;
    }
#endif
    RunBlocks<kBlockRows>(work, SpanAndNext{span, ahead}, use);
  }

  /* Runs work, next(work), … up to index end, and fetches each span while the one before it is worked on. */
  template <typename Next, typename Use>
  void Sweep(Work work, int64_t end, const Next& next, const Use& use) const {
    Span<T> spans[2];
    Span<T>* here = &spans[0];
    Span<T>* ahead = &spans[1];
    Locate(work, *here);
    for (int t = here->begin; t < here->end; ++t) {
      PrefetchToken(here->keys + here->offset[t], args_.head_dim);
    }
    while (work.index < end) {
      const Work following = next(work);
      const int64_t* fetched = nullptr;
      if (following.index < end) {
        Locate(following, *ahead);
        fetched = ahead->begin < ahead->end ? ahead->offset : nullptr;
      }
      RunSpan(work, *here, fetched, [&](int64_t row, int64_t rows, const Partial& block) { use(work, row, rows, block); });
      work = following;
      std::swap(here, ahead);
    }
  }

  void RunTiles(int64_t begin, int64_t end) const {
    alignas(64) float values[kTileFloats];
    float maximum[kMostTileRows] = {};
    float sum[kMostTileRows] = {};
    const auto first = [&](int64_t index) {
      if (index >= end) {
        return Work{index, {}, 0};
      }
      const Tile tile = FindTile(index);
      return Work{index, tile, First(tile, 0) / kSpanTokens};
    };
    const auto is_last = [&](const Work& work) { return (work.span + 1) * kSpanTokens >= Last(work.tile, work.tile.rows - 1); };
    const auto next = [&](const Work& work) { return is_last(work) ? first(work.index + 1) : Work{work.index, work.tile, work.span + 1}; };
    Sweep(first(begin), end, next, [&](const Work& work, int64_t row, int64_t rows, const Partial& block) {
      const Partial tile{values + row * args_.head_dim, args_.head_dim, maximum + row, sum + row};
      for (int64_t r = 0; r < rows; ++r) {
        Merge(tile, block, r, args_.head_dim);
        if (is_last(work)) {
          Write(Token(work.tile, row + r), Head(work.tile, row + r), tile.values + r * tile.stride, tile.sum[r]);
          tile.sum[r] = 0.0f;
        }
      }
    });
  }

  /* Partial results of (tile, span) pairs to the workspace. */
  void RunSpansApart(int64_t begin, int64_t end) const {
    const auto at = [&](int64_t index) { return index < end ? Work{index, FindTile(index / spans_), index % spans_} : Work{index, {}, 0}; };
    Sweep(
        at(begin), end, [&](const Work& work) { return at(work.index + 1); },
        [&](const Work& work, int64_t row, int64_t rows, const Partial& block) {
          for (int64_t r = 0; r < rows; ++r) {
            float* to = Workspace(Token(work.tile, row + r), Head(work.tile, row + r), work.span);
            std::copy_n(block.values + r * block.stride, args_.head_dim, to);
            to[args_.head_dim] = block.maximum[r];
            to[args_.head_dim + 1] = block.sum[r];
          }
        });
  }

  void MergeRows(int64_t begin, int64_t end) const {
    const int64_t head_dim = args_.head_dim;
    alignas(64) float values[kMostHeadDim];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t token = i / args_.query_heads;
      const int64_t head = i % args_.query_heads;
      float maximum = 0.0f;
      float sum = 0.0f;
      for (int64_t span = 0; span < spans_; ++span) {
        float* from = Workspace(token, head, span);
        Merge({values, head_dim, &maximum, &sum}, {from, head_dim, from + head_dim, from + head_dim + 1}, 0, head_dim);
      }
      Write(token, head, values, sum);
    }
  }

  float* Workspace(int64_t token, int64_t head, int64_t span) const {
    return static_cast<float*>(args_.workspace) + ((token * args_.query_heads + head) * spans_ + span) * PartialFloats(args_.head_dim);
  }

  void Write(int64_t token, int64_t head, const float* values, float sum) const {
    const int64_t at = token * args_.y_stride + head * args_.head_dim;
    ForVectors(args_.head_dim, [&](int64_t d, int lanes) {
      const Vec result = Load(values + d, lanes) / Broadcast(sum);
      if (args_.y_dtype == KP_F32) {
        Store(static_cast<float*>(args_.y) + at + d, result, lanes);
      } else {
        Store(static_cast<Bf16*>(args_.y) + at + d, result, lanes);
      }
    });
  }

  static constexpr int64_t kElementBytes = sizeof(T);

  const kp_paged_attention_args& args_;
  const int64_t group_;
  const int64_t tile_rows_;
  const int64_t head_stride_;  // of the cache, in elements; likewise
  const int64_t block_stride_;
  int64_t tiles_ = 0;
  int64_t spans_ = 0;
};

}  // namespace

void PagedAttention(ThreadPool& pool, const kp_paged_attention_args& args);

void PagedAttention(ThreadPool& pool, const kp_paged_attention_args& args) {
  switch (args.cache_dtype) {
    case KP_CACHE_F32:
      Attention<float, false>(args).Run(pool);
      break;
    case KP_CACHE_BF16:
      if (args.y_dtype == KP_BF16) {
        Attention<Bf16, true>(args).Run(pool);
      } else {
        Attention<Bf16, false>(args).Run(pool);
      }
      break;
    case KP_CACHE_F16:
      Attention<Fp16, false>(args).Run(pool);
      break;
    default:
      Attention<int8_t, false>(args).Run(pool);
  }
}

}  // namespace kp::cpu::KP_TARGET
