#include "cpu/kernel_table.h"

#include "cpu/simd/simd.h"

namespace kp::cpu::KP_TARGET {

extern const LinearFormat kLinearF32;
extern const LinearFormat kLinearBf16;
extern const LinearFormat kLinearF16;

extern const KernelTable kKernels;
const KernelTable kKernels = {
    .isa = kIsa,
    .name = kIsaName,
    .linear_formats = {&kLinearF32, &kLinearBf16, &kLinearF16},
};

}  // namespace kp::cpu::KP_TARGET
