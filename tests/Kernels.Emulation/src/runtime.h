/* What tests set and read of the emulated machine. */
#ifndef KP_EMULATION_RUNTIME_H_
#define KP_EMULATION_RUNTIME_H_

#include <cstdint>

#define KP_EMULATION_API extern "C" __attribute__((visibility("default")))

typedef struct kp_emulation_counts {
  int64_t launches; /* of kernels by the host: those of a graph count when it is recorded */
  int64_t graph_launches;
  int64_t allocations;
  int64_t waits;        /* of the host for a stream, or for an event that had yet to come */
  int64_t memory_bytes; /* of the device that are allocated now */
  int64_t bulk_copies;  /* by the copy engine, of launches that have run */
} kp_emulation_counts;

/* What the machine suffers from, until it is set again. */
typedef int32_t kp_emulation_ailment;
enum {
  KP_EMULATION_SOUND = 0,
  KP_EMULATION_NO_DRIVER = 1,
  KP_EMULATION_NO_DEVICE = 2,
  KP_EMULATION_OLD_DEVICE = 3,   /* compute capability 7.5 */
  KP_EMULATION_SMALL_MEMORY = 4, /* 64 MiB */
  KP_EMULATION_FAULT = 5, /* the next launch reads a bad address; like a real device, it stays broken until the ailment is set again */
  KP_EMULATION_BUSY_MEMORY = 6, /* other processes hold all but 64 MiB */
  KP_EMULATION_TAKEN_MEMORY = 7 /* other processes take it between the question how much is free and the allocation */
};

/* A process that cannot call this suffers from the number in the file that KP_EMULATION_AILMENT_FILE names, from when that is written. */
KP_EMULATION_API void kp_emulation_set_ailment(kp_emulation_ailment ailment);
/* Since the library was loaded, all devices together. */
KP_EMULATION_API void kp_emulation_get_counts(kp_emulation_counts* counts);

/* Sums 0 … 255 with a kernel whose threads pass on partial sums through shared memory, without the barrier between where asked. The threads
 * run in the order of the seed. Returns the sum, or -1 where the launch failed. */
KP_EMULATION_API int32_t kp_emulation_planted_sum(uint64_t seed, int32_t with_barrier);
/* What a kernel with a warp that copies and a warpgroup that multiplies lacks. */
typedef int32_t kp_emulation_missing;
enum {
  KP_EMULATION_MISSING_NOTHING = 0,
  KP_EMULATION_MISSING_WAIT_UNTIL_FULL = 1,
  KP_EMULATION_MISSING_WAIT_UNTIL_EMPTY = 2,
  KP_EMULATION_MISSING_WAIT_FOR_PRODUCTS = 3
};
/* Products of a ring of stages that the copy engine fills, summed up; less than the right sum, or more, where a wait is missing and shows. */
KP_EMULATION_API float kp_emulation_planted_pipeline(uint64_t seed, kp_emulation_missing missing);
/* A kernel of which half the threads wait at a barrier that the others skip by looping for ever at another: the status of the launch. */
KP_EMULATION_API int32_t kp_emulation_planted_deadlock(void);

#endif
