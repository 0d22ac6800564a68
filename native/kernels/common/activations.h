/* The activation functions, for every library. */
#ifndef KP_COMMON_ACTIVATIONS_H_
#define KP_COMMON_ACTIVATIONS_H_

#include <cmath>

#include "common/exp_double.h"

namespace kp {

/* The functions are evaluated in double precision: in fp32, exp(-x) and 1 + exp(-x) alone cost more than the 2e-7 promised, and the tails
 * of the two gelus lose four digits in the exponent. (The CPU, whose prefill felt it, has a silu of its own, to 4e-7.) */

/* Below this every activation is -0 in fp32; so minus infinity gives -0 too, not the NaN of infinity times zero. */
inline constexpr double kLowestActivated = -200.0;

KP_INLINE double ClampActivated(double x) { return x < kLowestActivated ? kLowestActivated : x; }

struct Silu {
  KP_INLINE double operator()(double x) const {
    x = ClampActivated(x);
    return x / (1.0 + ExpDouble(-x));
  }
};

/* x Φ(x), Φ(-a) = exp(-a² / 2) t P(t), t = 1 / (1 + 0.3 a): P is the least-squares fit of the relative error over a in [0, 15], which is
 * 4e-9; beyond, Φ(-a) is nothing in fp32. */
struct Gelu {
  KP_INLINE double operator()(double x) const {
    x = ClampActivated(x);
    const double a = std::fabs(x);
    const double t = 1.0 / (1.0 + 0.3 * a);
    double p = -0.0208333175487;
    p = p * t + 0.11356315014;
    p = p * t - 0.23083034376;
    p = p * t + 0.195218275069;
    p = p * t - 0.082223376493;
    p = p * t + 0.0976237796448;
    p = p * t + 0.0778972426616;
    p = p * t + 0.110337254561;
    p = p * t + 0.119560069323;
    p = p * t + 0.119687264418;
    const double tail = ExpDouble(-0.5 * a * a) * t * p;
    return x * (x < 0.0 ? tail : 1.0 - tail);
  }
};

/* x/2 (1 + tanh(z)) = x / (1 + exp(-2z)), z = sqrt(2 / π) (x + 0.044715 x³). */
struct GeluTanh {
  KP_INLINE double operator()(double x) const {
    x = ClampActivated(x);
    return x / (1.0 + ExpDouble(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  }
};

struct Relu {
  KP_INLINE double operator()(double x) const { return x < 0.0 ? 0.0 : x; }
};

}  // namespace kp

#endif
