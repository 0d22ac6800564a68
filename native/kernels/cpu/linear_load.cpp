#include <algorithm>
#include <atomic>
#include <cstring>

#include "common/checks.h"
#include "common/half.h"
#include "cpu/linear.h"
#include "cpu/linear_quantize.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* 64 steps of a panel (8 KiB) stay in the first-level cache while one row after the other fills its lane. */
constexpr int64_t kStepsAtOnce = 64;

/* Rows of the source that fall into one panel. */
struct PanelRows {
  kp_linear& linear;
  char* panel;
  int64_t begin; /* lanes */
  int64_t end;
  const char* source; /* of lane begin */
  int64_t stride_bytes;

  const char* Row(int64_t lane) const { return source + (lane - begin) * stride_bytes; }
};

template <typename T>
T Read(const char* from, int64_t index) {
  T value;
  std::memcpy(&value, from + index * static_cast<int64_t>(sizeof value), sizeof value);
  return value;
}

/* No bit of the exponent is 0 in an infinity or NaN, and in nothing else. */
bool AllFinite(const char* row, kp_dtype dtype, int64_t count) {
  uint32_t bad = 0;
  if (dtype == KP_F32) {
    for (int64_t i = 0; i < count; ++i) {
      bad |= (Read<uint32_t>(row, i) & 0x7f800000u) == 0x7f800000u;
    }
  } else {
    const uint16_t exponent = dtype == KP_BF16 ? 0x7f80 : 0x7c00;
    uint16_t found = 0;
    for (int64_t i = 0; i < count; ++i) {
      found = static_cast<uint16_t>(found | ((Read<uint16_t>(row, i) & exponent) == exponent));
    }
    bad = found;
  }
  return bad == 0;
}

template <typename To, typename From>
bool ConvertPanel(const PanelRows& rows) {
  const LinearKernel& kernel = *rows.linear.kernel;
  const int64_t width = kernel.panel_width;
  const int64_t depth = kernel.depth;
  const int64_t in = rows.linear.in;
  bool finite = true;
  for (int64_t k0 = 0; k0 < in; k0 += kStepsAtOnce * depth) {
    const int64_t k1 = std::min(in, k0 + kStepsAtOnce * depth);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      To* lane = reinterpret_cast<To*>(rows.panel) + row * depth;
      for (int64_t k = k0; k < k1; ++k) {
        To& to = lane[k / depth * depth * width + k % depth];
        FromFloat(ToFloat(Read<From>(rows.Row(row), k)), to);
        const float value = ToFloat(to);
        finite &= value - value == 0.0f;
      }
    }
  }
  return finite;
}

/* The same where the types agree: what a row has in a step moves as one word. Five times as fast, and most of what a start does. */
template <typename Word>
bool CopyPanel(const PanelRows& rows) {
  const LinearKernel& kernel = *rows.linear.kernel;
  const int64_t width = kernel.panel_width;
  const int64_t weight_bytes = BytesOf(rows.linear.format.dtype);
  const int64_t whole = rows.linear.in / kernel.depth;
  const int64_t rest = rows.linear.in % kernel.depth * weight_bytes;
  Word* to = reinterpret_cast<Word*>(rows.panel);
  bool finite = true;
  for (int64_t step0 = 0; step0 < whole; step0 += kStepsAtOnce) {
    const int64_t step1 = std::min(whole, step0 + kStepsAtOnce);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const char* from = rows.Row(row);
      finite &= AllFinite(from + step0 * static_cast<int64_t>(sizeof(Word)), rows.linear.format.dtype, (step1 - step0) * kernel.depth);
      for (int64_t step = step0; step < step1; ++step) {
        to[row + step * width] = Read<Word>(from, step);
      }
    }
  }
  for (int64_t row = rows.begin; rest > 0 && row < rows.end; ++row) {
    const char* from = rows.Row(row) + whole * static_cast<int64_t>(sizeof(Word));
    finite &= AllFinite(from, rows.linear.format.dtype, rest / weight_bytes);
    std::memcpy(to + whole * width + row, from, static_cast<size_t>(rest));
  }
  return finite;
}

/* Codes of one row over at most kLargestGroup input features, with what takes them back. */
void StoreScale(const PanelRows& rows, char* header, int64_t lane, GroupScale scale) {
  const kp_linear_format& format = rows.linear.format;
  const int64_t width = rows.linear.kernel->panel_width;
  int64_t bytes = sizeof(float);
  if (format.scale_dtype == KP_F32) {
    reinterpret_cast<float*>(header)[lane] = scale.scale;
  } else if (format.scale_dtype == KP_BF16) {
    FromFloat(scale.scale, reinterpret_cast<Bf16*>(header)[lane]);
    bytes = sizeof(Bf16);
  } else {
    FromFloat(scale.scale, reinterpret_cast<Fp16*>(header)[lane]);
    bytes = sizeof(Fp16);
  }
  if (format.zero_points != 0) {
    reinterpret_cast<uint8_t*>(header)[width * bytes + lane] = static_cast<uint8_t>(scale.zero_point);
  }
}

