/* What stands between the C ABI and C++: no exception crosses it, and every failure leaves a message. */
#ifndef KP_COMMON_ABI_GUARD_H_
#define KP_COMMON_ABI_GUARD_H_

#include <exception>
#include <new>

#include "kp/kp.h"

namespace kp {

/* Stores the message as the calling thread's last error and returns status, so that a check is one line. */
[[gnu::format(printf, 2, 3)]] kp_status Fail(kp_status status, const char* format, ...) noexcept;

/* Runs the body of an ABI function, which returns a kp_status. */
template <typename Body>
kp_status Guard(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Fail(KP_OUT_OF_MEMORY, "out of host memory");
  } catch (const std::exception& e) {
    return Fail(KP_INTERNAL, "%s", e.what());
  } catch (...) {
    return Fail(KP_INTERNAL, "an exception of unknown type");
  }
}

}  // namespace kp

#endif
