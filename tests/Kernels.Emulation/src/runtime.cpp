#include "runtime.h"

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <set>
#include <unordered_map>

#include "cuda_emulation.h"

/* Devices differ only in how their threads are scheduled: device 0 lowest first, device n at random from seed n. */
namespace kp::emulation {

struct Stream {
  int device;
  std::deque<std::function<void()>> work;
};

struct Event {
  Stream* stream = nullptr;
  size_t left_behind = 0;
};

namespace {

constexpr int kDevices = 1024;
constexpr size_t kMemoryBytes = size_t{8} << 30;
constexpr size_t kSmallMemoryBytes = size_t{64} << 20;
constexpr size_t kTakenMemoryBytes = size_t{1} << 20; /* an allocation of so much still finds room */

struct Machine {
  std::recursive_mutex mutex;
  kp_emulation_ailment set_ailment = KP_EMULATION_SOUND;
  cudaError_t sticky = cudaSuccess; /* a device that failed answers nothing else */
  kp_emulation_counts counts{};
  std::set<Stream*> streams;
  std::unordered_map<void*, size_t> memory;
  size_t used_bytes = 0;

  kp_emulation_ailment ailment() const {
    static const char* const path = std::getenv("KP_EMULATION_AILMENT_FILE");
    int written = set_ailment;
    if (FILE* file = path != nullptr ? std::fopen(path, "r") : nullptr) {
      if (std::fscanf(file, "%d", &written) != 1) {
        written = set_ailment;
      }
      std::fclose(file);
    }
    return written;
  }
  size_t total_bytes() const { return ailment() == KP_EMULATION_SMALL_MEMORY ? kSmallMemoryBytes : kMemoryBytes; }
  size_t free_bytes() const {
    const size_t free = total_bytes() - std::min(total_bytes(), used_bytes);
    return ailment() == KP_EMULATION_BUSY_MEMORY ? std::min(free, kSmallMemoryBytes - std::min(kSmallMemoryBytes, used_bytes)) : free;
  }
};

Machine& TheMachine() {
  static Machine machine;
  return machine;
}

thread_local int selected_device = 0;

using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t Run(Stream* stream) {
  while (!stream->work.empty()) {
    const std::function<void()> next = std::move(stream->work.front());
    stream->work.pop_front();
    if (TheMachine().sticky == cudaSuccess) {
      next();
    }
  }
  return TheMachine().sticky;
}

cudaError_t RunAll() {
  for (Stream* stream : TheMachine().streams) {
    Run(stream);
  }
  return TheMachine().sticky;
}

}  // namespace

void Enqueue(Stream* stream, std::function<void()> work) {
  const Lock lock(TheMachine().mutex);
  stream->work.push_back(std::move(work));
}

void EnqueueLaunch(Stream* stream, const char* kernel, Dim3 grid, Dim3 block, size_t shared_bytes, std::function<void()> body) {
  const Lock lock(TheMachine().mutex);
  ++TheMachine().counts.launches;
  const auto seed = static_cast<uint64_t>(stream->device);
  stream->work.push_back([kernel, grid, block, shared_bytes, seed, body = std::move(body)] {
    Machine& machine = TheMachine();
    if (machine.ailment() == KP_EMULATION_FAULT) {
      machine.sticky = cudaErrorIllegalAddress;
      return;
    }
    if (const std::string failure = TheBlock().Run(grid, block, shared_bytes, seed, body); !failure.empty()) {
      std::fprintf(stderr, "%s: %s\n", kernel, failure.c_str());
      machine.sticky = cudaErrorLaunchFailure;
    }
  });
}

}  // namespace kp::emulation

using kp::emulation::Enqueue;
using kp::emulation::kDevices;
using kp::emulation::Lock;
using kp::emulation::Machine;
using kp::emulation::TheMachine;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    default:
      return "invalid argument";
  }
}

cudaError_t cudaGetLastError() { return TheMachine().sticky; }

