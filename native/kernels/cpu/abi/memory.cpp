#include "kp/memory.h"

#include <cstring>

#include "common/checks.h"
#include "cpu/device.h"

namespace {

kp_status Copy(kp_stream* stream, void* destination, const void* source, int64_t bytes) {
  KP_REQUIRE(stream != nullptr, "stream must not be null");
  KP_REQUIRE(bytes >= 0, "bytes = %lld must not be negative", static_cast<long long>(bytes));
  KP_REQUIRE(bytes == 0 || (destination != nullptr && source != nullptr), "source and destination must not be null");
  if (bytes > 0) {
    std::memcpy(destination, source, static_cast<size_t>(bytes));
  }
  return KP_OK;
}

}  // namespace

kp_status kp_buffer_alloc(kp_device* device, int64_t bytes, void** address) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && address != nullptr, "device and address must not be null");
    KP_REQUIRE(bytes > 0, "bytes = %lld must be positive", static_cast<long long>(bytes));
    *address = device->Allocate(bytes);
    if (*address == nullptr) {
      return kp::Fail(KP_OUT_OF_MEMORY, "%lld bytes do not fit: the device has %lld in all", static_cast<long long>(bytes),
                      static_cast<long long>(device->total_bytes));
    }
    return KP_OK;
  });
}

void kp_buffer_free(kp_device* device, void* address) {
  if (device != nullptr && address != nullptr) {
    device->Free(address);
  }
}

kp_status kp_buffer_write(kp_stream* stream, void* destination, const void* host, int64_t bytes) {
  return Copy(stream, destination, host, bytes);
}

kp_status kp_buffer_read(kp_stream* stream, const void* source, void* host, int64_t bytes) { return Copy(stream, host, source, bytes); }

kp_status kp_buffer_copy(kp_stream* stream, void* destination, const void* source, int64_t bytes) {
  return Copy(stream, destination, source, bytes);
}
