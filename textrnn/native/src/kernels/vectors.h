// Vectors of float32 as wide as the instruction set, by the vector types of the compiler.
//
// Every file in kernels/ is compiled once per instruction set. Code that the linker could share
// between those copies, such as a template of the standard library, would run with the wrong
// instructions. So these files call nothing from the standard library but memcpy and memset, and
// define everything inside TEXTRNN_ISA_NAMESPACE.

#ifndef TEXTRNN_KERNELS_VECTORS_H_
#define TEXTRNN_KERNELS_VECTORS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kLanes = 4;
constexpr int kRegisters = 32;
#else
constexpr int kLanes = 4;
constexpr int kRegisters = 16;
#endif

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVector __attribute__((vector_size(4 * kLanes), aligned(4)));
typedef int32_t IntVector __attribute__((vector_size(4 * kLanes)));

inline Vector load(const float* source) {
  return *reinterpret_cast<const UnalignedVector*>(source);
}

inline void store(float* target, Vector value) {
  *reinterpret_cast<UnalignedVector*>(target) = value;
}

// How many of the `left` columns that remain lie in one vector.
inline int64_t lanes_of(int64_t left) { return left < 0 ? 0 : left > kLanes ? kLanes : left; }

// The first `count` lanes, the others zero.
inline Vector load(const float* source, int64_t count) {
  if (count >= kLanes) return load(source);
  Vector value = {};
  std::memcpy(&value, source, count * sizeof(float));
  return value;
}

inline void store(float* target, Vector value, int64_t count) {
  if (count >= kLanes) {
    store(target, value);
  } else {
    std::memcpy(target, &value, count * sizeof(float));
  }
}

// value - 0 is value, -0 included, so this is one instruction. 0 + value would be two.
inline Vector broadcast(float value) { return value - Vector{}; }

// Bytes as floats, by intrinsics: GCC 12 takes __builtin_convertvector apart.
#if defined(__AVX512F__)
#define TEXTRNN_WIDENS_BYTES
inline Vector widen(const int8_t* source) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
  // Without a mask, GCC 12 warns about its own header.
  const auto integers = reinterpret_cast<IntVector>(_mm512_maskz_cvtepi8_epi32(0xffff, bytes));
  return __builtin_convertvector(integers, Vector);
}
#elif defined(__AVX2__)
#define TEXTRNN_WIDENS_BYTES
inline Vector widen(const int8_t* source) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source));
  const auto integers = reinterpret_cast<IntVector>(_mm256_cvtepi8_epi32(bytes));
  return __builtin_convertvector(integers, Vector);
}
#endif

// x P(x^2) / Q(x^2), with the coefficients of the smallest relative error on [0, 8.5], 1.2e-8; with
// rounding 4e-7. Beyond 8.5, tanh is 1 to within 1e-7. NaN gives NaN.
inline Vector tanh(Vector x) {
  constexpr float kLimit = 8.5f;
  x = x < -kLimit ? broadcast(-kLimit) : x;
  x = x > kLimit ? broadcast(kLimit) : x;
  const Vector y = x * x;
  Vector p = broadcast(1.426908694e-08f);
  p = p * y + 2.125094349e-05f;
  p = p * y + 3.534020789e-03f;
  p = p * y + 1.341324185e-01f;
  p = p * y + 9.999999882e-01f;
  Vector q = broadcast(8.145065979e-07f);
  q = q * y + 3.348854831e-04f;
  q = q * y + 2.602272835e-02f;
  q = q * y + 4.674656459e-01f;
  q = q * y + 1.0f;
  return x * p / q;
}

inline Vector sigmoid(Vector x) { return 0.5f * tanh(0.5f * x) + 0.5f; }

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_VECTORS_H_
