#include "cpu/device.h"

#include <sys/mman.h>

#include "cpu/host.h"

namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

int64_t RoundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

kp_device::kp_device(const kp::cpu::KernelTable& table, int threads, bool pinned)
    : kernels(table),
      pool(threads, pinned),
      name(kp::cpu::ProcessorName() + " (" + table.name + ")"),
      total_bytes(kp::cpu::AllowedMemory().total_bytes) {}

kp_device::~kp_device() {
  for (const auto& [address, mapping] : mappings_) {
    munmap(mapping.start, static_cast<size_t>(mapping.bytes));
  }
}

void* kp_device::Allocate(int64_t bytes) {
  if (bytes > total_bytes - allocated_bytes_) {
    return nullptr;
  }
  // Huge pages keep the TLB out of the way of a weight stream: worth 10 % of decode bandwidth with two threads. The kernel gives them to
  // aligned ranges only, so the mapping is one page longer than needed.
  const bool huge = bytes >= kHugePage;
  const int64_t mapped = huge ? RoundUp(bytes, kHugePage) + kHugePage : RoundUp(bytes, 4096);
  void* start = mmap(nullptr, static_cast<size_t>(mapped), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    return nullptr;
  }
  void* address = start;
  if (huge) {
    address = reinterpret_cast<void*>(RoundUp(reinterpret_cast<int64_t>(start), kHugePage));
    // Not for the last page unless it is full: it would be resident whole. Advice only: without it the memory is merely slower.
    madvise(address, static_cast<size_t>(bytes / kHugePage * kHugePage), MADV_HUGEPAGE);
  }
  try {
    mappings_.emplace(address, Mapping{start, mapped});
  } catch (...) {
    munmap(start, static_cast<size_t>(mapped));
    throw;
  }
  allocated_bytes_ += mapped;
  return address;
}

void kp_device::Free(void* address) {
  const auto found = mappings_.find(address);
  if (found == mappings_.end()) {
    return;
  }
  munmap(found->second.start, static_cast<size_t>(found->second.bytes));
  allocated_bytes_ -= found->second.bytes;
  mappings_.erase(found);
}

bool kp_device::ReserveScratch(int64_t bytes) {
  if (bytes <= scratch_bytes_) {
    return true;
  }
  void* larger = Allocate(bytes);
  if (larger == nullptr) {
    return false;
  }
  Free(scratch_);
  scratch_ = larger;
  scratch_bytes_ = bytes;
  return true;
}
