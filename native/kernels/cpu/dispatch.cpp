#include "cpu/kernel_table.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace kp::cpu {

namespace scalar {
extern const KernelTable kKernels;
}

#if defined(__x86_64__)

namespace avx2 {
extern const KernelTable kKernels;
}
namespace avx512 {
extern const KernelTable kKernels;
}
namespace avx512_bf16 {
extern const KernelTable kKernels;
}
namespace avx512_vnni {
const LinearKernel& LinearKernelFor(const kp_linear_format& format);
}

namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers CpuId(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (leaf <= __get_cpuid_max(0, nullptr)) {
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
  }
  return r;
}

bool HasAll(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

/* State that the operating system saves on a context switch; a processor may have registers that it does not. */
unsigned SavedState() {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

kp_isa BestIsa() {
  constexpr unsigned kOsSavesXmmYmm = 0x6;
  constexpr unsigned kOsSavesZmm = 0xe6;
  const Registers basic = CpuId(1, 0);
  const Registers extended = CpuId(7, 0);
  const Registers more = CpuId(7, 1);
  if (!HasAll(basic.ecx, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C) || !HasAll(extended.ebx, bit_AVX2 | bit_BMI | bit_BMI2) ||
      !HasAll(SavedState(), kOsSavesXmmYmm)) {
    return KP_ISA_SCALAR;
  }
  if (!HasAll(extended.ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) || !HasAll(SavedState(), kOsSavesZmm)) {
    return KP_ISA_AVX2;
  }
  return HasAll(more.eax, bit_AVX512BF16) && HasAll(extended.ecx, bit_AVX512VNNI) ? KP_ISA_AVX512_BF16 : KP_ISA_AVX512;
}

/* Some processors with AVX-512 multiply 8-bit integers and no bf16 numbers. */
const KernelTable& Avx512Kernels() {
  static const KernelTable with_vnni = [] {
    KernelTable table = avx512::kKernels;
    table.linear_kernel = avx512_vnni::LinearKernelFor;
    return table;
  }();
  return HasAll(CpuId(7, 0).ecx, bit_AVX512VNNI) ? with_vnni : avx512::kKernels;
}

}  // namespace

const KernelTable* FindKernels(kp_isa isa) {
  const kp_isa best = BestIsa();
  if (isa == KP_ISA_AUTO) {
    isa = best;
  }
  if (isa > best) {
    return nullptr;
  }
  switch (isa) {
    case KP_ISA_SCALAR:
      return &scalar::kKernels;
    case KP_ISA_AVX2:
      return &avx2::kKernels;
    case KP_ISA_AVX512:
      return &Avx512Kernels();
    case KP_ISA_AVX512_BF16:
      return &avx512_bf16::kKernels;
    default:
      return nullptr;
  }
}

#else

const KernelTable* FindKernels(kp_isa isa) { return isa == KP_ISA_AUTO || isa == KP_ISA_SCALAR ? &scalar::kKernels : nullptr; }

#endif

}  // namespace kp::cpu
