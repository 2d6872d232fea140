// Products of a few rows with one panel of a matrix (panels.h), which every kernel is built on.
//
// The sums stay in registers, so that what follows (a cell, a bias) needs no pass over memory of
// its own. Three classes hold the rows, with the same interface:
//
//     rows.prepare(pointers, count)               the rows of the products that follow
//     rows.multiply(matrix, panel, first, sums)   rows first, first + 1, ... times one panel
//
// FloatRows multiplies floats. DigitRows multiplies a matrix of bytes and Bfloat16Rows one of pairs
// of bfloat16, on processors that have an instruction for it.

#ifndef TEXTRNN_KERNELS_PRODUCT_H_
#define TEXTRNN_KERNELS_PRODUCT_H_

#include "../panels.h"
#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

class FloatRows {
 public:
  // Rows per product, so that sums, one row of the panel and one factor fit into the registers.
  template <int kVectors>
  static constexpr int kMax =
      (kRegisters - (kRegisters == 32 ? kVectors : 1) - 1) / kVectors;

  explicit FloatRows(int64_t inputs) : inputs_(inputs) {}

  void prepare(const float* const* rows, int64_t count) {
    rows_ = rows;
    few_ = count <= kFew;
  }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void multiply(const Matrix& matrix, int64_t panel, int64_t first,
                                              Vector (&sums)[kRows][kVectors]) const {
#if defined(TEXTRNN_WIDENS_BYTES)
    if constexpr (kRows <= kFew) {
      if (few_ && matrix.bytes) return multiply_bytes(matrix, panel, rows_ + first, sums);
    }
#endif
    multiply_floats(matrix, panel, rows_ + first, sums);
  }

 private:
  // With so few rows, reading a panel takes longer than the arithmetic. Its bytes are a quarter.
  static constexpr int kFew = 1;

  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void multiply_floats(const Matrix& matrix, int64_t panel,
                                                     const float* const* rows,
                                                     Vector (&sums)[kRows][kVectors]) const {
    const float* weights = matrix.floats + panel * inputs_ * kVectors * kLanes;
    const float* row[kRows];
    Vector sum[kRows][kVectors];
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
      row[m] = rows[m];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector{};
    }
    for (int64_t k = 0; k < inputs_; ++k) {
#pragma GCC unroll 10
      for (int m = 0; m < kRows; ++m) {
        const Vector factor = broadcast(row[m][k]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * load(weights + v * kLanes);
      }
      weights += kVectors * kLanes;
    }
    copy(sum, sums);
  }

#if defined(TEXTRNN_WIDENS_BYTES)
  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void multiply_bytes(const Matrix& matrix, int64_t panel,
                                                    const float* const* rows,
                                                    Vector (&sums)[kRows][kVectors]) const {
    const int8_t* weights = matrix.bytes + panel * inputs_ * kVectors * kLanes;
    const float* row[kRows];
    Vector sum[kRows][kVectors];
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
      row[m] = rows[m];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector{};
    }
    for (int64_t k = 0; k < inputs_; ++k) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Vector weight = widen(weights + v * kLanes);
#pragma GCC unroll 10
        for (int m = 0; m < kRows; ++m) sum[m][v] += broadcast(row[m][k]) * weight;
      }
      weights += kVectors * kLanes;
    }
    const float* scales = matrix.scales + panel * kVectors * kLanes;
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[m][v] = sum[m][v] * load(scales + v * kLanes);
    }
  }

#endif

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void copy(const Vector (&from)[kRows][kVectors],
                                                 Vector (&to)[kRows][kVectors]) {
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) to[m][v] = from[m][v];
    }
  }

  int64_t inputs_;
  const float* const* rows_ = nullptr;
  bool few_ = false;
};

// Bytes of memory for `count` rows of DigitRows, which is enough for Bfloat16Rows.
inline int64_t row_bytes(int64_t inputs, int64_t count) {
  const int64_t padded = (inputs + 63) / 64 * 64;
  return count * (3 * padded + 64);
}

