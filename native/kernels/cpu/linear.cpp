#include "cpu/linear.h"

#include <algorithm>
#include <type_traits>

#include "cpu/linear_tile.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* How rows are cut into tiles of at most kTileRows: as few as possible, of sizes that differ by one at most. */
struct RowTiles {
  int64_t rows;
  int64_t count;

  explicit RowTiles(int64_t rows) : rows(rows), count((rows + kTileRows - 1) / kTileRows) {}
  int64_t Begin(int64_t tile) const { return tile * rows / count; }
  int64_t Largest() const { return (rows + count - 1) / count; }
};

/* Tiles with few rows take several panels, so that enough independent sums hide the latency of the multiplier. */
constexpr int PanelsAtOnce(int64_t rows) {
  int panels = 4;
  while (panels > 1 && rows * kPanelVectors * panels > kSums) {
    panels /= 2;
  }
  return panels;
}

template <typename Format, int kRows, int kPanels>
void RunTile(int panels, const TileCall<Format>& call) {
  if constexpr (kPanels > 1) {
    if (panels < kPanels) {
      RunTile<Format, kRows, kPanels / 2>(panels, call);
      return;
    }
  }
  Tile<Format, kRows, kPanels>(call);
}

template <typename Format, int kRows = kTileRows>
void RunTile(int64_t rows, int panels, const TileCall<Format>& call) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      RunTile<Format, kRows - 1>(rows, panels, call);
      return;
    }
  }
  RunTile<Format, kRows, PanelsAtOnce(kRows)>(panels, call);
}

KP_INLINE Vec RoundToBf16(Vec value) {
  Bf16 rounded[kLanes];
  Store(rounded, value);
  return Load(rounded);
}

template <typename Format>
class Product {
 public:
  using Input = typename Format::Input;
  using Weight = typename Format::Weight;

  Product(const LinearCall& call, int64_t first_row, int64_t rows)
      : call_(call), first_row_(first_row), tiles_(rows), steps_((call.linear.in + Format::kDepth - 1) / Format::kDepth) {}

  int64_t tiles() const { return tiles_.count; }

