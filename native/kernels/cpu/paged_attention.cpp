#include "cpu/paged_attention.h"

#include <algorithm>
#include <cmath>

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

/* Result of rows over one span or several: [rows] of weighted values, maximum and sum. A sum of 0 means no token yet. */
struct Partial {
  float* values;
  int64_t stride;
  float* maximum;
  float* sum;
};

/* to = to merged with the later span from. */
void Merge(float* to, float& to_maximum, float& to_sum, const float* from, float from_maximum, float from_sum, int64_t head_dim) {
  if (from_sum == 0.0f) {
    return;
  }
  if (to_sum == 0.0f) {
    ForVectors(head_dim, [&](int64_t d, int lanes) { Store(to + d, Load(from + d, lanes), lanes); });
    to_maximum = from_maximum;
    to_sum = from_sum;
    return;
  }
  const float maximum = to_maximum > from_maximum ? to_maximum : from_maximum;
  float factors[kLanes] = {to_maximum - maximum, from_maximum - maximum};
  Store(factors, Exp(Load(factors)));
  ForVectors(head_dim, [&](int64_t d, int lanes) {
    Store(to + d, Fma(Broadcast(factors[0]), Load(to + d, lanes), Broadcast(factors[1]) * Load(from + d, lanes)), lanes);
  });
  to_sum = to_sum * factors[0] + from_sum * factors[1];
  to_maximum = maximum;
}

template <typename T>
class Attention {
 public:
  explicit Attention(const kp_paged_attention_args& args)
      : args_(args), group_(args.query_heads / args.kv_heads), tile_rows_(TileRows(args.head_dim)) {
    for (int32_t input = 0; input < args.sequences; ++input) {
      tiles_ += TilesOf(input) * args.kv_heads;
      longest_ = std::max(longest_, args.context[input]);
    }
  }

