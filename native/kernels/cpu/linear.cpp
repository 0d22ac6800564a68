#include "cpu/linear.h"

#include <algorithm>

#include "cpu/linear_inputs.h"
#include "cpu/linear_tile.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* Tiles with few rows take two panels, so that more sums hide the latency of the multiplier. Four do it no better, and read one row's
 * weights 3 to 5 % slower: a core follows only so many streams. Codes are kept beside the weights they become, which takes registers. */
template <typename Format>
constexpr int PanelsAtOnce(int64_t rows) {
  int panels = 2;
  while (panels > 1 &&
         (rows * kPanelVectors * panels > kSums || (Format::kQuantized && (rows + 2) * kPanelVectors * panels > kRegisters - 3))) {
    panels /= 2;
  }
  return panels;
}

template <typename Format, int kRows, int kPanels>
void RunTile(int panels, const TileCall& call) {
  if constexpr (kPanels > 1) {
    if (panels < kPanels) {
      RunTile<Format, kRows, kPanels / 2>(panels, call);
      return;
    }
  }
  if constexpr (Format::kQuantized) {
    QuantizedTile<Format, kRows, kPanels>(call);
  } else {
    Tile<Format, kRows, kPanels>(call);
  }
}

template <typename Format, int kRows = kTileRows>
void RunTile(int64_t rows, int panels, const TileCall& call) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      RunTile<Format, kRows - 1>(rows, panels, call);
      return;
    }
  }
  RunTile<Format, kRows, PanelsAtOnce<Format>(kRows)>(panels, call);
}

template <typename Format>
class Product {
 public:
  Product(const LinearCall& call, int64_t first_row, int64_t rows)
      : inputs(call, first_row, rows), call_(call), layout_(call.linear.layout), first_row_(first_row) {}

  const Inputs<Format> inputs;

  /* Pieces of output: (panel, block of tiles) pairs. A matrix with fewer panels than the threads need is cut across its rows as well. */
  struct Pieces {
    int64_t blocks; /* of tiles */
    int64_t count;
    int64_t grain; /* 32 KiB of weights, 2 µs of memory bandwidth, as often as tiles pass over them */
  };
  Pieces Cut(int threads) const {
    const int64_t blocks = std::clamp<int64_t>(4 * threads / layout_.panels, 1, inputs.tiles().count);
    const int64_t tiles = inputs.tiles().count / blocks;
    return {blocks, layout_.panels * blocks, 1 + 32 * 1024 / (layout_.panel_bytes * tiles)};
  }

  void Multiply(int64_t begin, int64_t end, int64_t blocks) const {
    const RowTiles& tiles = inputs.tiles();
    const int most_panels = blocks == 1 ? PanelsAtOnce<Format>(tiles.Largest()) : 1;
    for (int64_t piece = begin; piece < end;) {
      int panels = most_panels;
      while (piece + panels > end) {
        panels /= 2;
      }
      const int64_t block = piece % blocks;
      for (int64_t span = 0; span < layout_.spans; span += layout_.spans_at_once) {
        MultiplyBlock(piece / blocks, panels, span, block * tiles.count / blocks, (block + 1) * tiles.count / blocks);
      }
      piece += panels;
    }
  }

 private:
  static constexpr int64_t kStepBytes = kPanelVectors * Format::kVectorBytes;

  /* How far ahead a lone tile fetches. One row of plain weights waits for memory alone and needs half of it; eight rows would lose 12 %. */
  static constexpr int64_t AheadBytes(int64_t rows) { return rows == 1 && !Format::kQuantized ? 2048 : 4096; }

  void MultiplyBlock(int64_t panel, int panels, int64_t span, int64_t first_tile, int64_t last_tile) const {
    const int64_t column = panel * kPanelWidth;
    const char* start = static_cast<const char*>(call_.linear.weights) + panel * layout_.panel_bytes;
    const int64_t first_step = span * layout_.span_steps;
    TileCall call{};
    call.panel_bytes = layout_.panel_bytes;
    call.steps = std::min(layout_.span_steps, layout_.steps - first_step);
    call.spans = std::min(layout_.spans_at_once, layout_.spans - span);
    call.header = start + layout_.HeaderOf(span);
    call.span_bytes = layout_.span_bytes;
    call.w = start + layout_.StepsOf(span, kStepBytes);
    call.scale_dtype = call_.linear.format.scale_dtype;
    call.zero_points = call_.linear.format.zero_points != 0;
    call.y_stride = call_.y_stride;
    call.columns = call_.linear.out - column;
    call.first = span == 0;
    call.last = span + call.spans == layout_.spans;
    call.bias = call.last && call_.bias != nullptr ? call_.bias + column : nullptr;
    // One tile fetches a little ahead of itself; several share the fetching of the next block, which they will pass over as often.
    const int64_t block_bytes = layout_.span_bytes != 0 ? call.spans * layout_.span_bytes : call.steps * kStepBytes;
    const char* next = call.w + block_bytes + (call.last ? (panels - 1) * layout_.panel_bytes : 0);
    const int64_t shares = std::min<int64_t>(last_tile - first_tile, 4);
    call.ahead_step = kStepBytes / shares;
    call.ahead_span = layout_.span_bytes != 0 ? layout_.header_bytes / shares : 0;
    const int64_t ahead_bytes = AheadBytes(inputs.tiles().rows);
    const bool turns = shares == 1 && call.last;
    call.ahead_jump = turns ? (panels - 1) * layout_.panel_bytes : 0;
    call.ahead_turn = turns && layout_.span_bytes == 0 ? std::max<int64_t>(call.steps - 1 - ahead_bytes / kStepBytes, 0) : -1;
    call.ahead_end = start + layout_.panel_bytes;
    for (int64_t tile = first_tile; tile < last_tile; ++tile) {
      const int64_t share = tile - first_tile;
      if (share < shares) {
        call.ahead = shares == 1 ? call.w + ahead_bytes : next + share * (block_bytes / shares);
      } else {
        call.ahead_step = 0;
        call.ahead_span = 0;
      }
      const int64_t rows = inputs.tiles().Rows(tile);
      call.x = inputs.Of(tile, first_step);
      call.input_sums = inputs.SumsOf(tile, span);
      call.input_scales = inputs.quantized() ? inputs.ScalesOf(tile) : nullptr;
      call.y = call_.y + (first_row_ + inputs.tiles().Begin(tile)) * call_.y_stride + column;
      RunTile<Format>(rows, panels, call);
    }
  }

