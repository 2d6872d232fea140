// Sums over the lanes of vectors.

#ifndef TEXTRNN_KERNELS_SUMS_H_
#define TEXTRNN_KERNELS_SUMS_H_

#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

typedef float Quad __attribute__((vector_size(16)));

inline float total(Vector x) {
  Quad parts[kLanes / 4];
  std::memcpy(parts, &x, sizeof(x));
  Quad sum = parts[0];
  for (int i = 1; i < kLanes / 4; ++i) sum += parts[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

inline float dot(const float* a, const float* b, int64_t size) {
  Vector sum = {};
  for (int64_t i = 0; i < size; i += kLanes) {
    sum += load(a + i, size - i) * load(b + i, size - i);
  }
  return total(sum);
}

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_SUMS_H_
