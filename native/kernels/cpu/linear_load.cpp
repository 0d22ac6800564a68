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

template <typename To>
auto ChooseSource(kp_dtype source_dtype) {
  return source_dtype == KP_F32 ? &LoadPanel<To, float> : source_dtype == KP_BF16 ? &LoadPanel<To, Bf16> : &LoadPanel<To, Fp16>;
}

}  // namespace

void LoadRows(ThreadPool& pool, kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype,
              int64_t source_stride) {
  const auto load = linear.dtype == KP_F32    ? ChooseSource<float>(source_dtype)
                    : linear.dtype == KP_BF16 ? ChooseSource<Bf16>(source_dtype)
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
