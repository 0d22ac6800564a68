/* What a library defines beneath the ABI. abi/ is compiled into every library: it checks arguments, once and with the same messages, and
 * calls these, which trust them. Calls that have nothing to do (no tokens, no bytes) do not come here. */
#ifndef KP_ABI_BACKEND_H_
#define KP_ABI_BACKEND_H_

#include "abi/calls.h"
#include "kp/attention.h"
#include "kp/graph.h"
#include "kp/kp.h"
#include "kp/rope.h"
#include "kp/sampling.h"

namespace kp::backend {

/* Whether the ABI may look into arrays: ids and positions out of range are then refused, and are the caller's promise elsewhere. */
extern const bool kHostReadsDeviceMemory;

kp_device* DeviceOf(kp_stream* stream);

kp_status Allocate(kp_device* device, int64_t bytes, void** address);
void Free(kp_device* device, void* address);
void Touch(void* address, int64_t bytes);
kp_status Write(kp_stream* stream, void* destination, const void* host, int64_t bytes);
kp_status Read(kp_stream* stream, const void* source, void* host, int64_t bytes);
kp_status Copy(kp_stream* stream, void* destination, const void* source, int64_t bytes);

kp_status BeginGraph(kp_stream* stream);
/* graph null: what was recorded is forgotten. */
kp_status EndGraph(kp_stream* stream, kp_graph** graph);
kp_status LaunchGraph(kp_stream* stream, kp_graph& graph);
void DestroyGraph(kp_graph* graph);

kp_status Embedding(kp_stream* stream, const EmbeddingCall& call);
kp_status RmsNorm(kp_stream* stream, const NormCall& call);
kp_status LayerNorm(kp_stream* stream, const NormCall& call);
kp_status GatedActivation(kp_stream* stream, const GatedActivationCall& call);
/* Of a format that the ABI has checked: KP_UNSUPPORTED where the library has no products of it. */
kp_status CheckFormat(const kp_linear_format& format);
/* What a matrix will take; -1 where that is no number. */
int64_t LinearBytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format& format);
/* What all linears share, at least; of arguments for which LinearBytes is a number. */
int64_t LinearScratchBytes(kp_device* device, int64_t out, int64_t in, const kp_linear_format& format);
kp_status CreateLinear(const LinearHead& head, kp_linear** linear);
void DestroyLinear(kp_linear* linear);
const LinearHead& HeadOf(const kp_linear& linear);
/* *is_finite: whether all numbers are. */
kp_status LoadLinear(kp_linear& linear, int64_t first_row, int64_t rows, const void* source, kp_dtype source_dtype, int64_t source_stride,
                     bool* is_finite);
int64_t LinearLaneBytes(kp_device* device, int64_t in);
void FreeLinearLanes(kp_device* device);
kp_status Multiply(kp_stream* stream, const kp_linear_args& args);

kp_status RopeAngles(kp_stream* stream, const RopeAnglesCall& call);
kp_status RopeCacheWrite(kp_stream* stream, const kp_rope_cache_write_args& args);
kp_status PagedAttention(kp_stream* stream, const kp_paged_attention_args& args);
int64_t PagedAttentionWorkspace(kp_device* device, int64_t tokens, int32_t query_heads, int32_t head_dim, int32_t max_context);
kp_status Sample(kp_stream* stream, const kp_sampling_args& args);
int64_t SampleWorkspace(kp_device* device, int64_t rows, int64_t vocabulary);

}  // namespace kp::backend

#endif
