// Gumbel noise from the counter-based generator that JAX uses, so that a seed gives the same text
// with and without this library.

#include "../sampling.h"
#include "exponential.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

typedef uint32_t UintVector __attribute__((vector_size(4 * kLanes)));

// Threefry-2x32 with 20 rounds (Salmon et al. 2011) of the counter (x, y), in place.
template <class Word>
void threefry(uint32_t key0, uint32_t key1, Word& x, Word& y) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key0, key1, key0 ^ key1 ^ 0x1bd11bdau};
  x += keys[0];
  y += keys[1];
  for (int group = 0; group < 5; ++group) {
    for (const int rotation : kRotations[group % 2]) {
      x += y;
      y = x ^ (y << rotation | y >> (32 - rotation));
    }
    x += keys[(group + 1) % 3];
    y += keys[(group + 2) % 3] + static_cast<uint32_t>(group + 1);
  }
}

void gumbel(uint32_t seed, uint32_t position, int64_t ids, float* noise) {
  uint32_t key0 = 0, key1 = position;  // becomes the key of this position
  threefry(0, seed, key0, key1);
  UintVector lanes;
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
  for (int64_t id = 0; id < ids; id += kLanes) {
    UintVector x = {}, y = lanes + static_cast<uint32_t>(id);
    threefry(key0, key1, x, y);
    // The highest bits are the fraction of a float from 1 to 2, and zero becomes the least float.
    const Vector uniform = (Vector)(((x ^ y) >> 9) | 0x3f800000u) - 1.0f;
    const Vector positive = uniform > 0.0f ? uniform : broadcast(__FLT_MIN__);
    store(noise + id, -log(-log(positive)));
  }
}

}  // namespace

extern const SamplingKernels sampling_kernels;
const SamplingKernels sampling_kernels = {gumbel};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
