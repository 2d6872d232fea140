// The matrix product that every kernel is built on.
//
// A matrix of K x N is packed into panels of kVectors vectors of columns. A panel is contiguous,
// [K][kVectors][kLanes], and the columns past the last one are zero:
//
//     float panels[ceil(N / (kVectors * kLanes))][K][kVectors][kLanes]
//
// `product` multiplies a few rows by one panel and leaves the sums in registers, so that what
// follows (a cell, a bias) needs no pass over memory of its own.

#ifndef TEXTRNN_KERNELS_PRODUCT_H_
#define TEXTRNN_KERNELS_PRODUCT_H_

#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

// Rows per product, so that sums, one row of the panel and one factor fit into the registers.
template <int kVectors>
constexpr int kMaxRows = (kRegisters - (kRegisters == 32 ? kVectors : 1) - 1) / kVectors;

// sums[m][v] = the product of rows[m] and vector v of the panel.
template <int kRows, int kVectors>
inline __attribute__((always_inline)) void product(const float* const* rows, int64_t inputs,
                                                   const float* panel,
                                                   Vector (&sums)[kRows][kVectors]) {
  const float* row[kRows];
  Vector sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m) {
    row[m] = rows[m];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector{};
  }
  for (int64_t k = 0; k < inputs; ++k) {
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) {
      const Vector factor = broadcast(row[m][k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * load(panel + v * kLanes);
    }
    panel += kVectors * kLanes;
  }
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[m][v] = sum[m][v];
  }
}

template <int kValue>
struct Count {
  static constexpr int value = kValue;
};

// Calls body(first, Count<n>) for blocks of n <= kMax rows, as equal as possible.
template <int kMax, class Body>
inline __attribute__((always_inline)) void for_each_block(int64_t rows, Body body) {
  static_assert(kMax <= 10);
  const int64_t blocks = (rows + kMax - 1) / kMax;
  int64_t first = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t count = (rows - first + blocks - block - 1) / (blocks - block);
    switch (count) {
#define TEXTRNN_BLOCK(n)                                     \
  case n:                                                    \
    if constexpr (n <= kMax) body(first, Count<n>{});        \
    break;
      TEXTRNN_BLOCK(1)
      TEXTRNN_BLOCK(2)
      TEXTRNN_BLOCK(3)
      TEXTRNN_BLOCK(4)
      TEXTRNN_BLOCK(5)
      TEXTRNN_BLOCK(6)
      TEXTRNN_BLOCK(7)
      TEXTRNN_BLOCK(8)
      TEXTRNN_BLOCK(9)
      TEXTRNN_BLOCK(10)
#undef TEXTRNN_BLOCK
    }
    first += count;
  }
}

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_PRODUCT_H_