  const LinearCall& call_;
  const LinearLayout& layout_;
  const int64_t first_row_;
};

template <typename Format>
void Forward(ThreadPool& pool, const LinearCall& call) {
  for (int64_t row = 0; row < call.rows; row += LinearKernel::kSlabRows) {
    const int64_t rows = std::min(LinearKernel::kSlabRows, call.rows - row);
    const Product<Format> product(call, row, rows);
    pool.ParallelFor(product.inputs.tiles().count, 1 + 32768 / (kTileRows * call.linear.in),
                     [&](int64_t begin, int64_t end) { product.inputs.Pack(begin, end); });
    const auto pieces = product.Cut(pool.threads());
    pool.ParallelFor(pieces.count, pieces.grain, [&](int64_t begin, int64_t end) { product.Multiply(begin, end, pieces.blocks); });
  }
}

template <typename Format>
void PlaceCodes(const uint8_t (*codes)[kLargestGroup], int64_t begin, int64_t end, char* to, int64_t steps) {
  constexpr int kStepDepth = Format::kDepth * Format::kParts;
  for (int64_t step = 0; step < steps; ++step, to += kPanelVectors * Format::kVectorBytes) {
    for (int64_t lane = begin; lane < end; ++lane) {
      uint8_t place[kStepDepth] = {};
      const uint8_t* code = &codes[lane][step * kStepDepth];
#pragma GCC unroll 8
      for (int k = 0; k < kStepDepth; ++k) {
        place[Format::kOffset[k]] = static_cast<uint8_t>(place[Format::kOffset[k]] | code[k] << Format::kShift[k]);
      }
      char* lane_to = to + lane / kLanes * Format::kVectorBytes + lane % kLanes * Format::kLaneBytes;
#pragma GCC unroll 8
      for (int k = 0; k < kStepDepth; ++k) {
        if (Format::kShift[k] == 0) {
          lane_to[Format::kOffset[k] * Format::kOffsetBytes] = static_cast<char>(place[Format::kOffset[k]]);
        }
      }
    }
  }
}

template <typename Format>
constexpr LinearKernel Describe() {
  LinearKernel kernel{};
  kernel.panel_width = kPanelWidth;
  kernel.depth = Format::kDepth * Format::kParts;
  kernel.step_bytes = kPanelVectors * Format::kVectorBytes;
  kernel.input_bytes = sizeof(typename Format::Input);
  kernel.forward = &Forward<Format>;
  if constexpr (Format::kQuantized) {
    kernel.place = &PlaceCodes<Format>;
    kernel.code_bias = Format::kCodeBias;
  }
  return kernel;
}

constexpr LinearKernel kF32 = Describe<Widened<float>>();
constexpr LinearKernel kF16 = Describe<Widened<Fp16>>();
constexpr LinearKernel kInt8Floats = Describe<Int8Floats>();
constexpr LinearKernel kInt4Floats = Describe<Int4Floats>();
#if defined(__AVX512BF16__)
constexpr LinearKernel kBf16 = Describe<Bf16Pairs>();
constexpr LinearKernel kInt8Bf16 = Describe<Int8Bf16>();
constexpr LinearKernel kInt4Bf16 = Describe<Int4Bf16>();
#else
constexpr LinearKernel kBf16 = Describe<Widened<Bf16>>();
#endif
#if defined(__AVX512VNNI__)
constexpr LinearKernel kInt8Quads = Describe<Int8Quads>();
constexpr LinearKernel kInt4Quads = Describe<Int4Quads>();
#endif

}  // namespace

/* Where the processor has no products of codes, codes of inputs are multiplied as floats: no more rounding than in any fp32 sum. */
const LinearKernel& LinearKernelFor(const kp_linear_format& format) {
  if (format.bits == 0) {
    return format.dtype == KP_F32 ? kF32 : format.dtype == KP_BF16 ? kBf16 : kF16;
  }
#if defined(__AVX512VNNI__)
  if (format.dynamic_inputs != 0) {
    return format.bits == 8 ? kInt8Quads : kInt4Quads;
  }
#endif
#if defined(__AVX512BF16__)
  if (format.dtype == KP_BF16) {
    return format.bits == 8 ? kInt8Bf16 : kInt4Bf16;
  }
#endif
  return format.bits == 8 ? kInt8Floats : kInt4Floats;
}

}  // namespace kp::cpu::KP_TARGET