#if defined(__AVX512VNNI__)

// Rows as 24-bit integers, each relative to the largest magnitude of its row, in three digits of 8
// bits. `vpdpbusd` multiplies four unsigned bytes of a row by four signed bytes of a matrix and adds
// the products in one lane, so three digits cost 3/4 of the instructions that floats do, and read a
// quarter of the memory. The integer sums are exact: the result is at least as accurate as a sum of
// floats. (Splitting operands so that a unit for shorter numbers multiplies them exactly: Ozaki et
// al. 2012.)
class DigitRows {
 public:
  template <int kVectors>
  static constexpr int kMax = (kRegisters - kVectors - 1) / (3 * kVectors);

  // `memory` has row_bytes() bytes.
  DigitRows(int64_t inputs, uint8_t* memory)
      : inputs_(inputs), padded_((inputs + 63) / 64 * 64), memory_(memory) {}

  void prepare(const float* const* rows, int64_t count) {
    for (int64_t m = 0; m < count; ++m) split(rows[m], memory_ + m * stride());
  }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void multiply(const Matrix& matrix, int64_t panel, int64_t first,
                                              Vector (&sums)[kRows][kVectors]) const {
    constexpr int kDigitRows = 3 * kRows;
    const int64_t fours = (inputs_ + 3) / 4;
    const int8_t* weights = matrix.bytes + panel * fours * kVectors * kLanes * 4;
    const uint8_t* row[kDigitRows];
    IntVector sum[kDigitRows][kVectors];
#pragma GCC unroll 10
    for (int m = 0; m < kDigitRows; ++m) {
      row[m] = memory_ + (first + m / 3) * stride() + (m % 3) * padded_;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] = IntVector{};
    }
    for (int64_t k = 0; k < fours; ++k) {
#pragma GCC unroll 10
      for (int m = 0; m < kDigitRows; ++m) {
        int32_t four;
        std::memcpy(&four, row[m] + 4 * k, sizeof(four));
        const IntVector factor = IntVector{} + four;
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          IntVector weight;
          std::memcpy(&weight, weights + v * kLanes * 4, sizeof(weight));
          // GCC 12 moves the sums to other registers and to memory around its own builtin.
          asm("vpdpbusd %2, %1, %0" : "+v"(sum[m][v]) : "v"(factor), "v"(weight));
        }
      }
      weights += kVectors * kLanes * 4;
    }
    const float* scales = matrix.scales + panel * kVectors * kLanes;
    const int32_t* offsets = matrix.offsets + panel * kVectors * kLanes;
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
      float scale;
      std::memcpy(&scale, memory_ + (first + m) * stride() + 3 * padded_, sizeof(scale));
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        IntVector offset;
        std::memcpy(&offset, offsets + v * kLanes, sizeof(offset));
        const Vector low = __builtin_convertvector(sum[3 * m][v], Vector);
        const Vector middle = __builtin_convertvector(sum[3 * m + 1][v], Vector);
        const Vector high = __builtin_convertvector(sum[3 * m + 2][v] + offset, Vector);
        const Vector total = high * 65536.0f + (middle * 256.0f + low);
        sums[m][v] = total * (scale * load(scales + v * kLanes));
      }
    }
  }

 private:
  typedef uint8_t Bytes __attribute__((vector_size(kLanes)));

  int64_t stride() const { return 3 * padded_ + 64; }

  // Writes the digits of the row, the lowest first, and its scale.
  void split(const float* row, uint8_t* target) const {
    Vector largest = {};
    Vector invalid = {};  // NaN if the row has a value that is not finite
    for (int64_t k = 0; k < inputs_; k += kLanes) {
      const Vector x = load(row + k, lanes_of(inputs_ - k));
      const Vector magnitude = x < 0.0f ? -x : x;
      largest = magnitude > largest ? magnitude : largest;
      invalid += x * 0.0f;
    }
    float maximum = 0, scale = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      maximum = largest[lane] > maximum ? largest[lane] : maximum;
      scale += invalid[lane];
    }
    // Below, x * factor overflows; such a row counts as zero.
    // One less than 2^23 - 1, since x * factor may be rounded up by a half where the compiler does
    // not fuse it with the addition.
    const float factor = maximum > 1e-30f ? 8388606.0f / maximum : 0.0f;
    scale += maximum > 1e-30f ? maximum / 8388606.0f : 0.0f;
    std::memcpy(target + 3 * padded_, &scale, sizeof(scale));
    for (int64_t k = 0; k < inputs_; k += kLanes) {
      const Vector x = load(row + k, lanes_of(inputs_ - k));
      // The highest digit has 128 added, which `offsets` takes away again.
      const IntVector digits = __builtin_convertvector(x * factor + 8388608.0f, IntVector);
      for (int digit = 0; digit < 3; ++digit) {
        const Bytes bytes = __builtin_convertvector((digits >> (8 * digit)) & 255, Bytes);
        std::memcpy(target + digit * padded_ + k, &bytes, sizeof(bytes));
      }
    }
  }

  int64_t inputs_;
  int64_t padded_;
  uint8_t* memory_;
};

