#include "common/abi_guard.h"

#include <cstdarg>
#include <cstdio>

namespace kp {
namespace {

thread_local char last_error[512] = "";

}  // namespace

kp_status Fail(kp_status status, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}

}  // namespace kp

int32_t kp_abi_version(void) { return KP_ABI_VERSION; }

const char* kp_last_error(void) { return kp::last_error; }
