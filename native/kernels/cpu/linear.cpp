#include "cpu/linear.h"

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
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = first_row_ + tiles_.Begin(tile) + r;
        Input* to = TileInputs(tile) + r * Format::kDepth;
        if (call_.x_dtype == KP_F32) {
          PackRow(static_cast<const float*>(call_.x) + row * call_.x_stride, to, rows * Format::kDepth);
        } else {
          PackRow(static_cast<const Bf16*>(call_.x) + row * call_.x_stride, to, rows * Format::kDepth);
        }
      }
    }
  }

  /* Output features of panels [begin, end) for all rows of the slab. */
  void Multiply(int64_t begin, int64_t end) const {
    const int at_once = PanelsAtOnce(tiles_.Largest());
    for (int64_t panel = begin; panel < end;) {
      int panels = at_once;
      while (panel + panels > end) {
        panels /= 2;
      }
      for (int64_t step = 0; step < steps_; step += kBlockSteps) {
        MultiplyBlock(panel, panels, step);
      }
      panel += panels;
    }
  }

 private:
  /* A block of a panel stays in the first-level cache while all tiles of rows pass over it. */
  static constexpr int64_t kBlockSteps = 24 * 1024 / (kPanelWidth * Format::kDepth * static_cast<int64_t>(sizeof(Weight)));

  Input* TileInputs(int64_t tile) const { return static_cast<Input*>(call_.scratch) + tiles_.Begin(tile) * steps_ * Format::kDepth; }

  template <typename From>
  void PackRow(const From* from, Input* to, int64_t stride) const {
    const int64_t in = call_.linear.in;
    for (int64_t k = 0; k < steps_ * Format::kDepth; ++k) {
      Input& place = to[k / Format::kDepth * stride + k % Format::kDepth];
      if constexpr (std::is_same_v<Weight, Bf16> && std::is_same_v<Input, float>) {
        Bf16 rounded;
        FromFloat(k < in ? ToFloat(from[k]) : 0.0f, rounded);
        place = ToFloat(rounded);
      } else {
        FromFloat(k < in ? ToFloat(from[k]) : 0.0f, place);
      }
    }
  }

  void MultiplyBlock(int64_t panel, int panels, int64_t step) const {
    const kp_linear& linear = call_.linear;
    const int64_t column = panel * kPanelWidth;
    const int64_t steps = steps_ - step < kBlockSteps ? steps_ - step : kBlockSteps;
    const bool last = step + steps == steps_;
    TileCall<Format> tile_call;
    tile_call.panel_weights = steps_ * kPanelWidth * Format::kDepth;
    tile_call.w = static_cast<const Weight*>(linear.weights) + panel * tile_call.panel_weights + step * kPanelWidth * Format::kDepth;
    tile_call.steps = steps;
    tile_call.y_stride = call_.y_stride;
    tile_call.columns = linear.out - column;
    tile_call.bias = last && call_.bias != nullptr ? call_.bias + column : nullptr;
    tile_call.first = step == 0;
    for (int64_t tile = 0; tile < tiles_.count; ++tile) {
      const int64_t rows = tiles_.Begin(tile + 1) - tiles_.Begin(tile);
      tile_call.x = TileInputs(tile) + step * rows * Format::kDepth;
      tile_call.y = call_.y + (first_row_ + tiles_.Begin(tile)) * call_.y_stride + column;
      RunTile(rows, panels, tile_call);
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
    const int64_t rows = call.rows - row < LinearFormat::kSlabRows ? call.rows - row : LinearFormat::kSlabRows;
    const Product<Format> product(call, row, rows);
    pool.ParallelFor(product.tiles(), 1 + 32768 / (kTileRows * call.linear.in),
                     [&](int64_t begin, int64_t end) { product.PackInputs(begin, end); });
    pool.ParallelFor(call.linear.format->Panels(call.linear.out), 1, [&](int64_t begin, int64_t end) { product.Multiply(begin, end); });
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
