/* The kernels of one instruction set. Each cpu/<kernel>.cpp listed in KP_CPU_KERNELS of CMakeLists.txt is compiled once per instruction
 * set into a namespace of its own; kernel_table.cpp, compiled likewise, gathers them. Opening a device chooses one table.
 *
 * To add a kernel: declare its arguments and its function type in cpu/<kernel>.h, define it in cpu/<kernel>.cpp inside
 * namespace kp::cpu::KP_TARGET, add it to this struct and to kernel_table.cpp, and call it from cpu/backend.cpp, which abi/<family>.cpp calls after
 * its checks. */
#ifndef KP_CPU_KERNEL_TABLE_H_
#define KP_CPU_KERNEL_TABLE_H_

#include "cpu/embedding.h"
#include "cpu/gated_activation.h"
#include "cpu/linear.h"
#include "cpu/norm.h"
#include "cpu/paged_attention.h"
#include "cpu/rope.h"
#include "cpu/sampling.h"
#include "kp/kp.h"

namespace kp::cpu {

struct KernelTable {
  kp_isa isa;
  const char* name;
  LinearLoadFunction linear_load;
  const LinearKernel& (*linear_kernel)(const kp_linear_format& format); /* of a format that the ABI has checked */
  EmbeddingFunction embedding;
  NormFunction rms_norm;
  NormFunction layer_norm;
  GatedActivationFunction gated_activation;
  RopeAnglesFunction rope_angles;
  RopeCacheWriteFunction rope_cache_write;
  SampleFunction sample;
  PagedAttentionFunction paged_attention;
};

/* The table of an instruction set, or null where the library was built without it or the processor or system lacks it.
 * KP_ISA_AUTO = the best there is. */
const KernelTable* FindKernels(kp_isa isa);

}  // namespace kp::cpu

#endif
