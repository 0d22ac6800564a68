#ifndef KP_CUDA_DEVICE_EXP_CUH_
#define KP_CUDA_DEVICE_EXP_CUH_

#include "cuda/platform.h"

namespace kp::cuda {

/* exp(x) within 2e-7 relative; 0 below -104, infinity above 88.73, NaN for NaN. The same bits on every device. */
__device__ __forceinline__ float Exp(float x) {
  if (x < -105.0f) {  // not by fmaxf, which would make a number of NaN
    x = -105.0f;
  }
  if (x > 89.0f) {
    x = 89.0f;
  }
  const float n = rintf(x * 1.44269504f);
  float r = fmaf(n, -0.693145752f, x);  // ln 2 in two parts; the first has 15 bits, so that n times it is exact
  r = fmaf(n, -1.42860677e-6f, r);
  float p = 1.38145976e-3f;
  p = fmaf(p, r, 8.36871658e-3f);
  p = fmaf(p, r, 4.1668389e-2f);
  p = fmaf(p, r, 1.66665211e-1f);
  p = fmaf(p, r, 0.49999994f);
  p = fmaf(p, r * r, r) + 1.0f;
  // 2^n in two factors: 2^-151 alone is no float.
  const int whole = x == x ? static_cast<int>(n) : 0;
  const int first = whole / 2;
  return p * __uint_as_float(static_cast<unsigned>(first + 127) << 23) * __uint_as_float(static_cast<unsigned>(whole - first + 127) << 23);
}

}  // namespace kp::cuda

#endif
