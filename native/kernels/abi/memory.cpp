#include "kp/memory.h"

#include "abi/backend.h"
#include "common/checks.h"

using kp::Print;

namespace {

using Move = kp_status(kp_stream* stream, void* destination, const void* source, int64_t bytes);

kp_status Run(kp_stream* stream, void* destination, const void* source, int64_t bytes, Move* move) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    KP_REQUIRE(bytes >= 0, "bytes = %lld must not be negative", Print(bytes));
    KP_REQUIRE(bytes == 0 || (destination != nullptr && source != nullptr), "source and destination must not be null");
    return bytes == 0 ? KP_OK : move(stream, destination, source, bytes);
  });
}

}  // namespace

kp_status kp_buffer_alloc(kp_device* device, int64_t bytes, void** address) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && address != nullptr, "device and address must not be null");
    KP_REQUIRE(bytes > 0, "bytes = %lld must be positive", Print(bytes));
    return kp::backend::Allocate(device, bytes, address);
  });
}

void kp_buffer_free(kp_device* device, void* address) {
  if (device != nullptr && address != nullptr) {
    kp::backend::Free(device, address);
  }
}

kp_status kp_buffer_touch(kp_device* device, void* address, int64_t bytes) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr, "device must not be null");
    KP_REQUIRE(bytes >= 0, "bytes = %lld must not be negative", Print(bytes));
    KP_REQUIRE(bytes == 0 || address != nullptr, "address must not be null");
    if (bytes > 0) {
      kp::backend::Touch(address, bytes);
    }
    return KP_OK;
  });
}

kp_status kp_buffer_write(kp_stream* stream, void* destination, const void* host, int64_t bytes) {
  return Run(stream, destination, host, bytes, kp::backend::Write);
}

kp_status kp_buffer_read(kp_stream* stream, const void* source, void* host, int64_t bytes) {
  return Run(stream, host, source, bytes,
             [](kp_stream* s, void* to, const void* from, int64_t count) { return kp::backend::Read(s, from, to, count); });
}

kp_status kp_buffer_copy(kp_stream* stream, void* destination, const void* source, int64_t bytes) {
  return Run(stream, destination, source, bytes, kp::backend::Copy);
}
