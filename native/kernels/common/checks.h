/* Argument checks of the ABI functions. Kernels behind them trust their arguments. */
#ifndef KP_COMMON_CHECKS_H_
#define KP_COMMON_CHECKS_H_

#include <cstdint>

#include "common/abi_guard.h"
#include "kp/kp.h"

/* Leaves the ABI function (or the lambda inside Guard) with KP_INVALID_ARGUMENT. The message names the argument, its value and the limit.
 */
#define KP_REQUIRE(condition, ...)                         \
  do {                                                     \
    if (!(condition)) [[unlikely]] {                       \
      return ::kp::Fail(KP_INVALID_ARGUMENT, __VA_ARGS__); \
    }                                                      \
  } while (false)

namespace kp {

inline bool IsDtype(kp_dtype dtype) { return dtype == KP_F32 || dtype == KP_BF16 || dtype == KP_F16; }

inline int64_t BytesOf(kp_dtype dtype) { return dtype == KP_F32 ? 4 : 2; }

/* For messages: %lld takes a long long, which int64_t need not be. */
inline long long Print(int64_t value) { return static_cast<long long>(value); }

/* a * b, or -1 where it does not fit. Both factors must be >= 0. */
inline int64_t CheckedMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? -1 : product;
}

}  // namespace kp

#endif
