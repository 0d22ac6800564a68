#ifndef KP_CPU_DEVICE_H_
#define KP_CPU_DEVICE_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "cpu/kernel_table.h"
#include "cpu/thread_pool.h"
#include "kp/kp.h"

/* What the opaque handles of the ABI are on the CPU. One thread drives a device, so nothing here is locked. */
struct kp_device {
  kp_device(const kp::cpu::KernelTable& table, int threads, bool pinned);
  ~kp_device();
  kp_device(const kp_device&) = delete;
  kp_device& operator=(const kp_device&) = delete;

  /* Zeroed memory, aligned to 64 bytes (2 MiB from that size on); null when the device's memory does not suffice. */
  void* Allocate(int64_t bytes);
  void Free(void* address);

  /* Makes scratch at least this long; false when memory does not suffice. Kernels use it within one call. */
  bool ReserveScratch(int64_t bytes);
  void* scratch() const { return scratch_; }

  const kp::cpu::KernelTable& kernels;
  kp::cpu::ThreadPool pool;
  const std::string name;
  const int64_t total_bytes;

 private:
  struct Mapping {
    void* start;
    int64_t bytes;
  };
  std::unordered_map<void*, Mapping> mappings_;
  int64_t allocated_bytes_ = 0;
  void* scratch_ = nullptr;
  int64_t scratch_bytes_ = 0;
};

struct kp_stream {
  kp_device* device;
};

#endif
