#include "cpu/kernel_table.h"

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

bool LoadRows(ThreadPool& pool, const LinearLoadCall& call);
const LinearKernel& LinearKernelFor(const kp_linear_format& format);
void Embedding(ThreadPool& pool, const EmbeddingCall& call);
void RmsNorm(ThreadPool& pool, const NormCall& call);
void LayerNorm(ThreadPool& pool, const NormCall& call);
void GatedActivation(ThreadPool& pool, const GatedActivationCall& call);
void RopeAngles(ThreadPool& pool, const RopeAnglesCall& call);
void RopeCacheWrite(ThreadPool& pool, const kp_rope_cache_write_args& args);
void Sample(ThreadPool& pool, const kp_sampling_args& args);
void PagedAttention(ThreadPool& pool, const kp_paged_attention_args& args);

extern const KernelTable kKernels;
const KernelTable kKernels = {
    .isa = kIsa,
    .name = kIsaName,
    .linear_load = LoadRows,
    .linear_kernel = LinearKernelFor,
    .embedding = Embedding,
    .rms_norm = RmsNorm,
    .layer_norm = LayerNorm,
    .gated_activation = GatedActivation,
    .rope_angles = RopeAngles,
    .rope_cache_write = RopeCacheWrite,
    .sample = Sample,
    .paged_attention = PagedAttention,
};

}  // namespace kp::cpu::KP_TARGET
