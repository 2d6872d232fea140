// The exponential and the logarithm of vectors of float32.

#ifndef TEXTRNN_KERNELS_EXPONENTIAL_H_
#define TEXTRNN_KERNELS_EXPONENTIAL_H_

#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

constexpr float kLog2High = 0.693359375f;  // few enough bits that its multiples are exact
constexpr float kLog2Low = -2.12194440e-4f;

// e^x = 2^n e^r with |r| <= log(2) / 2 and the Taylor series of e^r, whose error is 5e-9. Below
// -87, where the result is no normal number, it is 0; above 88 it is e^88. NaN gives NaN.
inline Vector exp(Vector x) {
  constexpr float kLeast = -87.0f, kMost = 88.0f;
  const Vector bounded = x < kLeast ? broadcast(kLeast) : x > kMost ? broadcast(kMost) : x;
  // Adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
  constexpr float kRound = 12582912.0f;
  const Vector shifted = bounded * 1.44269504f + kRound;
  const Vector n = shifted - kRound;
  const Vector r = bounded - n * kLog2High - n * kLog2Low;
  Vector series = broadcast(1.0f / 5040);
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * r + 1.0f;
  series = series * r + 1.0f;
  const Vector power = (Vector)(((IntVector)shifted + 127) << 23);
  return x < kLeast ? Vector{} : series * power;
}

// log x = n log 2 + log m with m between sqrt(1/2) and sqrt(2), and the series of
// log m = 2 artanh((m - 1) / (m + 1)), whose error is 4e-9. For normal positive numbers only; NaN
// gives NaN.
inline Vector log(Vector x) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  const IntVector n = ((IntVector)x - kSqrtHalf) >> 23;
  const Vector m = (Vector)((IntVector)x - (n << 23));
  const Vector z = (m - 1.0f) / (m + 1.0f);
  const Vector y = z * z;
  Vector series = broadcast(2.0f / 9);
  series = series * y + 2.0f / 7;
  series = series * y + 2.0f / 5;
  series = series * y + 2.0f / 3;
  series = series * y + 2.0f;
  const Vector exponent = __builtin_convertvector(n, Vector);
  return x != x ? x : exponent * kLog2High + (exponent * kLog2Low + z * series);
}

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_EXPONENTIAL_H_
