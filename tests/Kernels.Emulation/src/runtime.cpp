#include "runtime.h"

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cuda_emulation.h"

/* Devices differ only in how their threads are scheduled: device 0 lowest first, device n at random from seed n. */
namespace kp::emulation {

using Work = std::function<void()>;

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  int device = 0;
  std::deque<Work> work;
  uint64_t done = 0; /* pieces of work that have run */
  std::unique_ptr<Graph> recording;
  std::thread::id recorder; /* who began the recording */
  bool is_recording_broken = false;

  uint64_t enqueued() const { return done + work.size(); }
};

struct Event {
  Stream* stream = nullptr;
  uint64_t enqueued = 0; /* what the stream had been given when the event was recorded */
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

cudaError_t Run(Stream* stream, uint64_t until = UINT64_MAX) {
  while (!stream->work.empty() && stream->done < until) {
    const Work next = std::move(stream->work.front());
    stream->work.pop_front();
    ++stream->done;
    if (TheMachine().sticky == cudaSuccess) {
      next();
    }
  }
  return TheMachine().sticky;
}

/* What would make a recording useless, or wait for ever for what it holds back, breaks it. */
bool BreaksRecording(Stream* stream) {
  stream->is_recording_broken = stream->recording != nullptr;
  return stream->is_recording_broken;
}

/* Recordings are of cudaStreamCaptureModeThreadLocal: what other threads do meanwhile is none of theirs. */
bool BreaksRecordingOfThisThread() {
  bool any = false;
  for (Stream* stream : TheMachine().streams) {
    any = (stream->recorder == std::this_thread::get_id() && BreaksRecording(stream)) || any;
  }
  return any;
}

void Add(Stream* stream, Work work) {
  if (stream->recording != nullptr) {
    stream->recording->work.push_back(std::move(work));
  } else {
    stream->work.push_back(std::move(work));
  }
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
  Add(stream, std::move(work));
}

void EnqueueLaunch(Stream* stream, const char* kernel, Dim3 grid, Dim3 block, size_t shared_bytes, std::function<void()> body) {
  const Lock lock(TheMachine().mutex);
  ++TheMachine().counts.launches;
  const auto seed = static_cast<uint64_t>(stream->device);
  Add(stream, [kernel, grid, block, shared_bytes, seed, body = std::move(body)] {
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

using kp::emulation::BreaksRecording;
using kp::emulation::BreaksRecordingOfThisThread;
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
  if (BreaksRecordingOfThisThread()) {
    return cudaErrorStreamCaptureUnsupported;
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
  *stream = new kp::emulation::Stream;
  (*stream)->device = kp::emulation::selected_device;
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
  return BreaksRecording(stream) ? cudaErrorStreamCaptureUnsupported : kp::emulation::Run(stream);
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
  const Lock lock(TheMachine().mutex);
  event->stream = stream;
  event->enqueued = stream->enqueued();
  return BreaksRecording(stream) ? cudaErrorStreamCaptureUnsupported : TheMachine().sticky;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(TheMachine().mutex);
  if (event->stream == nullptr || event->stream->done >= event->enqueued) {
    return TheMachine().sticky;
  }
  ++TheMachine().counts.waits;
  return kp::emulation::Run(event->stream, event->enqueued);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const Lock lock(TheMachine().mutex);
  if (BreaksRecording(stream)) {
    return cudaErrorStreamCaptureUnsupported;
  }
  stream->recording = std::make_unique<kp::emulation::Graph>();
  stream->recorder = std::this_thread::get_id();
  return TheMachine().sticky;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(TheMachine().mutex);
  const bool is_broken = stream->is_recording_broken;
  stream->is_recording_broken = false;
  *graph = is_broken ? nullptr : stream->recording.release();
  stream->recording.reset();
  return is_broken ? cudaErrorStreamCaptureInvalidated : TheMachine().sticky;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) {
  *count = graph->work.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new kp::emulation::Graph(*graph);
  return TheMachine().sticky;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return TheMachine().sticky; }

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Lock lock(TheMachine().mutex);
  ++TheMachine().counts.graph_launches;
  Enqueue(stream, [exec] {
    for (const kp::emulation::Work& next : exec->work) {
      if (TheMachine().sticky == cudaSuccess) {
        next();
      }
    }
  });
  return TheMachine().sticky;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy(exec); }

void kp_emulation_set_ailment(kp_emulation_ailment ailment) {
  const Lock lock(TheMachine().mutex);
  TheMachine().set_ailment = ailment;
  TheMachine().sticky = cudaSuccess;
}

void kp_emulation_get_counts(kp_emulation_counts* counts) {
  const Lock lock(TheMachine().mutex);
  *counts = TheMachine().counts;
  counts->memory_bytes = static_cast<int64_t>(TheMachine().used_bytes);
  counts->bulk_copies = kp::emulation::TheBlock().bulk_copies();
}
