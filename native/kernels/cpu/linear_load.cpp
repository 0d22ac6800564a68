#include <algorithm>
#include <cstring>

#include "common/checks.h"
#include "common/half.h"
#include "cpu/linear.h"

namespace kp::cpu {
namespace {

/* 64 steps of a panel (8 KiB) stay in the first-level cache while one row after the other fills its lane. */
constexpr int64_t kStepsAtOnce = 64;

template <typename To, typename From>
void LoadPanel(const kp_linear& linear, int64_t panel, int64_t first_row, int64_t rows, const char* source, int64_t source_stride) {
  const LinearFormat& format = *linear.format;
  const int64_t width = format.panel_width;
  const int64_t depth = format.depth;
  const int64_t begin = std::max(first_row, panel * width);
  const int64_t end = std::min(first_row + rows, (panel + 1) * width);
  To* to = reinterpret_cast<To*>(static_cast<char*>(linear.weights) + panel * format.PanelBytes(linear.in));
  for (int64_t k0 = 0; k0 < linear.in; k0 += kStepsAtOnce * depth) {
    const int64_t k1 = std::min(linear.in, k0 + kStepsAtOnce * depth);
    for (int64_t row = begin; row < end; ++row) {
      const char* from = source + (row - first_row) * source_stride * static_cast<int64_t>(sizeof(From));
      To* lane = to + (row - panel * width) * depth;
      for (int64_t k = k0; k < k1; ++k) {
        From value;
        std::memcpy(&value, from + k * static_cast<int64_t>(sizeof(From)), sizeof value);
        FromFloat(ToFloat(value), lane[k / depth * depth * width + k % depth]);
      }
    }
  }
}

/* The same where the types agree: what a row has in a step moves as one word. Five times as fast, and most of what a start does. */
template <typename Word>
void CopyPanel(const kp_linear& linear, int64_t panel, int64_t first_row, int64_t rows, const char* source, int64_t source_stride) {
  const LinearFormat& format = *linear.format;
  const int64_t width = format.panel_width;
  const int64_t whole = linear.in / format.depth;
  const int64_t rest = linear.in % format.depth * format.weight_bytes;
  const int64_t begin = std::max(first_row, panel * width);
  const int64_t end = std::min(first_row + rows, (panel + 1) * width);
  Word* to = reinterpret_cast<Word*>(static_cast<char*>(linear.weights) + panel * format.PanelBytes(linear.in));
  for (int64_t step0 = 0; step0 < whole; step0 += kStepsAtOnce) {
    const int64_t step1 = std::min(whole, step0 + kStepsAtOnce);
    for (int64_t row = begin; row < end; ++row) {
      const char* from = source + (row - first_row) * source_stride * format.weight_bytes;
      Word* lane = to + row - panel * width;
      for (int64_t step = step0; step < step1; ++step) {
        std::memcpy(lane + step * width, from + step * static_cast<int64_t>(sizeof(Word)), sizeof(Word));
      }
    }
  }
  for (int64_t row = begin; rest > 0 && row < end; ++row) {
    const char* from = source + (row - first_row) * source_stride * format.weight_bytes;
    std::memcpy(to + whole * width + row - panel * width, from + whole * static_cast<int64_t>(sizeof(Word)), static_cast<size_t>(rest));
  }
}

template <typename To>
auto ChooseSource(kp_dtype source_dtype) {
  return source_dtype == KP_F32 ? &LoadPanel<To, float> : source_dtype == KP_BF16 ? &LoadPanel<To, Bf16> : &LoadPanel<To, Fp16>;
}

}  // namespace

void LoadRows(ThreadPool& pool, kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
              int64_t source_stride) {
  const int step_bytes = linear.format->depth * linear.format->weight_bytes;
  const auto load = linear.dtype == source_dtype ? (step_bytes == sizeof(uint32_t) ? &CopyPanel<uint32_t> : &CopyPanel<uint16_t>)
                    : linear.dtype == KP_F32     ? ChooseSource<float>(source_dtype)
                    : linear.dtype == KP_BF16    ? ChooseSource<Bf16>(source_dtype)
                                                 : ChooseSource<Fp16>(source_dtype);
  const int64_t width = linear.format->panel_width;
  const int64_t first_panel = first_row / width;
  const int64_t panels = (first_row + rows + width - 1) / width - first_panel;
  pool.ParallelFor(panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = first_panel + begin; panel < first_panel + end; ++panel) {
      load(linear, panel, first_row, rows, static_cast<const char*>(source), source_stride);
    }
  });
}

}  // namespace kp::cpu
