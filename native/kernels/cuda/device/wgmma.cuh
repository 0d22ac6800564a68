/* Products of a warpgroup (four warps, the first one's number a multiple of four) that go on while its threads do. Hopper only.
 *
 * D[64, 128] += A[64, k] * B[k, 128]. Warp w holds rows 16 w … of D and A: a lane's A, and its D of each 8 columns, as in mma.cuh. B lies in
 * shared memory, column after column: 8 columns are an atom of 8 rows of 128 bytes (64 for bytes), whose 16-byte words are swizzled: word i
 * of row r lies at i ^ r % 8 (i ^ r / 2 % 4). b is the first column's first byte as if nothing were swizzled; atoms lie at multiples of
 * their size.
 *
 * A and D belong to the products from FenceProducts on until WaitForProducts. */
#ifndef KP_CUDA_DEVICE_WGMMA_CUH_
#define KP_CUDA_DEVICE_WGMMA_CUH_

#include "cuda/device/bulk_copy.cuh"
#include "cuda/device/mma.cuh"

/* Whether the code that is being compiled may have them: for others a kernel's body is empty, and nobody launches it. */
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define KP_HAS_WGMMA 1
#else
#define KP_HAS_WGMMA 0
#endif

namespace kp::cuda {

inline constexpr int kGroupThreads = 128;
inline constexpr int kProductColumns = 128;
inline constexpr int kColumnTiles = kProductColumns / 8;

#if defined(__CUDACC__)

/* Registers that each thread of the warpgroup may have from here on. */
template <int kRegisters>
__device__ __forceinline__ void RaiseRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void LowerRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}

/* What makes a register's value comes before, and what reads it behind: the compiler knows nothing of products that go on. */
__device__ __forceinline__ void Pin(float& value) { asm volatile("" : "+f"(value)::"memory"); }
__device__ __forceinline__ void Pin(int& value) { asm volatile("" : "+r"(value)::"memory"); }
__device__ __forceinline__ void Pin(uint32_t& value) { asm volatile("" : "+r"(value)::"memory"); }
template <typename T, int kCount>
__device__ __forceinline__ void Pin(T (&values)[kCount][4]) {
#pragma unroll
  for (int j = 0; j < kCount; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      Pin(values[j][i]);
    }
  }
}

__device__ __forceinline__ void FenceProducts() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ __forceinline__ void CommitProducts() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
__device__ __forceinline__ void WaitForProducts() { asm volatile("wgmma.wait_group.sync.aligned 0;\n" ::: "memory"); }

/* kRowBytes of an atom's row choose its swizzle. */
template <int kRowBytes>
__device__ __forceinline__ uint64_t DescriptorOf(const char* b) {
  constexpr uint64_t kSwizzle = kRowBytes == 128 ? 1 : 2;
  constexpr uint64_t kAtomBytes = 8 * kRowBytes;
  return kSwizzle << 62 | kAtomBytes / 16 << 32 | uint64_t{1} << 16 | (SharedAddress(b) & 0x3ffffu) >> 4;
}

#define KP_COLUMNS(type, j) type(d[j][0]), type(d[j][1]), type(d[j][2]), type(d[j][3])
#define KP_WGMMA(instruction, type, tail, descriptor)                                                                          \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\nwgmma.mma_async.sync.aligned." instruction                             \
               " {"                                                                                                            \
               "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                                        \
               "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "                              \
               "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "                              \
               "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"                                \
               "}, {%64, %65, %66, %67}, %68, p" tail ";\n}\n"                                                                 \
               : KP_COLUMNS(type, 0), KP_COLUMNS(type, 1), KP_COLUMNS(type, 2), KP_COLUMNS(type, 3), KP_COLUMNS(type, 4),      \
                 KP_COLUMNS(type, 5), KP_COLUMNS(type, 6), KP_COLUMNS(type, 7), KP_COLUMNS(type, 8), KP_COLUMNS(type, 9),      \
                 KP_COLUMNS(type, 10), KP_COLUMNS(type, 11), KP_COLUMNS(type, 12), KP_COLUMNS(type, 13), KP_COLUMNS(type, 14), \
                 KP_COLUMNS(type, 15)                                                                                          \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(descriptor))