  /* Input features of tiles [begin, end) as tiles read them: [steps, rows of the tile, kDepth]. */
  void PackInputs(int64_t begin, int64_t end) const {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t rows = tiles_.Begin(tile + 1) - tiles_.Begin(tile);
      const int64_t first = (first_row_ + tiles_.Begin(tile)) * call_.x_stride;
      if (call_.x_dtype == KP_F32) {
        PackTile(static_cast<const float*>(call_.x) + first, rows, TileInputs(tile));
      } else {
        PackTile(static_cast<const Bf16*>(call_.x) + first, rows, TileInputs(tile));
      }
    }
  }

  /* Pieces of output: (panel, block of tiles) pairs. A matrix with fewer panels than the threads need is cut across its rows as well. */
  struct Pieces {
    int64_t blocks; /* of tiles */
    int64_t count;
    int64_t grain; /* 32 KiB of weights, 2 µs of memory bandwidth, as often as tiles pass over them */
  };
  Pieces Cut(int threads) const {
    const int64_t panels = call_.linear.format->Panels(call_.linear.out);
    const int64_t blocks = std::clamp<int64_t>(4 * threads / panels, 1, tiles_.count);
    const int64_t tiles = tiles_.count / blocks;
    return {blocks, panels * blocks, 1 + 32 * 1024 / (steps_ * kStepBytes * tiles)};
  }

  void Multiply(int64_t begin, int64_t end, int64_t blocks) const {
    for (int64_t piece = begin; piece < end;) {
      int panels = blocks == 1 ? PanelsAtOnce(tiles_.Largest()) : 1;
      while (piece + panels > end) {
        panels /= 2;
      }
      const int64_t block = piece % blocks;
      MultiplyPanels(piece / blocks, panels, block * tiles_.count / blocks, (block + 1) * tiles_.count / blocks);
      piece += panels;
    }
  }

 private:
  static constexpr int64_t kStepBytes = kPanelWidth * Format::kDepth * static_cast<int64_t>(sizeof(Weight));
  /* A block of a panel stays in the second-level cache while all tiles of rows pass over it. */
  static constexpr int64_t kBlockSteps = 256 * 1024 / kStepBytes;
  static constexpr int64_t kAheadBytes = 4096;

  Input* TileInputs(int64_t tile) const { return static_cast<Input*>(call_.scratch) + tiles_.Begin(tile) * steps_ * Format::kDepth; }

  /* Sixteen (kLanes) steps of all rows at a time: converted into a square of 32-bit elements, turned, and stored step by step. */
  template <typename From>
  void PackTile(const From* from, int64_t rows, Input* to) const {
    constexpr int64_t kSide = kLanes * Format::kDepth;
    static_assert(sizeof(Input) * Format::kDepth == sizeof(float));
    alignas(64) Input square[kLanes][kSide] = {};
    for (int64_t step = 0; step < steps_; step += kLanes) {
      const int64_t k = step * Format::kDepth;
      for (int64_t row = 0; row < rows; ++row) {
        for (int i = 0; i < kSide; i += kLanes) {
          const Vec value =
              Load(from + row * call_.x_stride + k + i, static_cast<int>(std::clamp<int64_t>(call_.linear.in - k - i, 0, kLanes)));
          Store(&square[row][i], std::is_same_v<Weight, Bf16> && std::is_same_v<Input, float> ? RoundToBf16(value) : value);
        }
      }
      const int64_t steps = std::min<int64_t>(kLanes, steps_ - step);
      if (rows == 1) {
        Store(reinterpret_cast<float*>(to + k), Load(reinterpret_cast<const float*>(square[0])), static_cast<int>(steps));
        continue;
      }
      Vec turned[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        turned[i] = Load(reinterpret_cast<const float*>(square[i]));
      }
      Transpose(turned);
      for (int64_t i = 0; i < steps; ++i) {
        Store(reinterpret_cast<float*>(to + (step + i) * rows * Format::kDepth), turned[i], static_cast<int>(rows));
      }
    }
  }

  void MultiplyPanels(int64_t panel, int panels, int64_t first_tile, int64_t last_tile) const {
    for (int64_t step = 0; step < steps_; step += kBlockSteps) {
      MultiplyBlock(panel, panels, step, first_tile, last_tile);
    }
  }

  void MultiplyBlock(int64_t panel, int panels, int64_t step, int64_t first_tile, int64_t last_tile) const {
    const int64_t column = panel * kPanelWidth;
    const int64_t steps = std::min(kBlockSteps, steps_ - step);
    const bool last = step + steps == steps_;
    TileCall<Format> call;
    call.panel_weights = steps_ * kPanelWidth * Format::kDepth;
    call.w = static_cast<const Weight*>(call_.linear.weights) + panel * call.panel_weights + step * kPanelWidth * Format::kDepth;
    call.steps = steps;
    call.y_stride = call_.y_stride;
    call.columns = call_.linear.out - column;
    call.bias = last && call_.bias != nullptr ? call_.bias + column : nullptr;
    call.first = step == 0;
    // One tile fetches a little ahead of itself; several share the fetching of the next block, which they will pass over as often.
    const char* here = reinterpret_cast<const char*>(call.w);
    const char* next = here + steps * kStepBytes + (last ? (panels - 1) * steps_ * kStepBytes : 0);
    const int64_t shares = std::min<int64_t>(last_tile - first_tile, 4);
    call.ahead_step = kStepBytes / shares;
    for (int64_t tile = first_tile; tile < last_tile; ++tile) {
      const int64_t share = tile - first_tile;
      if (share < shares) {
        call.ahead = shares == 1 ? here + kAheadBytes : next + share * steps * call.ahead_step;
      } else {
        call.ahead_step = 0;
      }
      const int64_t rows = tiles_.Begin(tile + 1) - tiles_.Begin(tile);
      call.x = TileInputs(tile) + step * rows * Format::kDepth;
      call.y = call_.y + (first_row_ + tiles_.Begin(tile)) * call_.y_stride + column;
      RunTile(rows, panels, call);
    }
  }

  const LinearCall& call_;
  const int64_t first_row_;
  const RowTiles tiles_;
  const int64_t steps_;
};

template <typename Format>
void Forward(ThreadPool& pool, const LinearCall& call) {
  for (int64_t row = 0; row < call.rows; row += LinearFormat::kSlabRows) {
    const int64_t rows = std::min(LinearFormat::kSlabRows, call.rows - row);
    const Product<Format> product(call, row, rows);
    pool.ParallelFor(product.tiles(), 1 + 32768 / (kTileRows * call.linear.in),
                     [&](int64_t begin, int64_t end) { product.PackInputs(begin, end); });
    const auto pieces = product.Cut(pool.threads());
    pool.ParallelFor(pieces.count, pieces.grain, [&](int64_t begin, int64_t end) { product.Multiply(begin, end, pieces.blocks); });
  }
}

template <typename Format>
constexpr LinearFormat Describe() {
  return {kPanelWidth, Format::kDepth, sizeof(typename Format::Weight), sizeof(typename Format::Input), &Forward<Format>};
}

}  // namespace

extern const LinearFormat kLinearF32;
extern const LinearFormat kLinearBf16;
extern const LinearFormat kLinearF16;

const LinearFormat kLinearF32 = Describe<Widened<float>>();
const LinearFormat kLinearF16 = Describe<Widened<Fp16>>();
#if defined(__AVX512BF16__)
const LinearFormat kLinearBf16 = Describe<Bf16Pairs>();
#else
const LinearFormat kLinearBf16 = Describe<Widened<Bf16>>();
#endif

}  // namespace kp::cpu::KP_TARGET
