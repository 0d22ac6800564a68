#include "cpu/kernel_table.h"

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

extern const KernelTable kKernels;
const KernelTable kKernels = {
    .isa = kIsa,
    .name = kIsaName,
};

}  // namespace kp::cpu::KP_TARGET
