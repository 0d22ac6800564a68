#include "cuda/device.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace {

constexpr int64_t kWritePartBytes = int64_t{1} << 20;
constexpr int kWriteParts = 4;
constexpr int64_t kReadBytes = int64_t{1} << 20;
constexpr int kMarks = 8;

/* Errors of a call, after which the device works on. */
bool IsHarmless(cudaError_t error) {
  return error == cudaErrorMemoryAllocation || error == cudaErrorInvalidValue || error == cudaErrorStreamCaptureUnsupported ||
         error == cudaErrorStreamCaptureInvalidated;
}

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

cudaError_t ReadRing::Open(int64_t bytes) {
  bytes_ = bytes;
  return cudaMallocHost(reinterpret_cast<void**>(&memory_), static_cast<size_t>(bytes));
}

void ReadRing::Close() {
  cudaFreeHost(memory_);
  memory_ = nullptr;
}

void* ReadRing::Take(void* host, int64_t bytes, int64_t mark) {
  const int64_t padded = (bytes + 15) / 16 * 16;
  const int64_t begin = pending_.empty() ? 0 : pending_.front().at;
  int64_t at = pending_.empty() ? 0 : end_;
  int64_t room = at < begin ? begin - at - 1 : bytes_ - at;
  if (padded > room && at > begin) {
    at = 0;
    room = begin - 1;  // never up to the oldest: nothing in use would look the same
  }
  if (padded > room) {
    return nullptr;
  }
  pending_.push_back({at, host, bytes, mark});
  end_ = at + padded;
  return memory_ + at;
}

void ReadRing::Deliver(int64_t mark) {
  while (!pending_.empty() && pending_.front().mark < mark) {
    const Pending& read = pending_.front();
    std::memcpy(read.host, memory_ + read.at, static_cast<size_t>(read.bytes));
    pending_.pop_front();
  }
}

}  // namespace kp::cuda

kp_status kp_device::RefuseInGraph(const char* what) const {
  return recording == nullptr ? KP_OK : kp::Fail(KP_INVALID_ARGUMENT, "%s cannot be recorded in a graph", what);
}

kp_status kp_device::Check(cudaError_t error, const char* what) {
  if (broken_ == cudaSuccess && error == cudaSuccess) [[likely]] {
    return KP_OK;
  }
  if (error == cudaErrorMemoryAllocation) {
    return kp::Fail(KP_OUT_OF_MEMORY, "%s: %s has no memory left (another process may hold it)", what, name.c_str());
  }
  if (broken_ == cudaSuccess && IsHarmless(error)) {
    cudaGetLastError();  // takes it out of the runtime's memory: the next launch would be blamed
    return kp::Fail(KP_INTERNAL, "%s: %s", what, cudaGetErrorString(error));
  }
  const std::lock_guard<std::mutex> hold(lock_);
  if (broken_ == cudaSuccess) {
    broken_by_ = what;
    broken_ = error;
  }
  return kp::Fail(KP_DEVICE_ERROR, "%s failed in %s: %s. It cannot be used any more by this process", name.c_str(), broken_by_.c_str(),
                  cudaGetErrorString(broken_.load()));
}

kp_status kp_device::Allocate(int64_t bytes, kp_stream& zeroes, void** address) {
  size_t free = 0;
  size_t total = 0;
  kp_status status = RefuseInGraph("allocating memory");
  if (status == KP_OK) {
    status = Select();
  }
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
    status = Check(cudaMemsetAsync(*address, 0, static_cast<size_t>(bytes), zeroes.cuda), "cudaMemsetAsync");
  }
  return status == KP_OK ? zeroes.Synchronize() : status;
}

void kp_device::Free(void* address) { cudaFree(address); }

kp_status kp_device::Reserve(int64_t bytes, kp_stream& zeroes, kp::cuda::Room& room) {
  if (bytes <= room.bytes) {
    return KP_OK;
  }
  kp_status status = RefuseInGraph("allocating memory");
  if (status != KP_OK) {
    return status;
  }
  Free(room.address);
  room = {};
  status = Allocate(bytes, zeroes, &room.address);
  room.bytes = status == KP_OK ? bytes : 0;
  return status;
}

