#include "cuda/device.h"

#include <algorithm>
#include <cstring>

namespace {

constexpr int64_t kWritePartBytes = int64_t{1} << 20;
constexpr int kWriteParts = 4;
constexpr int64_t kReadBytes = int64_t{256} << 10;

/* Errors of a call, after which the device works on. */
bool IsHarmless(cudaError_t error) { return error == cudaErrorMemoryAllocation || error == cudaErrorInvalidValue; }

}  // namespace

namespace kp::cuda {

cudaError_t Staging::Open(int64_t part_bytes, int parts) {
  part_bytes_ = part_bytes;
  cudaError_t error = cudaMallocHost(reinterpret_cast<void**>(&memory_), static_cast<size_t>(part_bytes * parts));
  for (int i = 0; i < parts && error == cudaSuccess; ++i) {
    events_.push_back(nullptr);
    error = cudaEventCreateWithFlags(&events_.back(), cudaEventDisableTiming);
  }
  return error;
}

void Staging::Close() {
  for (cudaEvent_t event : events_) {
    cudaEventDestroy(event);
  }
  events_.clear();
  cudaFreeHost(memory_);
  memory_ = nullptr;
}

cudaError_t Staging::Take(char** part) {
  *part = memory_ + static_cast<int64_t>(next_) * part_bytes_;
  return cudaEventSynchronize(events_[next_]);
}

cudaError_t Staging::Enqueued(cudaStream_t stream) {
  const cudaError_t error = cudaEventRecord(events_[next_], stream);
  next_ = (next_ + 1) % events_.size();
  return error;
}

}  // namespace kp::cuda

kp_status kp_device::Check(cudaError_t error, const char* what) {
  if (broken_ == cudaSuccess && error == cudaSuccess) [[likely]] {
    return KP_OK;
  }
  if (error == cudaErrorMemoryAllocation) {
    return kp::Fail(KP_OUT_OF_MEMORY, "%s: %s has no memory left (another process may hold it)", what, name.c_str());
  }
  if (broken_ == cudaSuccess && IsHarmless(error)) {
    return kp::Fail(KP_INTERNAL, "%s: %s", what, cudaGetErrorString(error));
  }
  if (broken_ == cudaSuccess) {
    broken_ = error;
    broken_by_ = what;
  }
  return kp::Fail(KP_DEVICE_ERROR, "%s failed in %s: %s. It cannot be used any more by this process", name.c_str(), broken_by_.c_str(),
                  cudaGetErrorString(broken_));
}

kp_status kp_device::Allocate(int64_t bytes, void** address) {
  size_t free = 0;
  size_t total = 0;
  kp_status status = Select();
  if (status == KP_OK) {
    status = Check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  }
  if (status != KP_OK) {
    return status;
  }
  const cudaError_t error = cudaMalloc(address, static_cast<size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // takes it out of the runtime's memory
    *address = nullptr;
    return kp::Fail(KP_OUT_OF_MEMORY, "%lld bytes do not fit: of the device's %lld bytes %lld are free", kp::Print(bytes),
                    static_cast<long long>(total), static_cast<long long>(free));
  }
  status = Check(error, "cudaMalloc");
  if (status == KP_OK) {
    status = Check(cudaMemsetAsync(*address, 0, static_cast<size_t>(bytes), loader.cuda), "cudaMemsetAsync");
  }
  return status == KP_OK ? loader.Synchronize() : status;
}

void kp_device::Free(void* address) { cudaFree(address); }

kp_status kp_device::Reserve(int64_t bytes, Room& room) {
  if (bytes <= room.bytes) {
    return KP_OK;
  }
  Free(room.address);
  room = {};
  const kp_status status = Allocate(bytes, &room.address);
  room.bytes = status == KP_OK ? bytes : 0;
  return status;
}

kp_status kp_device::ReserveUpload(int64_t bytes, void** address) {
  const kp_status status = Reserve(bytes, upload_);
  *address = upload_.address;
  return status;
}

void kp_device::FreeReserves() {
  Free(scratch_.address);
  Free(upload_.address);
}

kp_status kp_stream::Open() {
  kp_status status = device->Select();
  if (status == KP_OK) {
    status = device->Check(cudaStreamCreateWithFlags(&cuda, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  if (status == KP_OK) {
    status = device->Check(writes.Open(kWritePartBytes, kWriteParts), "cudaMallocHost");
  }
  if (status == KP_OK) {
    status = device->Check(cudaMallocHost(reinterpret_cast<void**>(&reads), static_cast<size_t>(kReadBytes)), "cudaMallocHost");
  }
  return status;
}

void kp_stream::Close() {
  if (cuda != nullptr) {
    cudaStreamSynchronize(cuda);
    cudaStreamDestroy(cuda);
    cuda = nullptr;
  }
  writes.Close();
  cudaFreeHost(reads);
  reads = nullptr;
}

kp_status kp_stream::Write(void* destination, const void* host, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    const int64_t count = std::min(bytes - done, writes.part_bytes());
    char* part = nullptr;
    kp_status status = device->Check(writes.Take(&part), "cudaEventSynchronize");
    if (status != KP_OK) {
      return status;
    }
    std::memcpy(part, static_cast<const char*>(host) + done, static_cast<size_t>(count));
    status = device->Check(
        cudaMemcpyAsync(static_cast<char*>(destination) + done, part, static_cast<size_t>(count), cudaMemcpyHostToDevice, cuda),
        "cudaMemcpyAsync");
    if (status == KP_OK) {
      status = device->Check(writes.Enqueued(cuda), "cudaEventRecord");
    }
    if (status != KP_OK) {
      return status;
    }
    done += count;
  }
  return KP_OK;
}

kp_status kp_stream::Read(const void* source, void* host, int64_t bytes) {
  void* to = host;
  if (bytes <= kReadBytes - reads_used) {
    to = reads + reads_used;
    pending_reads.push_back({reads + reads_used, host, bytes});
    reads_used += (bytes + 15) / 16 * 16;
  }
  return device->Check(cudaMemcpyAsync(to, source, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, cuda), "cudaMemcpyAsync");
}

kp_status kp_stream::Synchronize() {
  const kp_status status = device->Check(cudaStreamSynchronize(cuda), "cudaStreamSynchronize");
  if (status == KP_OK) {
    for (const PendingRead& read : pending_reads) {
      std::memcpy(read.host, read.pinned, static_cast<size_t>(read.bytes));
    }
  }
  pending_reads.clear();
  reads_used = 0;
  return status;
}
