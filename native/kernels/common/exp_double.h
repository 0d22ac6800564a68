/* exp in double precision as plain arithmetic without a branch, so that the compiler turns a loop over it into vectors. */
#ifndef KP_COMMON_EXP_DOUBLE_H_
#define KP_COMMON_EXP_DOUBLE_H_

#include <bit>
#include <cstdint>

#include "common/half.h"

namespace kp {

/* exp(x) within 4e-9 relative; x below -700 counts as -700, above 700 as 700; NaN stays. */
KP_INLINE double ExpDouble(double x) {
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2 = 0.6931471805599453;
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the nearest whole number in the low bits
  x = x < -700.0 ? -700.0 : x;
  x = x > 700.0 ? 700.0 : x;
  const double shifted = x * kLog2E + kMagic;
  const double r = x - (shifted - kMagic) * kLn2;
  // exp(r) for |r| <= ln(2) / 2, least squares of the relative error.
  double p = 0.00137513821419;
  p = p * r + 0.00836892342719;
  p = p * r + 0.0416695342249;
  p = p * r + 0.166665184011;
  p = p * r + 0.499999885884;
  p = (p * r + 1.0) * r + 1.0;
  return p * std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
}

}  // namespace kp

#endif
