#include "abi/backend.h"
#include "cuda/device.h"

namespace kp::backend {

const bool kHostReadsDeviceMemory = false;

kp_device* DeviceOf(kp_stream* stream) { return stream->device; }

kp_status Allocate(kp_device* device, int64_t bytes, void** address) { return device->Allocate(bytes, address); }

void Free(kp_device* device, void* address) { device->Free(address); }

void Touch(void*, int64_t) {}

kp_status Write(kp_stream* stream, void* destination, const void* host, int64_t bytes) { return stream->Write(destination, host, bytes); }

kp_status Read(kp_stream* stream, const void* source, void* host, int64_t bytes) { return stream->Read(source, host, bytes); }

kp_status Copy(kp_stream* stream, void* destination, const void* source, int64_t bytes) {
  return stream->device->Check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream->cuda),
                               "cudaMemcpyAsync");
}

}  // namespace kp::backend
