#include "abi/backend.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/linear.h"
#include "cpu/paged_attention.h"
#include "cpu/sampling.h"

/* Everything runs before the call returns. */
namespace kp::backend {

const bool kHostReadsDeviceMemory = true;

kp_device* DeviceOf(kp_stream* stream) { return stream->device; }

kp_status Allocate(kp_device* device, int64_t bytes, void** address) {
  *address = device->Allocate(bytes);
  return *address != nullptr
             ? KP_OK
             : Fail(KP_OUT_OF_MEMORY, "%lld bytes do not fit: the device has %lld in all", Print(bytes), Print(device->total_bytes));
}

void Free(kp_device* device, void* address) { device->Free(address); }

/* Page by page, not by madvise: that holds the lock on the process's address space for the whole range, and a start took 4 s instead of 0.3. */
void Touch(void* address, int64_t bytes) {
  constexpr int64_t kPage = 4096;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19);
  for (int64_t at = 0; at < bytes; at += kPage) {
    __atomic_fetch_or(static_cast<char*>(address) + at, char{0}, __ATOMIC_RELAXED); /* a write, and nobody's value changes */
  }
}

kp_status Copy(kp_stream*, void* destination, const void* source, int64_t bytes) {
  std::memcpy(destination, source, static_cast<size_t>(bytes));
  return KP_OK;
}

kp_status Write(kp_stream* stream, void* destination, const void* host, int64_t bytes) { return Copy(stream, destination, host, bytes); }
kp_status Read(kp_stream* stream, const void* source, void* host, int64_t bytes) { return Copy(stream, host, source, bytes); }

kp_status BeginGraph(kp_stream*) { return Fail(KP_UNSUPPORTED, "a CPU has no graphs: its calls have run when they return"); }
kp_status EndGraph(kp_stream* stream, kp_graph**) { return BeginGraph(stream); }
kp_status LaunchGraph(kp_stream* stream, kp_graph&) { return BeginGraph(stream); }
void DestroyGraph(kp_graph*) {}

kp_status Embedding(kp_stream* stream, const EmbeddingCall& call) {
  stream->device->kernels.embedding(stream->device->pool, call);
  return KP_OK;
}

kp_status RmsNorm(kp_stream* stream, const NormCall& call) {
  stream->device->kernels.rms_norm(stream->device->pool, call);
  return KP_OK;
}

kp_status LayerNorm(kp_stream* stream, const NormCall& call) {
  stream->device->kernels.layer_norm(stream->device->pool, call);
  return KP_OK;
}

kp_status GatedActivation(kp_stream* stream, const GatedActivationCall& call) {
  stream->device->kernels.gated_activation(stream->device->pool, call);
  return KP_OK;
}

kp_status CheckFormat(const kp_linear_format& format) {
  return format.float_codes == 0 ? KP_OK : Fail(KP_UNSUPPORTED, "the CPU library has no products of e4m3 codes; int8 codes are as small");
}

int64_t LinearBytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format& format) {
  const cpu::LinearLayout layout(device->kernels.linear_kernel(format), format, out, in);
  return CheckedMultiply(layout.panels, layout.panel_bytes);
}

kp_status CreateLinear(const LinearHead& head, kp_linear** linear) {
  const cpu::LinearKernel& kernel = head.device->kernels.linear_kernel(head.format);
  const cpu::LinearLayout layout(kernel, head.format, head.out, head.in);
  auto created = std::make_unique<kp_linear>(kp_linear{head, &kernel, layout, nullptr});
  if (!head.device->ReserveScratch(layout.ScratchBytes(kernel)) || (created->weights = head.device->Allocate(head.bytes)) == nullptr) {
    return Fail(KP_OUT_OF_MEMORY, "a matrix of %lld x %lld does not fit: the device has %lld bytes in all", Print(head.out), Print(head.in),
                Print(head.device->total_bytes));
  }
  *linear = created.release();
  return KP_OK;
}

void DestroyLinear(kp_linear* linear) {
  linear->device->Free(linear->weights);
  delete linear;
}

const LinearHead& HeadOf(const kp_linear& linear) { return linear; }

kp_status LoadLinear(kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype, int64_t source_stride,
                     bool* is_finite) {
  *is_finite = linear.device->kernels.linear_load(linear.device->pool, {linear, first_row, rows, source, source_dtype, source_stride});
  return KP_OK;
}

int64_t LinearScratchBytes(kp_device*, int64_t, int64_t, const kp_linear_format&) { return 0; }

int64_t LinearLaneBytes(kp_device*, int64_t) { return 0; }

void FreeLinearLanes(kp_device*) {}

/* Epilogues are passes of their own: the product is still in the caches. */
kp_status Multiply(kp_stream* stream, const kp_linear_args& args) {
  const kp_linear& linear = *args.linear;
  const bool stores = args.epilogue == KP_STORE;
  linear.kernel->forward(stream->device->pool, {linear, args.x, args.x_dtype, args.x_stride, args.rows, args.bias,
                                                stores ? static_cast<float*>(args.y) : args.product, stores ? args.y_stride : linear.out,
                                                stream->device->scratch()});
  const NormCall norm{args.product, args.residual, args.norm_weight, args.norm_bias, args.y, args.y_dtype, args.rows, linear.out, args.eps};
  switch (args.epilogue) {
    case KP_ADD_RMS_NORM:
      return RmsNorm(stream, norm);
    case KP_ADD_LAYER_NORM:
      return LayerNorm(stream, norm);
    case KP_GATE:
      return GatedActivation(stream, {args.activation, args.product, args.y, args.y_dtype, args.rows, linear.out / 2});
    default:
      return KP_OK;
  }
}

kp_status RopeAngles(kp_stream* stream, const RopeAnglesCall& call) {
  stream->device->kernels.rope_angles(stream->device->pool, call);
  return KP_OK;
}

kp_status RopeCacheWrite(kp_stream* stream, const kp_rope_cache_write_args& args) {
  stream->device->kernels.rope_cache_write(stream->device->pool, args);
  return KP_OK;
}

kp_status PagedAttention(kp_stream* stream, const kp_paged_attention_args& args) {
  stream->device->kernels.paged_attention(stream->device->pool, args);
  return KP_OK;
}

int64_t PagedAttentionWorkspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim, int32_t max_context) {
  const int64_t most_rows = cpu::TilesWorthSplitting(device->pool.threads()) * cpu::TileRows(head_dim);
  const int64_t rows = tokens <= most_rows / query_heads ? tokens * query_heads : most_rows;
  return rows * cpu::Spans(max_context) * cpu::PartialFloats(head_dim) * static_cast<int64_t>(sizeof(float));
}

kp_status Sample(kp_stream* stream, const kp_sampling_args& args) {
  stream->device->kernels.sample(stream->device->pool, args);
  return KP_OK;
}

/* One worker's space for each worker, whatever the number of rows. */
int64_t SampleWorkspace(kp_device* device, int64_t rows, int64_t vocabulary) {
  return std::min<int64_t>(rows, device->pool.threads()) * cpu::SampleScratch::Bytes(vocabulary);
}

}  // namespace kp::backend