#endif  // defined(__AVX512VNNI__)

#if defined(__AVX512BF16__)

// Rows rounded to bfloat16. `vdpbf16ps` multiplies two adjacent values of a row by two of a matrix
// and adds the products to one lane of float32: half of the instructions that floats need. Subnormal
// operands and sums count as zero.
class Bfloat16Rows {
 public:
  template <int kVectors>
  static constexpr int kMax = FloatRows::kMax<kVectors>;

  // `memory` has row_bytes() bytes.
  Bfloat16Rows(int64_t inputs, uint8_t* memory)
      : inputs_(inputs), stride_((inputs + kLanes - 1) / kLanes * kLanes * 2), memory_(memory) {}

  void prepare(const float* const* rows, int64_t count) {
    for (int64_t m = 0; m < count; ++m) {
      for (int64_t k = 0; k < inputs_; k += kLanes) {
        const Vector x = load(rows[m] + k, lanes_of(inputs_ - k));
        const __m256bh rounded = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(x));
        std::memcpy(memory_ + m * stride_ + 2 * k, &rounded, sizeof(rounded));
      }
    }
  }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void multiply(const Matrix& matrix, int64_t panel, int64_t first,
                                              Vector (&sums)[kRows][kVectors]) const {
    const int64_t pairs = (inputs_ + 1) / 2;
    const uint16_t* weights = matrix.pairs + panel * pairs * kVectors * kLanes * 2;
    const uint8_t* row[kRows];
    Vector sum[kRows][kVectors];
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
      row[m] = memory_ + (first + m) * stride_;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector{};
    }
    for (int64_t k = 0; k < pairs; ++k) {
#pragma GCC unroll 10
      for (int m = 0; m < kRows; ++m) {
        int32_t pair;
        std::memcpy(&pair, row[m] + 4 * k, sizeof(pair));
        const IntVector factor = IntVector{} + pair;
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          IntVector weight;
          std::memcpy(&weight, weights + v * kLanes * 2, sizeof(weight));
          // As in DigitRows, GCC 12 moves the sums around its own builtin.
          asm("vdpbf16ps %2, %1, %0" : "+v"(sum[m][v]) : "v"(factor), "v"(weight));
        }
      }
      weights += kVectors * kLanes * 2;
    }
#pragma GCC unroll 10
    for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[m][v] = sum[m][v];
    }
  }

 private:
  int64_t inputs_;
  int64_t stride_;  // bytes from one row to the next
  uint8_t* memory_;
};

#endif  // defined(__AVX512BF16__)

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