__device__ __forceinline__ void WgmmaBf16(float (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  KP_WGMMA("m64n128k16.f32.bf16.bf16", "+f", ", 1, 1, 0", DescriptorOf<128>(b));
}
__device__ __forceinline__ void WgmmaF16(float (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  KP_WGMMA("m64n128k16.f32.f16.f16", "+f", ", 1, 1, 0", DescriptorOf<128>(b));
}
__device__ __forceinline__ void WgmmaS8(int (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  KP_WGMMA("m64n128k32.s32.s8.s8", "+r", "", DescriptorOf<64>(b));
}

#undef KP_WGMMA
#undef KP_COLUMNS

#else

template <int kRegisters>
void RaiseRegisters() {}
template <int kRegisters>
void LowerRegisters() {}
template <typename T>
void Pin(T&) {}

inline void FenceProducts() {}
inline void CommitProducts() { emulation::TheBlock().CommitProducts(); }
inline void WaitForProducts() { emulation::TheBlock().WaitForProducts(); }

/* One product of all threads of a warpgroup, with the roundings of EmulateMma. */
template <int kDepth, typename Sum, typename T, typename Element>
void RunWgmma(emulation::Block& block, int group, size_t index, const Element& element) {
  constexpr int kPerWord = kDepth / 8;
  constexpr int kRowBytes = 64 * static_cast<int>(sizeof(T));
  const auto product_of = [&](int warp, int lane) -> const emulation::Product& {
    return block.ThreadOf(group * kGroupThreads + warp * emulation::kWarp + lane).products[index];
  };
  const auto b = reinterpret_cast<uintptr_t>(product_of(0, 0).b);
  static Sum right[kDepth][kProductColumns];
  for (int column = 0; column < kProductColumns; ++column) {
    for (int k = 0; k < kDepth; ++k) {
      const uintptr_t plain = b + static_cast<uintptr_t>(column * kRowBytes + k * static_cast<int>(sizeof(T)));
      const uintptr_t at = plain ^ (plain >> 7 & (kRowBytes == 128 ? 7u : 3u)) << 4;
      right[k][column] = static_cast<Sum>(ToFloat(*reinterpret_cast<const T*>(at)));
    }
  }
  for (int warp = 0; warp < kGroupThreads / emulation::kWarp; ++warp) {
    Sum left[16][kDepth];
    for (int lane = 0; lane < emulation::kWarp; ++lane) {
      for (int word = 0; word < 4; ++word) {
        for (int i = 0; i < kPerWord; ++i) {
          left[lane / 4 + 8 * (word % 2)][kPerWord * (lane % 4 + 4 * (word / 2)) + i] = element(product_of(warp, lane).a[word], i);
        }
      }
    }
    for (int row = 0; row < 16; ++row) {
      Sum sums[kProductColumns];
      const auto at = [&](int column) -> Sum& {
        return static_cast<Sum*>(product_of(warp, row % 8 * 4 + column % 8 / 2).d)[column / 8 * 4 + row / 8 * 2 + column % 2];
      };
      for (int column = 0; column < kProductColumns; ++column) {
        sums[column] = at(column);
      }
      for (int k = 0; k < kDepth; ++k) {
        for (int column = 0; column < kProductColumns; ++column) {
          sums[column] += left[row][k] * right[k][column];
        }
      }
      for (int column = 0; column < kProductColumns; ++column) {
        at(column) = sums[column];
      }
    }
  }
}

template <typename T>
void RunHalves(emulation::Block& block, int group, size_t index) {
  RunWgmma<16, float, T>(block, group, index, [](uint32_t word, int i) { return ToFloat(HalfOf<T>(word, i)); });
}

inline void WgmmaBf16(float (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  emulation::TheBlock().current().products.push_back({d, a, b, RunHalves<Bf16>});
}
inline void WgmmaF16(float (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  emulation::TheBlock().current().products.push_back({d, a, b, RunHalves<Fp16>});
}
inline void WgmmaS8(int (&d)[kColumnTiles][4], const uint32_t (&a)[4], const char* b) {
  emulation::TheBlock().current().products.push_back(
      {d, a, b, [](emulation::Block& block, int group, size_t index) {
         RunWgmma<32, int, int8_t>(block, group, index, [](uint32_t word, int i) { return int{static_cast<int8_t>(word >> (8 * i))}; });
       }});
}

#endif

}  // namespace kp::cuda

#endif
