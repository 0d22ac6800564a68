#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "common/checks.h"
#include "cuda/device.h"
#include "cuda/linear.h"
#include "cuda/scratch.h"

using kp::Fail;
using kp::Guard;

namespace {

constexpr int kLeastMajor = 8; /* compute capability of the oldest code in this library */

kp_status CountDevices(int* count) {
  const cudaError_t error = cudaGetDeviceCount(count);
  if (error == cudaErrorInsufficientDriver) {
    return Fail(KP_UNSUPPORTED, "no NVIDIA driver is installed, or it is older than CUDA 12 needs");
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && *count == 0)) {
    return Fail(KP_UNSUPPORTED, "there is an NVIDIA driver but no GPU, or CUDA_VISIBLE_DEVICES hides it");
  }
  return error == cudaSuccess ? KP_OK : Fail(KP_UNSUPPORTED, "the NVIDIA driver does not start: %s", cudaGetErrorString(error));
}

/* Fills in everything but the memory, of which cudaMemGetInfo tells: on a MIG slice the slice's. */
kp_status Describe(kp_device& device) {
  int major = 0;
  int minor = 0;
  cudaDeviceProp properties{};
  const kp_status status = device.Check(cudaGetDeviceProperties(&properties, device.index), "cudaGetDeviceProperties");
  if (status != KP_OK) {
    return status;
  }
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index);
  cudaDeviceGetAttribute(&device.multiprocessors, cudaDevAttrMultiProcessorCount, device.index);
  cudaDeviceGetAttribute(&device.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device.index);
  char text[320];
  std::snprintf(text, sizeof text, "%s (compute capability %d.%d)", properties.name, major, minor);
  device.name = text;
  device.has_wgmma = major == 9;
  if (major < kLeastMajor) {
    return Fail(KP_UNSUPPORTED, "%s is too old: the kernels need compute capability %d.0", text, kLeastMajor);
  }
  return KP_OK;
}

kp_status ReadMemory(kp_device& device, int64_t* free) {
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  const kp_status status = device.Check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
  *free = static_cast<int64_t>(free_bytes);
  device.total_bytes = static_cast<int64_t>(total_bytes);
  return status;
}

}  // namespace

kp_status kp_device_open(const kp_device_options* options, kp_device** device) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(options != nullptr && device != nullptr, "options and device must not be null");
    KP_REQUIRE(options->index >= 0, "index = %d must not be negative", options->index);
    KP_REQUIRE(options->threads >= 0, "threads = %d must not be negative", options->threads);
    KP_REQUIRE(options->batch_invariant == 0 || options->batch_invariant == 1, "batch_invariant = %d must be 0 or 1",
               options->batch_invariant);
    KP_REQUIRE(options->isa >= KP_ISA_AUTO && options->isa <= KP_ISA_AVX512_BF16, "isa = %d is unknown", options->isa);
    if (options->isa != KP_ISA_AUTO) {
      return Fail(KP_UNSUPPORTED, "isa = %d is a processor's; a GPU has none to choose", options->isa);
    }
    int count = 0;
    kp_status status = CountDevices(&count);
    if (status != KP_OK) {
      return status;
    }
    if (options->index >= count) {
      return Fail(KP_UNSUPPORTED, "index = %d: there are %d GPUs, counted from 0", options->index, count);
    }
    auto opened = std::make_unique<kp_device>();
    opened->index = options->index;
    opened->batch_invariant = options->batch_invariant != 0;
    opened->loader.device = opened.get();
    int64_t free = 0;
    status = Describe(*opened);
    if (status == KP_OK) {
      status = opened->loader.Open();
    }
    if (status == KP_OK) {
      status = ReadMemory(*opened, &free);
    }
    if (status == KP_OK) {
      status = kp::cuda::ReserveCounters(*opened);
    }
    if (status != KP_OK) {
      opened->loader.Close();
      return status;
    }
    *device = opened.release();
    return KP_OK;
  });
}

void kp_device_close(kp_device* device) {
  if (device != nullptr) {
    device->FreeReserves();
    device->loader.Close();
    delete device;
  }
}

kp_status kp_device_get_info(kp_device* device, kp_device_info* info) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && info != nullptr, "device and info must not be null");
    *info = {};
    device->name.copy(info->name, sizeof info->name - 1);
    info->isa = KP_ISA_AUTO;
    info->has_graphs = 1;
    std::snprintf(info->products, sizeof info->products, "up to %d rows and more by mma%s", static_cast<int>(kp::cuda::kFewRows),
                  !device->has_wgmma        ? ""
                  : device->batch_invariant ? "; wgmma is not taken, since batches shall be invariant"
                                            : ", or where a matrix is large enough by wgmma");
    const kp_status status = ReadMemory(*device, &info->free_bytes);
    info->total_bytes = device->total_bytes;
    return status;
  });
}

kp_status kp_stream_open(kp_device* device, kp_stream** stream) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && stream != nullptr, "device and stream must not be null");
    auto opened = std::make_unique<kp_stream>();
    opened->device = device;
    if (const kp_status status = opened->Open(); status != KP_OK) {
      opened->Close();
      return status;
    }
    *stream = opened.release();
    return KP_OK;
  });
}

void kp_stream_close(kp_stream* stream) {
  if (stream != nullptr) {
    stream->Close();
    delete stream;
  }
}

kp_status kp_stream_synchronize(kp_stream* stream) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    return stream->Synchronize();
  });
}

kp_status kp_stream_mark(kp_stream* stream, int64_t* mark) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && mark != nullptr, "stream and mark must not be null");
    return stream->Mark(mark);
  });
}

kp_status kp_stream_wait(kp_stream* stream, int64_t mark) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    return stream->Wait(mark);
  });
}