cudaError_t cudaGetDeviceCount(int* count) {
  const Lock lock(TheMachine().mutex);
  const kp_emulation_ailment ailment = TheMachine().ailment();
  *count = ailment == KP_EMULATION_NO_DRIVER || ailment == KP_EMULATION_NO_DEVICE ? 0 : kDevices;
  return ailment == KP_EMULATION_NO_DRIVER   ? cudaErrorInsufficientDriver
         : ailment == KP_EMULATION_NO_DEVICE ? cudaErrorNoDevice
                                             : cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kDevices) {
    return cudaErrorInvalidDevice;
  }
  kp::emulation::selected_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  std::snprintf(properties->name, sizeof properties->name, "CUDA emulation, schedule %d", device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const Lock lock(TheMachine().mutex);
  const bool old = TheMachine().ailment() == KP_EMULATION_OLD_DEVICE;
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 2;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = 227 << 10;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = old ? 7 : 9;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = old ? 5 : 0;
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Lock lock(TheMachine().mutex);
  *total = TheMachine().total_bytes();
  *free = TheMachine().free_bytes();
  return TheMachine().sticky;
}

/* Memory is filled with a pattern: only memset makes it zero. */
cudaError_t cudaMalloc(void** address, size_t bytes) {
  const Lock lock(TheMachine().mutex);
  Machine& machine = TheMachine();
  if (machine.sticky != cudaSuccess) {
    return machine.sticky;
  }
  const size_t padded = (bytes + 255) / 256 * 256;
  if (padded > (machine.ailment() == KP_EMULATION_TAKEN_MEMORY ? kp::emulation::kTakenMemoryBytes : machine.free_bytes())) {
    return cudaErrorMemoryAllocation;
  }
  // Large allocations are mapped and untouched: the engine takes gigabytes for its cache and uses little of it.
  *address = std::aligned_alloc(256, padded);
  if (*address == nullptr) {
    return cudaErrorMemoryAllocation;
  }
  if (padded < size_t{16} << 20) {
    std::memset(*address, 0xCD, padded);
  }
  machine.memory[*address] = padded;
  machine.used_bytes += padded;
  ++machine.counts.allocations;
  return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
  const Lock lock(TheMachine().mutex);
  Machine& machine = TheMachine();
  const cudaError_t status = kp::emulation::RunAll();
  if (const auto found = machine.memory.find(address); found != machine.memory.end()) {
    machine.used_bytes -= found->second;
    machine.memory.erase(found);
    std::free(address);
  }
  return status;
}

cudaError_t cudaMallocHost(void** address, size_t bytes) {
  *address = std::malloc(bytes);
  return *address != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void* address) {
  std::free(address);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* address, int value, size_t bytes, cudaStream_t stream) {
  Enqueue(stream, [=] { std::memset(address, value, bytes); });
  return TheMachine().sticky;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  Enqueue(stream, [=] { std::memcpy(to, from, bytes); });
  return TheMachine().sticky;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const Lock lock(TheMachine().mutex);
  if (TheMachine().sticky != cudaSuccess) {
    return TheMachine().sticky;
  }
  *stream = new kp::emulation::Stream{kp::emulation::selected_device, {}};
  TheMachine().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(TheMachine().mutex);
  kp::emulation::Run(stream);
  TheMachine().streams.erase(stream);
  delete stream;
  return TheMachine().sticky;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(TheMachine().mutex);
  ++TheMachine().counts.waits;
  return kp::emulation::Run(stream);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new kp::emulation::Event;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = stream;
  return TheMachine().sticky;
}

/* More than was recorded may run: everything that the stream holds. */
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(TheMachine().mutex);
  return event->stream != nullptr ? kp::emulation::Run(event->stream) : cudaSuccess;
}

void kp_emulation_set_ailment(kp_emulation_ailment ailment) {
  const Lock lock(TheMachine().mutex);
  TheMachine().set_ailment = ailment;
  TheMachine().sticky = cudaSuccess;
}

void kp_emulation_get_counts(kp_emulation_counts* counts) {
  const Lock lock(TheMachine().mutex);
  *counts = TheMachine().counts;
}