  void Run(ThreadPool& pool) const {
    const int64_t spans = Spans(longest_);
    if (tiles_ < TilesWorthSplitting(pool.threads()) && pool.threads() > 1 && spans > 1) {
      pool.ParallelFor(tiles_ * spans, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          RunSpanOfTile(FindTile(i / spans), i % spans, spans);
        }
      });
      const int64_t rows = args_.tokens * args_.query_heads;
      pool.ParallelFor(rows, 1 + 16384 / (spans * args_.head_dim), [&](int64_t begin, int64_t end) { MergeRows(begin, end, spans); });
      return;
    }
    // About 2 µs of work, were all contexts the longest.
    const int64_t grain = 1 + 100000 / (int64_t{longest_} * args_.head_dim * std::min<int64_t>(tile_rows_, group_) + 1);
    pool.ParallelFor(tiles_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        RunTile(FindTile(i));
      }
    });
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

  /* Cached positions [First, Last) that a row attends to. */
  int32_t Last(const Tile& tile, int64_t row) const {
    const int64_t tokens_after = (RowsOf(tile.input) - 1) / group_ - (tile.first_row + row) / group_;
    return args_.context[tile.input] - static_cast<int32_t>(tokens_after);
  }
  int32_t First(const Tile& tile, int64_t row) const { return args_.window > 0 ? std::max(0, Last(tile, row) - args_.window) : 0; }

  int64_t Token(const Tile& tile, int64_t row) const { return args_.query_start[tile.input] + (tile.first_row + row) / group_; }
  int64_t Head(const Tile& tile, int64_t row) const { return tile.kv_head * group_ + (tile.first_row + row) % group_; }

  /* Finds the cached tokens of a span that any row of the tile attends to. */
  void Locate(const Tile& tile, int64_t index, Span<T>& span) const {
    const int64_t start = index * kSpanTokens;
    span.keys = static_cast<const T*>(args_.key_cache);
    span.values = static_cast<const T*>(args_.value_cache);
    span.begin = static_cast<int>(std::max<int64_t>(0, First(tile, 0) - start));
    span.end = static_cast<int>(std::min<int64_t>(kSpanTokens, Last(tile, tile.rows - 1) - start));
    const int32_t* table = args_.block_tables + tile.input * args_.block_table_stride;
    const int64_t head_dim = args_.head_dim;
    const int64_t block_tokens = args_.block_tokens;
    for (int64_t t = span.begin; t < span.end;) {
      const int64_t block = (start + t) / block_tokens;
      const int64_t end = std::min<int64_t>(span.end, (block + 1) * block_tokens - start);
      int64_t offset = ((table[block] * int64_t{args_.kv_heads} + tile.kv_head) * block_tokens + (start + t) % block_tokens) * head_dim;
      for (; t < end; ++t, offset += head_dim) {
        span.offset[t] = offset;
      }
    }
    for (int i = 0; i < kLanes && span.begin < span.end; ++i) {
      span.offset[span.end + i] = span.offset[span.end - 1];
    }
  }

  /* Rows [row, row + kRows) of the tile over one span. */
  template <int kRows>
  void RunRows(const Tile& tile, int64_t row, const Span<T>& span, int64_t start, Partial result) const {
    alignas(64) float scores[kRows * kScoreStride];
    const float* q[kRows];
    int begin[kRows];
    int end[kRows];
    for (int r = 0; r < kRows; ++r) {
      q[r] = args_.q + Token(tile, row + r) * args_.q_stride + Head(tile, row + r) * args_.head_dim;
      begin[r] = static_cast<int>(std::clamp<int64_t>(First(tile, row + r) - start, 0, kSpanTokens));
      end[r] = static_cast<int>(std::clamp<int64_t>(Last(tile, row + r) - start, 0, kSpanTokens));
      result.sum[r] = 0.0f;
    }
    if (begin[0] >= end[kRows - 1]) {
      return;
    }
    Scores<kRows>(span, q, begin[0], end[kRows - 1], args_.head_dim, args_.scale, scores);
    for (int r = 0; r < kRows; ++r) {
      std::fill_n(result.values + r * result.stride, args_.head_dim, 0.0f);
      if (begin[r] < end[r]) {
        const RowSoftmax softmax = Softmax(scores + r * kScoreStride, begin[r], end[r]);
        result.maximum[r] = softmax.maximum;
        result.sum[r] = softmax.sum;
      }
    }
    // Rows of later tokens begin and end later. What all rows attend to is taken together; a row's own tokens before and after that, alone:
    // not even a zero times another row's value may enter a sum.
    const int shared_begin = begin[kRows - 1];
    const int shared_end = std::max(shared_begin, end[0]);
    for (int r = 0; r < kRows; ++r) {
      Alone(span, scores, r, begin[r], std::min(end[r], shared_begin), result);
    }
    Accumulate<kRows>(span, scores, shared_begin, shared_end, args_.head_dim, result.values, result.stride);
    for (int r = 0; r < kRows; ++r) {
      Alone(span, scores, r, std::max(begin[r], shared_end), end[r], result);
    }
  }

  void Alone(const Span<T>& span, const float* scores, int r, int begin, int end, const Partial& result) const {
    if (begin < end) {
      Accumulate<1>(span, scores + r * kScoreStride, begin, end, args_.head_dim, result.values + r * result.stride, result.stride);
    }
  }

  /* Calls use(row, rows, partial) for each block of rows of the tile. */
  template <typename Use>
  void RunSpan(const Tile& tile, int64_t index, const Use& use) const {
    Span<T> span;
    Locate(tile, index, span);
    const int64_t start = index * kSpanTokens;
    alignas(64) float values[kBlockRows * kMostHeadDim];
    float maximum[kBlockRows] = {};
    float sum[kBlockRows] = {};
    const Partial block{values, args_.head_dim, maximum, sum};
    for (int64_t row = 0; row < tile.rows; row += kBlockRows) {
      const int64_t rows = std::min<int64_t>(kBlockRows, tile.rows - row);
      switch (rows) {
        case 1:
          RunRows<1>(tile, row, span, start, block);
          break;
        case 2:
          RunRows<2>(tile, row, span, start, block);
          break;
        case 3:
          RunRows<3>(tile, row, span, start, block);
          break;
        default:
          RunRows<4>(tile, row, span, start, block);
      }
      use(row, rows, block);
    }
  }

  void RunTile(const Tile& tile) const {
    alignas(64) float values[kTileFloats];
    float maximum[kTileFloats / 128] = {};
    float sum[kTileFloats / 128] = {};
    const int64_t head_dim = args_.head_dim;
    const int64_t last = Spans(Last(tile, tile.rows - 1));
    for (int64_t index = First(tile, 0) / kSpanTokens; index < last; ++index) {
      RunSpan(tile, index, [&](int64_t row, int64_t rows, const Partial& block) {
        for (int64_t r = 0; r < rows; ++r) {
          Merge(values + (row + r) * head_dim, maximum[row + r], sum[row + r], block.values + r * block.stride, block.maximum[r],
                block.sum[r], head_dim);
        }
      });
    }
    for (int64_t row = 0; row < tile.rows; ++row) {
      Write(Token(tile, row), Head(tile, row), values + row * head_dim, sum[row]);
    }
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

  float* Workspace(int64_t token, int64_t head, int64_t span, int64_t spans) const {
    return static_cast<float*>(args_.workspace) + ((token * args_.query_heads + head) * spans + span) * PartialFloats(args_.head_dim);
  }

  void RunSpanOfTile(const Tile& tile, int64_t index, int64_t spans) const {
    RunSpan(tile, index, [&](int64_t row, int64_t rows, const Partial& block) {
      for (int64_t r = 0; r < rows; ++r) {
        float* to = Workspace(Token(tile, row + r), Head(tile, row + r), index, spans);
        std::copy_n(block.values + r * block.stride, args_.head_dim, to);
        to[args_.head_dim] = block.maximum[r];
        to[args_.head_dim + 1] = block.sum[r];
      }
    });
  }

  void MergeRows(int64_t begin, int64_t end, int64_t spans) const {
    const int64_t head_dim = args_.head_dim;
    alignas(64) float values[kMostHeadDim];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t token = i / args_.query_heads;
      const int64_t head = i % args_.query_heads;
      float maximum = 0.0f;
      float sum = 0.0f;
      for (int64_t span = 0; span < spans; ++span) {
        const float* from = Workspace(token, head, span, spans);
        Merge(values, maximum, sum, from, from[head_dim], from[head_dim + 1], head_dim);
      }
      Write(token, head, values, sum);
    }
  }

  const kp_paged_attention_args& args_;
  const int64_t group_;
  const int64_t tile_rows_;
  int64_t tiles_ = 0;
  int32_t longest_ = 0;
};

}  // namespace

void PagedAttention(ThreadPool& pool, const kp_paged_attention_args& args);

void PagedAttention(ThreadPool& pool, const kp_paged_attention_args& args) {
  switch (args.cache_dtype) {
    case KP_F32:
      Attention<float>(args).Run(pool);
      break;
    case KP_BF16:
      Attention<Bf16>(args).Run(pool);
      break;
    default:
      Attention<Fp16>(args).Run(pool);
  }
}

}  // namespace kp::cpu::KP_TARGET