constexpr int kMostPanelRows = 32;

template <typename From>
bool QuantizePanel(const PanelRows& rows) {
  const kp_linear& linear = rows.linear;
  const LinearKernel& kernel = *linear.kernel;
  const LinearLayout& layout = linear.layout;
  const bool grouped = layout.span_bytes != 0;
  const int bias = linear.format.zero_points != 0 ? 0 : kernel.code_bias;
  GroupScale scales[kMostPanelRows];
  bool finite = true;
  if (!grouped) {
    for (int64_t lane = rows.begin; lane < rows.end; ++lane) {
      finite &= ChooseScale<From>(linear.format, rows.Row(lane), linear.in, scales[lane]);
      StoreScale(rows, rows.panel, lane, scales[lane]);
    }
  }
  uint8_t codes[kMostPanelRows][kLargestGroup];
  const int64_t piece = grouped ? linear.format.group : kLargestGroup;
  const int64_t padded = layout.steps * kernel.depth;
  for (int64_t k = 0; k < padded; k += piece) {
    const int64_t count = std::clamp<int64_t>(linear.in - k, 0, piece);
    const int64_t span = grouped ? k / piece : 0;
    for (int64_t lane = rows.begin; lane < rows.end; ++lane) {
      const char* from = rows.Row(lane) + k * static_cast<int64_t>(sizeof(From));
      if (grouped) {
        finite &= ChooseScale<From>(linear.format, from, count, scales[lane]);
        StoreScale(rows, rows.panel + layout.HeaderOf(span), lane, scales[lane]);
      }
      ChooseCodes<From>(linear.format, from, count, scales[lane], bias, codes[lane]);
      std::memset(codes[lane] + count, bias, static_cast<size_t>(piece - count));
    }
    char* to = rows.panel + layout.StepsOf(span, kernel.step_bytes) + (grouped ? 0 : k / kernel.depth * kernel.step_bytes);
    kernel.place(codes, rows.begin, rows.end, to, std::min(piece, padded - k) / kernel.depth);
  }
  return finite;
}

using LoadPanel = bool (*)(const PanelRows& rows);

template <typename From>
LoadPanel Choose(const kp_linear_format& format) {
  return format.bits != 0          ? &QuantizePanel<From>
         : format.dtype == KP_F32  ? &ConvertPanel<float, From>
         : format.dtype == KP_BF16 ? &ConvertPanel<Bf16, From>
                                   : &ConvertPanel<Fp16, From>;
}

LoadPanel Choose(const kp_linear& linear, kp_dtype source_dtype) {
  if (linear.format.bits == 0 && linear.format.dtype == source_dtype) {
    return linear.kernel->depth * BytesOf(source_dtype) == sizeof(uint32_t) ? &CopyPanel<uint32_t> : &CopyPanel<uint16_t>;
  }
  return source_dtype == KP_F32    ? Choose<float>(linear.format)
         : source_dtype == KP_BF16 ? Choose<Bf16>(linear.format)
                                   : Choose<Fp16>(linear.format);
}

}  // namespace

bool LoadRows(ThreadPool& pool, const LinearLoadCall& call) {
  kp_linear& linear = call.linear;
  const LoadPanel load = Choose(linear, call.source_dtype);
  const int64_t width = linear.kernel->panel_width;
  const int64_t stride_bytes = call.source_stride * BytesOf(call.source_dtype);
  const int64_t first_panel = call.first_row / width;
  const int64_t panels = (call.first_row + call.rows + width - 1) / width - first_panel;
  std::atomic<bool> finite{true};
  pool.ParallelFor(panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = first_panel + begin; panel < first_panel + end; ++panel) {
      const int64_t row = std::max(call.first_row, panel * width);
      const int64_t end_row = std::min(call.first_row + call.rows, (panel + 1) * width);
      const char* from = static_cast<const char*>(call.source) + (row - call.first_row) * stride_bytes;
      char* to = static_cast<char*>(linear.weights) + panel * linear.layout.panel_bytes;
      if (!load({linear, to, row - panel * width, end_row - panel * width, from, stride_bytes})) {
        finite.store(false, std::memory_order_relaxed);
      }
    }
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace kp::cpu::KP_TARGET
