#include "cuda/linear.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "abi/backend.h"
#include "cuda/scratch.h"

namespace kp::cuda {
namespace {

constexpr int64_t kUploadBytes = int64_t{8} << 20; /* source rows that are on the device before they are packed */
constexpr int64_t kAlignment = 256;

int64_t Padded(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

Arithmetic ArithmeticOf(const kp_linear_format& format) {
  if (format.dynamic_inputs != 0) {
    return Arithmetic::kInteger;
  }
  return format.dtype == KP_F32 ? Arithmetic::kF32 : format.dtype == KP_BF16 ? Arithmetic::kBf16 : Arithmetic::kF16;
}

int FeatureTile(const LinearShape& shape) { return shape.arithmetic == Arithmetic::kF32 ? kLaneFeatures : kWarpFeatures; }

struct SourceRows {
  const char* first;
  kp_dtype dtype;
  int64_t row_bytes;
  int64_t stride_bytes;
};

/* Rows in between have gaps that are not sent. */
kp_status Upload(kp_stream& stream, void* to, const char* source, int64_t rows, int64_t row_bytes, int64_t stride_bytes) {
  if (stride_bytes == row_bytes) {
    return stream.Write(to, source, rows * row_bytes);
  }
  kp_status status = KP_OK;
  for (int64_t row = 0; row < rows && status == KP_OK; ++row) {
    status = stream.Write(static_cast<char*>(to) + row * row_bytes, source + row * stride_bytes, row_bytes);
  }
  return status;
}

/* Nothing is waited for but pinned memory that is still being read, until all rows are under way: while a piece is sent or packed, the next one
 * is copied into pinned memory. */
kp_status LoadRows(const kp_linear& linear, Lane& lane, int64_t first_row, int64_t rows, int64_t piece_rows, const SourceRows& source) {
  auto* is_broken = static_cast<int32_t*>(lane.upload.address);
  char* rows_at = static_cast<char*>(lane.upload.address) + kAlignment;
  lane.is_broken = 0;
  kp_status status = lane.stream.Write(is_broken, &lane.is_broken, sizeof lane.is_broken);
  for (int64_t done = 0; done < rows && status == KP_OK; done += piece_rows) {
    const int64_t count = std::min(rows - done, piece_rows);
    status = Upload(lane.stream, rows_at, source.first + done * source.stride_bytes, count, source.row_bytes, source.stride_bytes);
    if (status == KP_OK) {
      status = PackWeights(&lane.stream, linear, first_row + done, count, rows_at, source.dtype, is_broken);
    }
  }
  if (status == KP_OK) {
    status = lane.stream.Read(is_broken, &lane.is_broken, sizeof lane.is_broken);
  }
  const kp_status finished = lane.stream.Synchronize();  // whatever went wrong: the lane goes to somebody else
  return status != KP_OK ? status : finished;
}

}  // namespace

LinearShape ShapeOf(int64_t out, int64_t in, const kp_linear_format& format) {
  LinearShape shape{};
  const int64_t width = format.gated != 0 ? out / 2 : 0;
  shape.places = width != 0 ? 2 * Padded(width, kGatedFeatures) : out;
  shape.gated_width = width;
  shape.in = in;
  shape.arithmetic = ArithmeticOf(format);
  shape.bits = format.bits;
  shape.has_float_codes = format.float_codes != 0;
  shape.has_zero_points = format.zero_points != 0;
  shape.scale_dtype = format.scale_dtype;
  const int64_t unit = std::max<int64_t>(1, format.group / kBlockFeatures); /* a slice holds whole groups */
  shape.blocks = (in + kBlockFeatures - 1) / kBlockFeatures;
  shape.slice_blocks = Padded((shape.blocks + kSlices - 1) / kSlices, unit);
  shape.group = format.bits == 0 ? 0 : format.group == 0 ? in : format.group;
  shape.groups = format.bits == 0 ? 0 : (in + shape.group - 1) / shape.group;
  return shape;
}

LinearLayout LayoutOf(const LinearShape& shape) {
  const int64_t features = Padded(shape.places, FeatureTile(shape));
  const int bits = shape.bits != 0 ? shape.bits : shape.arithmetic == Arithmetic::kF32 ? 32 : 16;
  LinearLayout layout{};
  layout.weights_bytes = features * shape.padded_in() / 8 * bits;
  layout.scales_at = Padded(layout.weights_bytes, kAlignment);
  const int64_t scale_bytes = features * shape.groups * BytesOf(shape.scale_dtype);
  layout.zero_points_at = Padded(layout.scales_at + scale_bytes, kAlignment);
  layout.bytes = layout.zero_points_at + (shape.has_zero_points ? features * shape.groups : 0);
  return layout;
}

namespace {

LinearCall CallOf(const kp_linear& linear, const float* bias) {
  const LinearShape& shape = linear.shape;
  LinearCall call{};
  call.weights = reinterpret_cast<const uint4*>(linear.memory);
  call.scales = linear.memory + linear.layout.scales_at;
  call.zero_points = shape.has_zero_points ? reinterpret_cast<const uint8_t*>(linear.memory + linear.layout.zero_points_at) : nullptr;
  call.scale_dtype = shape.scale_dtype;
  call.half_blocks_of_group = linear.format.group / kHalfFeatures;
  call.groups = shape.groups;
  call.blocks = shape.blocks;
  call.slice_blocks = shape.slice_blocks;
  call.bias = bias;
  call.places = shape.places;
  call.gated_width = shape.gated_width;
  return call;
}

/* Rows slab by slab, as the memory for packed inputs goes. Norms and gates come with one slab alone. */
kp_status MultiplySlabs(kp_stream* stream, const kp_linear_args& args, LinearCall call) {
  const LinearShape& shape = args.linear->shape;
  const bool is_wide = TakesWide(*stream->device, shape, std::min(kSlabRows, args.rows));
  const bool takes_raw = TakesRaw(shape, args.x_dtype, args.rows);
  char* inputs = Inputs(*stream->device);
  kp_status status = KP_OK;
  for (int64_t row = 0; row < args.rows && status == KP_OK; row += kSlabRows) {
    call.rows = std::min(kSlabRows, args.rows - row);
    const char* x = static_cast<const char*>(args.x) + row * args.x_stride * BytesOf(args.x_dtype);
    SetInputs(shape, x, args.x_dtype, args.x_stride, call.rows, takes_raw, inputs, &call);
    status = shape.arithmetic == Arithmetic::kF32 ? MultiplyFloats(stream, shape, call)
             : args.rows <= kFewRows              ? MultiplyFewRows(stream, shape, call)
             : is_wide                            ? MultiplyWide(stream, shape, call, inputs + PackedInputBytes(shape))
                                                  : MultiplyManyRows(stream, shape, call);
    call.y += call.rows * call.y_stride;
  }
  return status;
}

}  // namespace
}  // namespace kp::cuda

namespace kp::backend {

using namespace kp::cuda;

kp_status CheckFormat(const kp_linear_format&) { return KP_OK; }

int64_t LinearBytes(kp_device*, int64_t out, int64_t in, const kp_linear_format& format) {
  const int64_t elements = CheckedMultiply(out + kLaneFeatures + 2 * kGatedFeatures, in + kBlockFeatures);
  return elements < 0 || CheckedMultiply(elements, 8) < 0 ? -1 : LayoutOf(ShapeOf(out, in, format)).bytes;
}

int64_t LinearScratchBytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format& format) {
  return InputBytes(*device, ShapeOf(out, in, format));
}

kp_status CreateLinear(const LinearHead& head, kp_linear** linear) {
  const LinearShape shape = ShapeOf(head.out, head.in, head.format);
  auto created = std::make_unique<kp_linear>(kp_linear{head, shape, LayoutOf(shape), nullptr});
  void* memory = nullptr;
  kp_status status = head.device->Allocate(head.bytes, &memory);
  if (status == KP_OK) {
    status = ReserveInputs(*head.device, InputBytes(*head.device, shape));
    if (status != KP_OK) {
      head.device->Free(memory);
    }
  }
  if (status == KP_OK) {
    created->memory = static_cast<char*>(memory);
    *linear = created.release();
  }
  return status;
}

void DestroyLinear(kp_linear* linear) {
  linear->device->Free(linear->memory);
  delete linear;
}

const LinearHead& HeadOf(const kp_linear& linear) { return linear; }

kp_status LoadLinear(kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype, int64_t source_stride,
                     bool* is_finite) {
  const int64_t row_bytes = linear.in * BytesOf(source_dtype);
  const int64_t piece_rows = std::min(rows, std::max<int64_t>(1, kUploadBytes / row_bytes));
  std::unique_ptr<Lane> lane;
  kp_status status = linear.device->TakeLane(kAlignment + piece_rows * row_bytes, &lane);
  if (status != KP_OK) {
    return status;
  }
  status = LoadRows(linear, *lane, first_row, rows, piece_rows,
                    {static_cast<const char*>(source), source_dtype, row_bytes, source_stride * BytesOf(source_dtype)});
  *is_finite = lane->is_broken == 0;
  linear.device->ReturnLane(std::move(lane));
  return status;
}

int64_t LinearLaneBytes(kp_device*, int64_t in) { return kAlignment + std::max(in * BytesOf(KP_F32), kUploadBytes); }

void FreeLinearLanes(kp_device* device) { device->FreeLanes(); }

/* An epilogue is part of the product's launch but where rows go slab by slab. */
kp_status Multiply(kp_stream* stream, const kp_linear_args& args) {
  const int64_t out = args.linear->out;
  const bool is_one_launch = args.rows <= kSlabRows;
  LinearCall call = CallOf(*args.linear, args.bias);
  call.turns = TurnCounters(*stream->device);
  if (args.epilogue == KP_STORE) {
    call.y = static_cast<float*>(args.y);
    call.y_stride = args.y_stride;
    return MultiplySlabs(stream, args, call);
  }
  call.y_stride = out;
  call.end.dtype = args.y_dtype;
  if (args.epilogue == KP_GATE) {
    call.y = args.product;
    call.end.activation = args.activation;
    call.end.gated = is_one_launch ? args.y : nullptr;
    const kp_status status = MultiplySlabs(stream, args, call);
    return status != KP_OK || is_one_launch
               ? status
               : GatedActivation(stream, {args.activation, args.product, args.y, args.y_dtype, args.rows, out / 2});
  }
  call.y = args.residual;
  call.end.adds = true;
  call.end.is_layer_norm = args.epilogue == KP_ADD_LAYER_NORM;
  call.end.norm_weight = args.norm_weight;
  call.end.norm_bias = args.norm_bias;
  call.end.eps = args.eps;
  call.end.finished = Counters(*stream->device);
  call.end.norm = is_one_launch ? args.y : nullptr;
  const kp_status status = MultiplySlabs(stream, args, call);
  if (status != KP_OK || is_one_launch) {
    return status;
  }
  const NormCall norm{nullptr, args.residual, args.norm_weight, args.norm_bias, args.y, args.y_dtype, args.rows, out, args.eps};
  return call.end.is_layer_norm ? LayerNorm(stream, norm) : RmsNorm(stream, norm);
}

}  // namespace kp::backend
