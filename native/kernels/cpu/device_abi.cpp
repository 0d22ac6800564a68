#include "cpu/device.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/checks.h"
#include "cpu/host.h"

using kp::Fail;
using kp::Guard;

namespace {

constexpr int32_t kMostThreads = 1024;

}  // namespace

kp_status kp_device_open(const kp_device_options* options, kp_device** device) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(options != nullptr && device != nullptr, "options and device must not be null");
    KP_REQUIRE(options->index == 0, "index = %d: the CPU library has device 0 only", options->index);
    KP_REQUIRE(options->threads >= 0 && options->threads <= kMostThreads, "threads = %d must lie in [0, %d]", options->threads,
               kMostThreads);
    KP_REQUIRE(options->isa >= KP_ISA_AUTO && options->isa <= KP_ISA_AVX512_BF16, "isa = %d is unknown", options->isa);
    KP_REQUIRE(options->pinned == 0 || options->pinned == 1, "pinned = %d must be 0 or 1", options->pinned);
    KP_REQUIRE(options->batch_invariant == 0 || options->batch_invariant == 1, "batch_invariant = %d must be 0 or 1",
               options->batch_invariant);
    const kp::cpu::KernelTable* table = kp::cpu::FindKernels(options->isa);
    if (table == nullptr) {
      return Fail(KP_UNSUPPORTED, "this processor does not have instruction set %d; the best it has is %s", options->isa,
                  kp::cpu::FindKernels(KP_ISA_AUTO)->name);
    }
    *device = new kp_device(*table, options->threads > 0 ? options->threads : kp::cpu::AllowedThreads(), options->pinned == 1);
    return KP_OK;
  });
}

void kp_device_close(kp_device* device) { delete device; }

kp_status kp_device_get_info(kp_device* device, kp_device_info* info) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && info != nullptr, "device and info must not be null");
    const kp::cpu::Memory memory = kp::cpu::AllowedMemory();
    *info = {};
    device->name.copy(info->name, sizeof info->name - 1);
    info->isa = device->kernels.isa;
    info->threads = device->pool.threads();
    info->total_bytes = device->total_bytes;
    info->free_bytes = std::min(memory.free_bytes, device->total_bytes);
    return KP_OK;
  });
}

kp_status kp_stream_open(kp_device* device, kp_stream** stream) {
  return Guard([&]() -> kp_status {
    KP_REQUIRE(device != nullptr && stream != nullptr, "device and stream must not be null");
    *stream = new kp_stream{device};
    return KP_OK;
  });
}

void kp_stream_close(kp_stream* stream) { delete stream; }

kp_status kp_stream_synchronize(kp_stream* stream) {
  KP_REQUIRE(stream != nullptr, "stream must not be null");
  return KP_OK;  // every call has run to its end before it returned
}

kp_status kp_stream_mark(kp_stream* stream, int64_t* mark) {
  KP_REQUIRE(stream != nullptr && mark != nullptr, "stream and mark must not be null");
  *mark = 0;
  return KP_OK;
}

kp_status kp_stream_wait(kp_stream* stream, int64_t mark) {
  KP_REQUIRE(stream != nullptr, "stream must not be null");
  KP_REQUIRE(mark == 0, "mark = %lld is none of the stream's", kp::Print(mark));
  return KP_OK;
}
