/* The contract between the engine and a kernel library: status codes, element types, devices, streams.
 *
 * Every library (libkpkernels_cpu.so, libkpkernels_cuda.so) exports exactly the functions declared under include/kp.
 * Plain C, no exceptions cross it. All sizes are in elements unless the name says bytes. All tensors are row-major.
 * A kernel call checks its arguments, enqueues on the stream and returns; it neither allocates nor synchronises.
 * On the CPU a stream executes in the calling thread (with the device's worker pool) before the call returns.
 * Pointers passed to kernels are device addresses (on the CPU: ordinary memory), borrowed for the call.
 * Handles are not thread-safe: one thread drives one device. Functions of different devices may run side by side, and so may those that say
 * so: kp_linear_load, kp_buffer_touch. */
#ifndef KP_KP_H_
#define KP_KP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KP_API __attribute__((visibility("default")))
#define KP_ABI_VERSION 6

typedef int32_t kp_status;
enum {
  KP_OK = 0,
  KP_INVALID_ARGUMENT = 1, /* the caller broke a documented precondition; nothing was enqueued */
  KP_OUT_OF_MEMORY = 2,
  KP_UNSUPPORTED = 3,  /* valid, but this library or device cannot do it */
  KP_DEVICE_ERROR = 4, /* the device failed; it must not be used further */
  KP_INTERNAL = 5,
  KP_INVALID_DATA = 6 /* what was to be stored cannot be; the message says why */
};

typedef int32_t kp_dtype;
enum { KP_F32 = 0, KP_BF16 = 1, KP_F16 = 2 };

/* Instruction set of the CPU library, chosen once when the device is opened. */
typedef int32_t kp_isa;
enum { KP_ISA_AUTO = 0, KP_ISA_SCALAR = 1, KP_ISA_AVX2 = 2, KP_ISA_AVX512 = 3, KP_ISA_AVX512_BF16 = 4 };

typedef struct kp_device kp_device;
typedef struct kp_stream kp_stream;

typedef struct kp_device_options {
  int32_t index;           /* which device; 0 on the CPU */
  int32_t threads;         /* CPU workers, the calling thread included; 0 = what the affinity mask and cgroup quota allow */
  kp_isa isa;              /* KP_ISA_AUTO = the best that the CPU has; another = forced, KP_UNSUPPORTED where absent */
  int32_t pinned;          /* 1: each CPU worker stays on one processor, the thread that drives the device too; 0: the system moves them */
  int32_t batch_invariant; /* 1: a row's result has the same bits in any batch; 0: kernels that may round otherwise are taken where they are
                            * faster (the CPU library has none) */
} kp_device_options;

typedef struct kp_device_info {
  char name[128]; /* "AMD EPYC … (avx512_bf16)", UTF-8, zero-terminated */
  kp_isa isa;     /* KP_ISA_AUTO on devices that are no CPU */
  int32_t threads;
  int64_t total_bytes; /* memory the device may use (on the CPU: the cgroup limit or physical memory) */
  int64_t free_bytes;
  int32_t has_graphs; /* 1: calls return before they have run, and graph.h works; 0: every call has run when it returns */
  int32_t reserved;
  char products[128]; /* which kernels multiply, for people; UTF-8, zero-terminated; empty where name says it all */
} kp_device_info;

/* KP_ABI_VERSION of the library. */
KP_API int32_t kp_abi_version(void);
/* Message of the last failure on the calling thread; never null; valid until the thread's next failing call. */
KP_API const char* kp_last_error(void);

KP_API kp_status kp_device_open(const kp_device_options* options, kp_device** device);
/* All streams, buffers and linears of the device must have been closed. */
KP_API void kp_device_close(kp_device* device);
KP_API kp_status kp_device_get_info(kp_device* device, kp_device_info* info);

KP_API kp_status kp_stream_open(kp_device* device, kp_stream** stream);
KP_API void kp_stream_close(kp_stream* stream);
/* Waits until everything enqueued has run; reports the first failure of any of it. */
KP_API kp_status kp_stream_synchronize(kp_stream* stream);
/* A point in the order of the stream, to be waited for without what is enqueued behind it. A stream remembers its last 8 marks. */
KP_API kp_status kp_stream_mark(kp_stream* stream, int64_t* mark);
/* Waits until everything enqueued before the mark has run, and reports the first failure of any of it; what was to be read by then is in host
 * memory. KP_INVALID_ARGUMENT: no such mark, or one that was forgotten. */
KP_API kp_status kp_stream_wait(kp_stream* stream, int64_t mark);

#ifdef __cplusplus
}
#endif
#endif