kp_status kp_device::TakeLane(int64_t bytes, std::unique_ptr<kp::cuda::Lane>* lane) {
  kp_status status = RefuseInGraph("loading weights");
  if (status == KP_OK) {
    status = Select();
  }
  if (status != KP_OK) {
    return status;
  }
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (!idle_lanes_.empty()) {
      *lane = std::move(idle_lanes_.back());
      idle_lanes_.pop_back();
    }
  }
  if (*lane == nullptr) {
    *lane = std::make_unique<kp::cuda::Lane>();
    (*lane)->stream.device = this;
    status = (*lane)->stream.Open();
  }
  if (status == KP_OK) {
    status = Reserve(bytes, (*lane)->stream, (*lane)->upload);
  }
  if (status != KP_OK) {
    CloseLane(**lane);
    lane->reset();
  }
  return status;
}

void kp_device::ReturnLane(std::unique_ptr<kp::cuda::Lane> lane) {
  const std::lock_guard<std::mutex> hold(lock_);
  idle_lanes_.push_back(std::move(lane));
}

void kp_device::CloseLane(kp::cuda::Lane& lane) {
  lane.stream.Close();
  Free(lane.upload.address);
}

void kp_device::FreeLanes() {
  for (const auto& lane : idle_lanes_) {
    CloseLane(*lane);
  }
  idle_lanes_.clear();
}

void kp_device::FreeReserves() {
  FreeLanes();
  Free(scratch_.address);
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
    status = device->Check(reads.Open(kReadBytes), "cudaMallocHost");
  }
  for (int i = 0; i < kMarks && status == KP_OK; ++i) {
    marks.push_back(nullptr);
    status = device->Check(cudaEventCreateWithFlags(&marks.back(), cudaEventDisableTiming), "cudaEventCreate");
  }
  return status;
}

void kp_stream::Close() {
  if (device->recording == this) {
    cudaGraph_t forgotten = nullptr;
    cudaStreamEndCapture(cuda, &forgotten);
    cudaGraphDestroy(forgotten);
    device->recording = nullptr;
  }
  if (cuda != nullptr) {
    cudaStreamSynchronize(cuda);
    cudaStreamDestroy(cuda);
    cuda = nullptr;
  }
  writes.Close();
  reads.Close();
  for (cudaEvent_t event : marks) {
    cudaEventDestroy(event);
  }
  marks.clear();
}

kp_status kp_stream::Write(void* destination, const void* host, int64_t bytes) {
  if (const kp_status status = device->RefuseInGraph("a write"); status != KP_OK) {
    return status;
  }
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
  if (const kp_status status = device->RefuseInGraph("a read"); status != KP_OK) {
    return status;
  }
  void* pinned = reads.Take(host, bytes, marks_made);
  return device->Check(cudaMemcpyAsync(pinned != nullptr ? pinned : host, source, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, cuda),
                       "cudaMemcpyAsync");
}

kp_status kp_stream::Synchronize() {
  kp_status status = device->RefuseInGraph("waiting");
  if (status != KP_OK) {
    return status;
  }
  status = device->Check(cudaStreamSynchronize(cuda), "cudaStreamSynchronize");
  if (status == KP_OK) {
    reads.Deliver(marks_made + 1);
  }
  reads.Forget();
  return status;
}

kp_status kp_stream::Mark(int64_t* mark) {
  kp_status status = device->RefuseInGraph("a mark");
  if (status == KP_OK) {
    status = device->Check(cudaEventRecord(marks[static_cast<size_t>(marks_made % kMarks)], cuda), "cudaEventRecord");
  }
  if (status == KP_OK) {
    *mark = ++marks_made;
  }
  return status;
}

kp_status kp_stream::Wait(int64_t mark) {
  KP_REQUIRE(mark > 0 && mark <= marks_made && mark > marks_made - kMarks, "mark = %lld is none of the stream's last %d", kp::Print(mark),
             kMarks);
  kp_status status = device->RefuseInGraph("waiting");
  if (status == KP_OK) {
    status = device->Check(cudaEventSynchronize(marks[static_cast<size_t>((mark - 1) % kMarks)]), "cudaEventSynchronize");
  }
  if (status == KP_OK) {
    reads.Deliver(mark);
  }
  return status;
}
