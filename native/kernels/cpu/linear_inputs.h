/* The inputs of a product as its tiles read them: rounded or quantized, and repacked so that a step's inputs of all rows lie together. */
#ifndef KP_CPU_LINEAR_INPUTS_H_
#define KP_CPU_LINEAR_INPUTS_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "cpu/linear_tile.h"

namespace kp::cpu::KP_TARGET {

/* How rows are cut into tiles of at most kTileRows: as few as possible, of sizes that differ by one at most. */
struct RowTiles {
  int64_t rows;
  int64_t count;

  explicit RowTiles(int64_t rows) : rows(rows), count((rows + kTileRows - 1) / kTileRows) {}
  int64_t Begin(int64_t tile) const { return tile * rows / count; }
  int64_t Rows(int64_t tile) const { return Begin(tile + 1) - Begin(tile); }
  int64_t Largest() const { return (rows + count - 1) / count; }
};

template <typename Input>
KP_INLINE void StoreInputs(Input* p, Vec a) {
  Store(p, a);
}
#if defined(__AVX512VNNI__)
/* Whole numbers within a byte; by way of a register, as narrowing into memory takes the processor several times as long. */
template <>
KP_INLINE void StoreInputs(int8_t* p, Vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.v)));
}
#endif

/* Inputs of the rows [first_row, first_row + rows), in the call's scratch. */
template <typename Format>
class Inputs {
 public:
  using Input = typename Format::Input;

  Inputs(const LinearCall& call, int64_t first_row, int64_t rows)
      : call_(call),
        layout_(call.linear.layout),
        first_row_(first_row),
        tiles_(rows),
        steps_(layout_.steps * Format::kParts),
        packed_(static_cast<Input*>(call.scratch)),
        scales_(reinterpret_cast<float*>(static_cast<char*>(call.scratch) + layout_.InputBytes(*call.linear.kernel))),
        sums_(scales_ + LinearKernel::kSlabRows) {}

  const RowTiles& tiles() const { return tiles_; }
  bool quantized() const { return call_.linear.format.dynamic_inputs != 0; }

  /* [steps, rows of the tile, kDepth], from a step of weights on. */
  const Input* Of(int64_t tile, int64_t step) const { return Packed(tile) + step * Format::kParts * tiles_.Rows(tile) * Format::kDepth; }
  const float* ScalesOf(int64_t tile) const { return scales_ + tiles_.Begin(tile); }
  /* [spans, rows of the tile]. */
  const float* SumsOf(int64_t tile, int64_t span) const { return Sums(tile) + span * tiles_.Rows(tile); }

  /* Tiles [begin, end). */
  void Pack(int64_t begin, int64_t end) const {
    for (int64_t tile = begin; tile < end; ++tile) {
      if (call_.x_dtype == KP_F32) {
        PackTile(static_cast<const float*>(call_.x), tile);
      } else {
        PackTile(static_cast<const Bf16*>(call_.x), tile);
      }
      if (Format::kIntegerInputs || call_.linear.format.zero_points != 0) {
        SumTile(tile);
      }
    }
  }

 private:
  Input* Packed(int64_t tile) const { return packed_ + tiles_.Begin(tile) * steps_ * Format::kDepth; }
  float* Sums(int64_t tile) const { return sums_ + tiles_.Begin(tile) * layout_.spans; }

  template <typename From>
  void PackTile(const From* x, int64_t tile) const {
    const int64_t rows = tiles_.Rows(tile);
    const From* from = x + (first_row_ + tiles_.Begin(tile)) * call_.x_stride;
    if (quantized()) {
      float inverse[kTileRows];
      for (int64_t row = 0; row < rows; ++row) {
        inverse[row] = ScaleRow(from + row * call_.x_stride, scales_[tiles_.Begin(tile) + row]);
      }
      Turn(from, rows, Packed(tile), [&](Vec value, int64_t row) { return Quantize(value, Broadcast(inverse[row])); });
    } else if (call_.linear.format.dtype == KP_BF16 && std::is_same_v<Input, float>) {
      Turn(from, rows, Packed(tile), [](Vec value, int64_t) { return RoundToBf16(value); });
    } else {
      Turn(from, rows, Packed(tile), [](Vec value, int64_t) { return value; });
    }
  }

  /* What makes the row's codes; to_scale is what takes them back, NaN for a row with numbers that are not finite. */
  template <typename From>
  float ScaleRow(const From* from, float& to_scale) const {
    Vec largest = Zero();
    Vec poison = Zero();
    ForVectors(call_.linear.in, [&](int64_t i, int lanes) {
      const Vec value = Load(from + i, lanes);
      largest = Max(largest, Abs(value));
      poison = Fma(value, Zero(), poison);
    });
    const float most = ReduceMax(largest);
    const float zero_or_nan = ReduceAdd(poison);
    to_scale = most / 127.0f + zero_or_nan;
    return zero_or_nan != 0.0f || most < 0x1p-100f ? 0.0f : 127.0f / most;
  }

  /* Within range whatever the row holds. */
  KP_INLINE static Vec Quantize(Vec value, Vec inverse) {
    const Vec code = Round(value * inverse);
    return Max(Broadcast(-127.0f), Min(code, Broadcast(127.0f)));
  }

  /* kLanes steps of all rows at a time: converted into a square of 32-bit elements, turned, and stored step by step. */
  template <typename From, typename Convert>
  void Turn(const From* from, int64_t rows, Input* to, const Convert& convert) const {
    constexpr int64_t kSide = kLanes * Format::kDepth;
    static_assert(sizeof(Input) * Format::kDepth == sizeof(float));
    alignas(64) Input square[kLanes][kSide] = {};
    for (int64_t step = 0; step < steps_; step += kLanes) {
      const int64_t k = step * Format::kDepth;
      for (int64_t row = 0; row < rows; ++row) {
        for (int i = 0; i < kSide; i += kLanes) {
          const Vec value =
              Load(from + row * call_.x_stride + k + i, static_cast<int>(std::clamp<int64_t>(call_.linear.in - k - i, 0, kLanes)));
          StoreInputs(&square[row][i], convert(value, row));
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

  /* A row's sum over each span, in the order of its products: the product with weights of one. */
  void SumTile(int64_t tile) const {
    const int64_t rows = tiles_.Rows(tile);
    const Input* x = Packed(tile);
    int64_t left = steps_;
    for (int64_t span = 0; span < layout_.spans; ++span) {
      typename Format::Sum sum = Format::Zeros();
      const int64_t steps = std::min(left, layout_.span_steps * Format::kParts);
      for (int64_t step = 0; step < steps; ++step) {
        sum = Format::MultiplyAdd(Format::Ones(), Format::LoadInputs(x, static_cast<int>(rows)), sum);
        x += rows * Format::kDepth;
      }
      Store(Sums(tile) + span * rows, Format::ToFloats(sum), static_cast<int>(rows));
      left -= steps;
    }
  }

  const LinearCall& call_;
  const LinearLayout& layout_;
  const int64_t first_row_;
  const RowTiles tiles_;
  const int64_t steps_;
  Input* const packed_;
  float* const scales_;
  float* const sums_;
};

}  // namespace kp::cpu::KP_TARGET

#endif
